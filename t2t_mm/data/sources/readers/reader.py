"""The base of readers: each knows one file format and gives rows, in an order that never changes.

A reader is a frozen record whose fields are the keys that a problems file may write. It knows
nothing of problems, hold-outs or filters: see problems_file/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from t2t_mm.errors import DataError

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
        for place in places:
            if place.exists():
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

    def rows(self, roots: Roots, training: bool) -> Iterator[Row]:
        """Yields the rows, always the same ones in the same order.

        Args:
          roots: where paths start.
          training: a row may be yielded once for each of its answers, instead of once with all
            of them as references.

        Raises:
          DataError: for what is missing or malformed, with its place.
        """
        raise NotImplementedError(f"{type(self).__name__} must define rows")

    def labels(self, roots: Roots) -> tuple[str, ...]:
        """The class names in the order of their ids; sorted, unless the format has an order."""
        return tuple(sorted({row.targets for row in self.rows(roots, training=True)}))
