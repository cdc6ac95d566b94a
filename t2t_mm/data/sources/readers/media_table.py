"""A folder of recordings or images, and a table that says what is in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from t2t_mm.data.sources.readers.media import media_value
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.data.sources.readers.records import column, read_records
from t2t_mm.data.sources.readers.selection import is_chosen
from t2t_mm.errors import DataError


@dataclass(frozen=True, kw_only=True)
class MediaTable(Reader):
    """A table with a row per file.

    Attributes:
      path: of the table: TSV, CSV or JSONL, by its ending, or with a delimiter.
      folder: of the files.
      file: the column of the file's path below the folder.
      extension: added to that path, e.g. ".wav".
      files: globs or ranges of files to take; none for all.
      columns: names of the columns, if the table has no header line.
      delimiter: between columns, if the table's ending does not tell, or tells another.
    """

    TARGETS = ("text", "label")

    path: str
    folder: str
    file: str = "file"
    extension: str = ""
    files: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    delimiter: str | None = None

    @property
    def answer(self) -> str:
        """The column of the targets."""
        raise NotImplementedError

    def rows(self, roots: Roots, training: bool) -> Iterator[Row]:
        del training  # a row has one answer
        path, folder = roots.find(self.path), roots.find(self.folder)
        chosen = 0
        for number, record in read_records(path, None, self.delimiter, self.columns):
            place = f"{self.path}, line {number}"
            name = column(record, self.file, place) + self.extension
            if not is_chosen(name, self.files):
                continue
            chosen += 1
            value = media_value(folder / name, place)
            yield Row(place, value, column(record, self.answer, place), group=name)
        if not chosen:
            among = f" that matches {', '.join(self.files)}" if self.files else ""
            raise DataError(f"{path} names no file{among}.")


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

    label: str = "label"

    @property
    def answer(self) -> str:
        return self.label
