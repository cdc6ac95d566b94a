"""The table `inputs` of a problem with several inputs: what each one is, and its column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from t2t_mm.data.sources.readers.tables import Column
from t2t_mm.errors import DataError, unknown
from t2t_mm.kinds import Audio, Image, Kind, Label, Number, Text
from t2t_mm.problem import LENGTH, RESERVED_NAMES
from t2t_mm.problems_file.schema import Table, as_table, build, keys_of, positive_whole

INPUT_KINDS: dict[str, type[Kind]] = {
    "text": Text,
    "image": Image,
    "audio": Audio,
    "class": Label,
    "number": Number,
}


@dataclass(frozen=True, kw_only=True)
class Input:
    """The table of one input.

    Attributes:
      kind: one of INPUT_KINDS.
      column: that holds it; none: the column named as the input.
      folder: of the files that the column names, of an image or a sound.
      labels: class names, in the order of their ids.
      image_size: pixels a side.
      flip: mirror images in training.
      sample_rate: Hz of the stored sound.
      low, high: the range of the numbers.
    """

    kind: str
    column: str | None = None
    folder: str | None = None
    labels: tuple[str, ...] = ()
    image_size: int | None = None
    flip: bool | None = None
    sample_rate: int | None = None
    low: float | None = None
    high: float | None = None

    @property
    def data_kind(self) -> type[Kind]:
        """The kind of data."""
        return INPUT_KINDS[self.kind]

    @property
    def options(self) -> dict[str, Any]:
        """The given ones of the kind's own keys."""
        given = {key: getattr(self, key, None) for key in self.data_kind.option_keys}
        return {key: value for key, value in given.items() if value not in (None, ())}

    def source(self, name: str) -> Column:
        """The place of its values in a table."""
        return Column(self.column or name, self.folder if self.data_kind.suffixes else None)


def read_inputs(table: Any, place: str) -> dict[str, Input]:
    """Checks the table `inputs` of a problem.

    Args:
      table: name of an input -> its table.
      place: file and the problem's table, for errors.

    Raises:
      DataError: if it is not a table of at least two inputs, for a name that cannot be one, and for
        keys that are missing or do not fit the kind.
      UnknownNameError: for an unknown key or kind.
    """
    tables = as_table(table, f"{place}: inputs")
    if len(tables) < 2:
        raise DataError(
            f"{place}: inputs must name at least two inputs, got {', '.join(tables) or 'none'}; a "
            'problem of one has a kind such as "text2class".'
        )
    return {name: _input(name, value, f"{place}: inputs.{name}") for name, value in tables.items()}


def _input(name: str, table: Any, place: str) -> Input:
    reserved = name in RESERVED_NAMES or name.endswith(LENGTH)
    if reserved or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise DataError(
            f"{place}: an input's name is lower case snake_case, does not end in {LENGTH} and is "
            f'none of {", ".join(RESERVED_NAMES)}; rename it, and say column = "{name}".'
        )
    given = as_table(table, place)
    found = build(Input, given, place)
    if found.kind not in INPUT_KINDS:
        raise unknown("kind", found.kind, INPUT_KINDS, place)
    allowed = ("kind", "column", *found.data_kind.option_keys)
    if found.data_kind.suffixes:
        allowed += ("folder",)
    _check_keys(given, allowed, found, place)
    return found


def _check_keys(given: Table, allowed: tuple[str, ...], found: Input, place: str) -> None:
    for key in given:
        if key not in allowed and key in keys_of(Input):
            raise DataError(
                f"{place}: the key '{key}' has no meaning for an input of kind '{found.kind}'."
            )
    for key in ("image_size", "sample_rate"):
        if key in given:
            positive_whole(given[key], f"{place}: {key}")
    if "labels" in allowed and not found.labels:
        raise DataError(f"{place} lacks the key 'labels', the names of its classes.")
    missing = found.data_kind.declared("", found.options).missing()
    if missing:
        raise DataError(f"{place} needs {missing}.")


def columns_of(inputs: Mapping[str, Input]) -> dict[str, Column]:
    """The place of each input in a table."""
    return {name: found.source(name) for name, found in inputs.items()}
