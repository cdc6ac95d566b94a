"""Records of TSV, CSV and JSONL files: column names to values, with line numbers."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.errors import DataError, unknown

Record = Mapping[str, str]

STYLES = {".csv": "csv", ".tsv": "tsv", ".txt": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_QUOTED = (",", ";")  # with these, fields may be quoted as in CSV; with others a quote is a quote


def read_records(
    path: Path, style: str | None = None, delimiter: str | None = None, columns: Sequence[str] = ()
) -> Iterator[tuple[int, Record]]:
    """Yields (line number, record). Blank lines are left out.

    Args:
      path: of the file, gzipped if it ends in .gz.
      style: "tsv", "csv" or "jsonl"; None for what the ending tells.
      delimiter: between columns; None for the style's. With one the file may end as it likes.
      columns: names of the columns of a file that has no header line.

    Raises:
      DataError: for a malformed line, with its number, or an ending that tells nothing.
    """
    style = style or _style(path, delimiter)
    if style == "jsonl":
        yield from _json_records(path)
        return
    rows = _split(path, delimiter or _DELIMITERS[style])
    header = list(columns) or _header(path, rows)
    for number, cells in rows:
        if len(cells) != len(header):
            raise DataError(
                f"{path}, line {number} has {len(cells)} columns, not {len(header)} "
                f"({', '.join(header)})."
            )
        yield number, dict(zip(header, cells, strict=True))


def column(record: Record, name: str, place: str) -> str:
    """The value of one column.

    Args:
      record: from `read_records`.
      name: of the column.
      place: where the record stands, for the error.

    Raises:
      UnknownNameError: if there is no such column, with the nearest one.
    """
    if name not in record:
        raise unknown("column", name, record, place)
    return record[name]


def _style(path: Path, delimiter: str | None) -> str:
    ending = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if ending.lower() in STYLES:
        return STYLES[ending.lower()]
    if delimiter:
        return "tsv"
    raise DataError(
        f"{path} must end in {', '.join(STYLES)}, or in one of these and .gz; or name the "
        "delimiter between its columns."
    )


def _header(path: Path, rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    _, header = next(rows, (1, []))
    header = [name.strip() for name in header]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice or not header:
        what = f"names the column '{twice[0]}' twice" if twice else "is empty"
        raise DataError(f"{path} {what}; its first line must name each column once.")
    return header


def _split(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    if delimiter not in _QUOTED:
        for number, line in numbered_lines(path):
            if line:
                yield number, line.split(delimiter)
        return
    lines = (f"{line}\n" for _, line in numbered_lines(path))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as cause:
        raise DataError(f"{path}, line {reader.line_num} is malformed CSV: {cause}.") from None


def _json_records(path: Path) -> Iterator[tuple[int, Record]]:
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            record = json.loads(line)
        except ValueError as cause:
            raise DataError(f"{place} is malformed JSON: {cause}.") from None
        if not isinstance(record, dict):
            raise DataError(f"{place} must hold a JSON object, as every line of a JSONL file.")
        yield number, _LazyText(record, place)


class _LazyText(dict):
    """A JSON object whose values become text when asked for: keys that nobody reads may nest."""

    def __init__(self, values: Mapping[str, Any], place: str):
        super().__init__(values)
        self._place = place

    def __getitem__(self, name: str) -> str:
        value = super().__getitem__(name)
        if isinstance(value, str):
            return value
        if isinstance(value, (bool, int, float)):
            return json.dumps(value)
        raise DataError(f"{self._place}: '{name}' must be text or a number, got {value!r:.60}.")
