"""Tables of text with named columns: TSV, CSV and JSONL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from t2t_mm.data.sources.readers.media import media_value
from t2t_mm.data.sources.readers.reader import SEVERAL, Reader, Roots, Row, Value
from t2t_mm.data.sources.readers.records import Record, column, read_records


@dataclass(frozen=True)
class Column:
    """The place of one of several inputs in a table.

    Attributes:
      name: of the column.
      folder: of the files that it names, "" for the place where the problems file is; None if it
        holds the value itself.
    """

    name: str
    folder: str | None = None


@dataclass(frozen=True, kw_only=True)
class Table(Reader):
    """A table; subclasses say of which style.

    Attributes:
      path: of the file.
      inputs: name of the column (JSONL: key) of inputs.
      targets: likewise of targets.
      columns: names of the columns, if the file has no header line.
      delimiter: between columns, if it is not the format's.
      several: where the inputs stand, of a problem that has several; not a key of the file.
    """

    INPUTS = ("text", SEVERAL)
    TARGETS = ("text", "label", "tree", "number", "tags")
    STYLE: ClassVar[str]

    path: str
    inputs: str = "inputs"
    targets: str = "targets"
    columns: tuple[str, ...] = ()
    delimiter: str | None = None
    several: Mapping[str, Column] = field(default_factory=dict, metadata={"internal": True})

    def rows(self, roots: Roots, training: bool) -> Iterator[Row]:
        del training  # a row has one answer
        path = roots.find(self.path)
        for number, record in read_records(path, self.STYLE, self.delimiter, self.columns):
            place = f"{self.path}, line {number}"
            targets = column(record, self.targets, place)
            if self.several:
                yield self._row_of_several(record, roots, place, targets)
            else:
                inputs = column(record, self.inputs, place)
                yield Row(place, inputs, targets, group=inputs)

    def _row_of_several(self, record: Record, roots: Roots, place: str, targets: str) -> Row:
        """A row whose files, or else whose texts, are the group that is held out together."""
        texts = {name: column(record, where.name, place) for name, where in self.several.items()}
        files = {
            name: roots.find(where.folder or ".") / texts[name]
            for name, where in self.several.items()
            if where.folder is not None
        }
        values: dict[str, Value] = {**texts}
        values |= {name: media_value(path, place) for name, path in files.items()}
        group = "\n".join(texts[name] for name in files or texts)
        return Row(place, values, targets, group=group)


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
