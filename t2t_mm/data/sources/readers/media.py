"""Image and sound files as values: the worker that writes the example reads them.

Whether they can be decoded, and in which form they are stored, is the business of
kinds/image_files.py and kinds/sound_files.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from t2t_mm.errors import DataError

# What Pillow and libsndfile read; the data pipeline stores PNG or JPEG, and PCM.
ENDINGS: dict[str, tuple[str, ...]] = {
    "image": (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"),
    "audio": (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".au"),
}


def media_value(path: Path, place: str) -> Callable[[], bytes]:
    """A picklable function without arguments that reads the file and tells its path in errors.

    Args:
      path: of the file.
      place: what names the file, e.g. "transcripts.tsv, line 3".

    Raises:
      DataError: if there is no such file.
    """
    if not path.is_file():
        raise DataError(f"{place} names {path}, which is missing.")
    return path.read_bytes
