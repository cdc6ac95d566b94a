"""Image and sound files as values: the worker that writes the example reads them.

Which files they are tells kinds/file_endings.py; whether they can be decoded, and in which form
they are stored, is the business of kinds/image_files.py and kinds/sound_files.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from t2t_mm.errors import DataError
from t2t_mm.files.names import in_any_form
from t2t_mm.problem import Broken
from t2t_mm.registry import KINDS


def endings(medium: str) -> tuple[str, ...]:
    """The endings of the files that hold a medium, "image" or "audio": the decoder's own."""
    return KINDS.get(medium).suffixes


def media_value(path: Path, place: str) -> Callable[[], bytes]:
    """A picklable function without arguments that reads the file and tells its path in errors.

    Args:
      path: of the file, in any Unicode normal form.
      place: what names the file, e.g. "transcripts.tsv, line 3".

    Raises:
      DataError: if there is no such file.
    """
    value = media_item(path, place)
    if isinstance(value, Broken):
        raise DataError(value.sentence)
    return value


def media_item(path: Path, place: str) -> Callable[[], bytes] | Broken:
    """As `media_value`, with an item to be counted in place of an error."""
    there = in_any_form(path)
    if not os.path.isfile(there):
        return Broken("missing file", f"{place} names {path}, which is missing.", place)
    return there.read_bytes
