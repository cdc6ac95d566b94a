"""Tables of text with named columns: TSV, CSV and JSONL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from t2t_mm.data.sources.readers.media import media_item
from t2t_mm.data.sources.readers.reader import SEVERAL, Reader, Roots, Row, Value
from t2t_mm.data.sources.readers.records import Record, read_records
from t2t_mm.files.names import same_form
from t2t_mm.problem import Broken


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
      id: the column of the rows' ids, which must not occur twice, where there is one.
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
    id: str = "id"
    several: Mapping[str, Column] = field(default_factory=dict, metadata={"internal": True})

    def items(self, roots: Roots, training: bool) -> Iterator[Row | Broken]:
        del training  # a row has one answer
        path = roots.find(self.path)
        seen: dict[str, int] = {}
        for number, record in read_records(path, self.STYLE, self.delimiter, self.columns):
            place = f"{self.path}, line {number}"
            if isinstance(record, Broken):
                yield record
                continue
            yield self._again(record, place, number, seen) or self._item(record, roots, place)

    def _again(
        self, record: Record, place: str, number: int, seen: dict[str, int]
    ) -> Broken | None:
        """The item for a row whose id an earlier one has."""
        cells = record.cells((self.id,), place) if self.id in record else [""]
        if isinstance(cells, Broken) or not cells[0]:
            return None
        first = seen.setdefault(cells[0], number)
        if first == number:
            return None
        sentence = (
            f"{place} has the {self.id} '{cells[0]}' of line {first}; remove one of the two, or "
            'say id = "" if rows may share it.'
        )
        return Broken("ids that occur twice", sentence, place)

    def _item(self, record: Record, roots: Roots, place: str) -> Row | Broken:
        if self.several:
            return self._item_of_several(record, roots, place)
        cells = record.cells((self.inputs, self.targets), place)
        if isinstance(cells, Broken):
            return cells
        inputs, targets = cells
        return Row(place, inputs, targets, group=inputs)

    def _item_of_several(self, record: Record, roots: Roots, place: str) -> Row | Broken:
        """A row whose files, or else whose texts, are the group that is held out together."""
        cells = record.cells([self.targets, *(c.name for c in self.several.values())], place)
        if isinstance(cells, Broken):
            return cells
        targets, texts = cells[0], dict(zip(self.several, cells[1:], strict=True))
        values: dict[str, Value] = {**texts}
        files = [name for name, where in self.several.items() if where.folder is not None]
        for name in files:
            path = roots.find(self.several[name].folder or ".") / texts[name]
            value = media_item(path, place)
            if isinstance(value, Broken):
                return value
            values[name] = value
        group = "\n".join(
            same_form(texts[name]) if files else texts[name] for name in files or texts
        )
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
