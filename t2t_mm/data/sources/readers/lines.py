"""Lines of UTF-8 text files, plain or gzipped, with their numbers."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from t2t_mm.errors import DataError


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields (line number from 1, line without its end).

    Only a line feed ends a line, so that two aligned files stay aligned whatever other breaks
    (U+2028, form feed) their text holds. A byte order mark and carriage returns are dropped.

    Raises:
      DataError: for a file that cannot be read, or a line that is not UTF-8, with its number.
    """
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.rstrip(b"\r\n").decode("utf-8")
                yield number, text.removeprefix("\ufeff") if number == 1 else text
    except UnicodeDecodeError as cause:
        raise DataError(
            f"{path}, line {number} is not UTF-8 (byte {cause.start + 1} of the line: "
            f"{cause.reason}); convert the file, for instance with iconv -t UTF-8."
        ) from None
    except (OSError, EOFError, zlib.error) as cause:
        raise DataError(f"{path} cannot be read after line {number}: {cause}.") from None
