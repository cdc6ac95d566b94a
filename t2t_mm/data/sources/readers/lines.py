"""Lines of UTF-8 text files, packed or plain, with their numbers; files/text.py reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from t2t_mm.errors import DataError
from t2t_mm.files.text import BadLine, lines_of
from t2t_mm.problem import Broken


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields (line number from 1, line without its end); see `lines_of`.

    Raises:
      DataError: for a file that cannot be read, or a line that is not UTF-8, with its number.
    """
    for number, line in enumerate(lines_of(path), start=1):
        if isinstance(line, BadLine):
            raise DataError(broken_line(path, number, line).sentence)
        yield number, line


def broken_line(path: str | Path, number: int, line: BadLine) -> Broken:
    """The item that stands for a line which is no text."""
    place = f"{path}, line {number}"
    return Broken(line.reason, f"{place} {line.detail}.", place)
