"""A folder of recordings or images, and a table that says what is in each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from t2t_mm.data.sources.readers.media import media_item
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row, repeated
from t2t_mm.data.sources.readers.records import read_records
from t2t_mm.data.sources.readers.selection import is_chosen, is_excluded
from t2t_mm.errors import DataError
from t2t_mm.files.names import same_form
from t2t_mm.problem import Broken


@dataclass(frozen=True, kw_only=True)
class MediaTable(Reader):
    """A table with a row per file.

    Attributes:
      SEVERAL_ANSWERS: a file may stand in several rows, if their answers differ.
      path: of the table: TSV, CSV or JSONL, by its ending, or with a delimiter.
      folder: of the files.
      file: the column of the file's path below the folder.
      extension: added to that path, e.g. ".wav".
      files: globs or ranges of files to take; none for all.
      exclude: globs of files and folders to leave out.
      columns: names of the columns, if the table has no header line.
      delimiter: between columns, if the table's ending does not tell, or tells another.
    """

    TARGETS = ("text", "label")
    SEVERAL_ANSWERS: ClassVar[bool] = False

    path: str
    folder: str
    file: str = "file"
    extension: str = ""
    files: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    delimiter: str | None = None

    @property
    def answer(self) -> str:
        """The column of the targets."""
        raise NotImplementedError

    def items(self, roots: Roots, training: bool) -> Iterator[Row | Broken]:
        del training  # a row has one answer
        path, folder = roots.find(self.path), roots.find(self.folder)
        chosen = 0
        seen: dict[tuple[str, ...], int] = {}
        for number, record in read_records(path, None, self.delimiter, self.columns):
            place = f"{self.path}, line {number}"
            if isinstance(record, Broken):
                yield record
                continue
            cells = record.cells((self.file, self.answer), place)
            if isinstance(cells, Broken):
                yield cells
                continue
            name, answer = same_form(cells[0] + self.extension), cells[1]
            if not is_chosen(name, self.files) or is_excluded(name, self.exclude):
                continue
            chosen += 1
            # A picture may have several captions; a recording has one transcript.
            key = (name, answer) if self.SEVERAL_ANSWERS else (name,)
            value = media_item(folder / name, place)
            if key in seen:
                yield repeated(name, place, seen[key])
            elif isinstance(value, Broken):
                yield value
            else:
                yield Row(place, value, answer, group=name)
            seen.setdefault(key, number)
        if not chosen:
            among = f" that matches {', '.join(self.files)}" if self.files else ""
            raise DataError(f"{path} names no file{among}.")

    def named_files(self, roots: Roots) -> tuple[str, set[str]]:
        names = set()
        records = read_records(roots.find(self.path), None, self.delimiter, self.columns)
        for number, record in records:
            cells = record if isinstance(record, Broken) else record.cells([self.file], str(number))
            if not isinstance(cells, Broken):
                names.add(same_form(os.path.normpath(cells[0] + self.extension)))
        return self.folder, names


@dataclass(frozen=True, kw_only=True)
class WavTable(MediaTable):
    """Recordings and their transcripts.

    Attributes:
      transcript: the column of what is said (or of its class).
    """

    INPUTS = ("audio",)

    transcript: str = "transcript"

    @property
    def answer(self) -> str:
        return self.transcript


@dataclass(frozen=True, kw_only=True)
class ImageTable(MediaTable):
    """Images and their class or caption.

    Attributes:
      label: the column of the class, or of the caption.
    """

    INPUTS = ("image",)
    SEVERAL_ANSWERS = True

    label: str = "label"

    @property
    def answer(self) -> str:
        return self.label
