"""Records of TSV, CSV and JSONL files: column names to values, with line numbers."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_mm.data.sources.readers.lines import broken_line
from t2t_mm.errors import DataError, unknown
from t2t_mm.files.names import same_form
from t2t_mm.files.text import BadLine, lines_of
from t2t_mm.problem import Broken

STYLES = {".csv": "csv", ".tsv": "tsv", ".txt": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
PACKED = (".gz", ".bz2", ".xz")  # endings after that of the style
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_QUOTED = (",", ";")  # with these, fields may be quoted as in CSV; with others a quote is a quote


class Record:
    """A row by the names of its columns, which are compared in one Unicode normal form.

    Args:
      values: name -> value.
    """

    def __init__(self, values: Mapping[str, Any]):
        self._values = {same_form(name): value for name, value in values.items()}

    def __contains__(self, name: str) -> bool:
        return same_form(name) in self._values

    def cells(self, names: Sequence[str], place: str) -> list[str] | Broken:
        """The values of columns.

        Args:
          names: of the columns.
          place: where the record stands, for the error.

        Raises:
          UnknownNameError: if the table has no such column, with the nearest one.
        """
        for name in names:
            if name not in self:
                raise unknown("column", name, self._values, place)
        return [self._values[same_form(name)] for name in names]


class _Object(Record):
    """A JSON object: each may lack a key, and keys that nobody reads may nest."""

    def cells(self, names: Sequence[str], place: str) -> list[str] | Broken:
        found: list[str] = []
        for name in names:
            if name not in self:
                sentence = str(unknown("column", name, self._values, place))
                return Broken(f"rows without '{name}'", sentence, place)
            cell = _as_text(self._values[same_form(name)])
            if cell is None:
                got = f"{self._values[same_form(name)]!r:.60}"
                sentence = f"{place}: '{name}' must be text or a number, got {got}."
                return Broken("values that are no text", sentence, place)
            found.append(cell)
        return found


def _as_text(value: Any) -> str | None:
    """Text of a JSON value, "" for null; None for what is no text."""
    if value is None:
        return ""
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if not isinstance(value, str):
        return None
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    return value


def read_records(
    path: Path, style: str | None = None, delimiter: str | None = None, columns: Sequence[str] = ()
) -> Iterator[tuple[int, Record | Broken]]:
    """Yields (line number, record). Blank lines are left out.

    Args:
      path: of the file, packed or plain.
      style: "tsv", "csv" or "jsonl"; None for what the ending tells.
      delimiter: between columns; None for the style's. With one the file may end as it likes.
      columns: names of the columns of a file that has no header line.

    Yields:
      A `Broken` in place of a record that is malformed.

    Raises:
      DataError: for a header that is none, an ending that tells nothing, or a quote that is never
        closed, after which nothing can be read.
    """
    style = style or _style(path, delimiter)
    if style == "jsonl":
        yield from _json_records(path)
        return
    rows = _split(path, delimiter or _DELIMITERS[style])
    header = list(columns) or _header(path, rows)
    for number, cells in rows:
        if isinstance(cells, Broken):
            yield number, cells
        elif len(cells) != len(header):
            place = f"{path}, line {number}"
            sentence = f"{place} has {len(cells)} columns, not {len(header)} ({', '.join(header)})."
            yield number, Broken("rows of another width", sentence, place)
        else:
            yield number, Record(dict(zip(header, cells, strict=True)))


def _style(path: Path, delimiter: str | None) -> str:
    ending = path.with_suffix("").suffix if path.suffix.lower() in PACKED else path.suffix
    if ending.lower() in STYLES:
        return STYLES[ending.lower()]
    if delimiter:
        return "tsv"
    raise DataError(
        f"{path} must end in {', '.join(STYLES)}, or in one of these and {', '.join(PACKED)}; or "
        "name the delimiter between its columns."
    )


def _header(path: Path, rows: Iterator[tuple[int, list[str] | Broken]]) -> list[str]:
    _, header = next(rows, (1, []))
    if isinstance(header, Broken):
        raise DataError(header.sentence)
    header = [same_form(name.strip()) for name in header]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice or not header:
        what = f"names the column '{twice[0]}' twice" if twice else "is empty"
        raise DataError(f"{path} {what}; its first line must name each column once.")
    return header


def _split(path: Path, delimiter: str) -> Iterator[tuple[int, list[str] | Broken]]:
    if delimiter in _QUOTED:
        yield from _split_quoted(path, delimiter)
        return
    for number, line in enumerate(lines_of(path), start=1):
        if isinstance(line, BadLine):
            yield number, broken_line(path, number, line)
        elif line:
            yield number, line.split(delimiter)


def _split_quoted(path: Path, delimiter: str) -> Iterator[tuple[int, list[str] | Broken]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a cell may hold a whole article
    bad: dict[int, BadLine] = {}
    reader = csv.reader(_csv_lines(path, bad), delimiter=delimiter, strict=True)
    first = 1
    while True:
        row: list[str] | Broken
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as cause:
            row = _malformed(path, first, reader.line_num, str(cause))
        number = reader.line_num
        lines = sorted(line for line in bad if first <= line <= number)
        if lines:  # a record is broken once, whatever else is wrong with it
            row = broken_line(path, lines[0], bad[lines[0]])
            bad.clear()
        if row:
            yield number, row
        first = number + 1


def _csv_lines(path: Path, bad: dict[int, BadLine]) -> Iterator[str]:
    """The lines as CSV's parser takes them; bad ones, by number, are told in `bad`."""
    for number, line in enumerate(lines_of(path), start=1):
        if isinstance(line, BadLine):
            bad[number] = line
            line = line.shown
        yield f"{line}\n"


def _malformed(path: Path, first: int, number: int, cause: str) -> Broken:
    if "unexpected end" in cause:
        raise DataError(
            f"{path}: a quote that opens in line {first} is never closed; close it (a quote within "
            "a field is written twice)."
        )
    if "new-line" in cause:  # the parser's words are a programmer's
        cause = "a carriage return stands in a field without quotes"
    place = f"{path}, line {number}"
    return Broken("malformed rows", f"{place} is malformed CSV: {cause}.", place)


def _json_records(path: Path) -> Iterator[tuple[int, Record | Broken]]:
    for number, line in enumerate(lines_of(path), start=1):
        if isinstance(line, BadLine):
            yield number, broken_line(path, number, line)
        elif line.strip():
            yield number, _json_record(line, f"{path}, line {number}")


def _json_record(line: str, place: str) -> Record | Broken:
    try:
        record = json.loads(line)
    except (RecursionError, ValueError) as cause:
        return Broken("malformed rows", f"{place} is malformed JSON: {cause}.", place)
    if not isinstance(record, dict):
        sentence = f"{place} must hold a JSON object, as every line of a JSONL file."
        return Broken("malformed rows", sentence, place)
    return _Object(record)
