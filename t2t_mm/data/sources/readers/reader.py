"""The base of readers: each knows one file format and gives rows, in an order that never changes.

A reader is a frozen record whose fields are the keys that a problems file may write. It knows
nothing of problems, hold-outs or filters: see problems_file/.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from t2t_mm.errors import DataError
from t2t_mm.files.names import in_any_form
from t2t_mm.problem import Broken, SourceNote

SEVERAL = "several"  # in `Reader.INPUTS`: rows hold several inputs, by name

Value = str | Callable[[], bytes]  # text, or what gives the bytes of an encoded file


@dataclass(frozen=True)
class Row:
    """One example as it stands in the files.

    Attributes:
      key: where it stands, e.g. "train.en, line 3": unique, and the same on every machine.
      inputs: text, or a function without arguments that gives the bytes of an encoded file; of a
        problem of several inputs, these by name.
      targets: text; a class name where the problem has classes.
      target_key: where the targets stand, if elsewhere.
      group: rows of one group are never split between training and held-out data; "" is the key.
      references: all right answers, where there are several.
    """

    key: str
    inputs: Value | Mapping[str, Value]
    targets: str
    target_key: str = ""
    group: str = ""
    references: tuple[str, ...] = ()


def repeated(name: str, place: str, line: int) -> Broken:
    """The item for a row whose id an earlier one has.

    Args:
      name: the id.
      place: of the row.
      line: of the earlier one, in the same file.
    """
    sentence = f"{place} names '{name}', as line {line} does; remove one of the two."
    return Broken("ids that occur twice", sentence, place)


@dataclass(frozen=True)
class Roots:
    """The folders that a relative path may start from, in the order in which they are tried."""

    folders: tuple[Path, ...]

    def find(self, path: str) -> Path:
        """The first existing file or folder of that name.

        Raises:
          DataError: if there is none, with every place that was tried.
        """
        places = list(dict.fromkeys(root / Path(path).expanduser() for root in self.folders))
        for place in map(in_any_form, places):
            if os.path.exists(place):
                return place
        tried = " nor at ".join(str(place) for place in places)
        neither = "neither at " if len(places) > 1 else "not at "
        raise DataError(
            f"'{path}' is {neither}{tried}; put it there, or point --tmp_dir to its root."
        )


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A file format.

    Attributes:
      INPUTS: what it can give as inputs: "text", "image", "audio", SEVERAL.
      TARGETS: likewise as targets: "text", "label", "tree".
      LINEAR_TREES: its trees are as they are to be stored: nobody need parse them again.
      medium: which of INPUTS the problem asks for; not a key of the problems file.
    """

    INPUTS: ClassVar[tuple[str, ...]] = ("text",)
    TARGETS: ClassVar[tuple[str, ...]] = ("text",)
    LINEAR_TREES: ClassVar[bool] = False

    medium: str = field(default="text", metadata={"internal": True})

    def items(self, roots: Roots, training: bool) -> Iterator[Row | Broken]:
        """Yields the rows, always the same ones in the same order; what is no row, as Broken.

        Args:
          roots: where paths start.
          training: a row may be yielded once for each of its answers, instead of once with all
            of them as references.

        Raises:
          DataError: for what makes the whole source useless: it is missing, or of another format.
        """
        raise NotImplementedError(f"{type(self).__name__} must define items")

    def rows(self, roots: Roots, training: bool) -> Iterator[Row]:
        """Yields the rows; see `items`.

        Raises:
          DataError: also for what is no row, with its place.
        """
        for item in self.items(roots, training):
            if isinstance(item, Broken):
                raise DataError(item.sentence)
            yield item

    def labels(self, roots: Roots) -> tuple[str, ...]:
        """The class names in the order of their ids; sorted, unless the format has an order."""
        items = self.items(roots, training=True)
        return tuple(sorted({item.targets for item in items if isinstance(item, Row)}))

    def named_files(self, roots: Roots) -> tuple[str, set[str]] | None:
        """A folder of files, and those below it that a table names, of formats with such a table.

        Their paths are relative, in Unicode's normal form C.
        """
        del roots
        return None

    def notes(self, roots: Roots) -> list[SourceNote]:
        """Notes on what lies in the source and is not read, or is read and may surprise."""
        del roots
        return []
