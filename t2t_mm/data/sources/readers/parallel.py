"""Parallel corpora as WMT publishes them: pairs of line-aligned files, plain, gzipped or SGML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from t2t_mm.data.sources.readers.lines import broken_line
from t2t_mm.errors import DataError
from t2t_mm.files.text import BadLine, lines_of
from t2t_mm.problem import Broken

_SEGMENT = re.compile(r"<seg[^>]*>(.*?)</seg>", re.IGNORECASE)


def pairs(left: Path, right: Path) -> Iterator[tuple[str, str] | Broken]:
    """Yields the texts of line n of both files; a Broken where one of them is no text.

    Raises:
      DataError: if they have not as many lines.
    """
    for number, (one, other) in enumerate(zip_longest(_texts(left), _texts(right)), start=1):
        if one is None or other is None:
            shorter = left if one is None else right
            raise DataError(
                f"{left} and {right} are not aligned: {shorter} ends after {number - 1} lines."
            )
        if isinstance(one, Broken):
            yield one
        elif isinstance(other, Broken):
            yield other
        else:
            yield one, other


def _texts(path: Path) -> Iterator[str | Broken]:
    """The lines of a text file, or the segments of an SGML one (newstest2014-deen-src.en.sgm)."""
    for number, line in enumerate(lines_of(path), start=1):
        if isinstance(line, BadLine):
            yield broken_line(path, number, line)
        elif path.name.removesuffix(".gz").endswith(".sgm"):
            yield from (html.unescape(found) for found in _SEGMENT.findall(line))
        else:
            yield line
