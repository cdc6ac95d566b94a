"""Parallel corpora as WMT publishes them: pairs of line-aligned files, plain, gzipped or SGML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.errors import DataError

_SEGMENT = re.compile(r"<seg[^>]*>(.*?)</seg>", re.IGNORECASE)


def pairs(left: Path, right: Path) -> Iterator[tuple[str, str]]:
    """Yields the texts of line n of both files.

    Raises:
      DataError: if they have not as many lines.
    """
    for number, (one, other) in enumerate(zip_longest(_texts(left), _texts(right)), start=1):
        if one is None or other is None:
            shorter = left if one is None else right
            raise DataError(
                f"{left} and {right} are not aligned: {shorter} ends after {number - 1} lines."
            )
        yield one, other


def _texts(path: Path) -> Iterator[str]:
    """The lines of a text file, or the segments of an SGML one (newstest2014-deen-src.en.sgm)."""
    for _, line in numbered_lines(path):
        if path.name.removesuffix(".gz").endswith(".sgm"):
            yield from (html.unescape(found) for found in _SEGMENT.findall(line))
        else:
            yield line
