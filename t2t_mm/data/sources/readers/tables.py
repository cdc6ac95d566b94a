"""Tables of text with named columns: TSV, CSV and JSONL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.data.sources.readers.records import column, read_records


@dataclass(frozen=True, kw_only=True)
class Table(Reader):
    """A table; subclasses say of which style.

    Attributes:
      path: of the file.
      inputs: name of the column (JSONL: key) of inputs.
      targets: likewise of targets.
      columns: names of the columns, if the file has no header line.
      delimiter: between columns, if it is not the format's.
    """

    TARGETS = ("text", "label", "tree", "number", "tags")
    STYLE: ClassVar[str]

    path: str
    inputs: str = "inputs"
    targets: str = "targets"
    columns: tuple[str, ...] = ()
    delimiter: str | None = None

    def rows(self, roots: Roots, training: bool) -> Iterator[Row]:
        del training  # a row has one answer
        path = roots.find(self.path)
        for number, record in read_records(path, self.STYLE, self.delimiter, self.columns):
            place = f"{self.path}, line {number}"
            inputs = column(record, self.inputs, place)
            yield Row(place, inputs, column(record, self.targets, place), group=inputs)


@dataclass(frozen=True, kw_only=True)
class Tsv(Table):
    """Columns between tabs; quotes are ordinary characters."""

    STYLE = "tsv"


@dataclass(frozen=True, kw_only=True)
class Csv(Table):
    """Columns between commas; fields may be quoted, and then hold commas and line breaks."""

    STYLE = "csv"


@dataclass(frozen=True, kw_only=True)
class Jsonl(Table):
    """A JSON object per line."""

    STYLE = "jsonl"
