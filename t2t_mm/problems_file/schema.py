"""From TOML tables to frozen records: a field is a key, its annotation the type."""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from t2t_mm.errors import DataError, unknown

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")
Table = Mapping[str, Any]

_LARGEST = sys.float_info.max

_WORDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "text or a list of texts",
}


def keys_of(record: type[Any]) -> list[str]:
    """The keys that a table of that record may have."""
    return [f.name for f in dataclasses.fields(record) if not f.metadata.get("internal")]


def build(record: type[Record], table: Table, place: str, **internal: Any) -> Record:
    """Makes a record of a table.

    Args:
      record: a dataclass whose fields are str, bool, int, float or tuple[str, ...], or optional.
      table: the keys and values.
      place: file and table, for errors.
      **internal: fields that are not keys.

    Raises:
      DataError: for a missing key or a value of the wrong type.
      UnknownNameError: for an unknown key, with the nearest one.
    """
    known = keys_of(record)
    hints = typing.get_type_hints(record)
    values = {}
    for key, value in table.items():
        if key not in known:
            raise unknown("key", key, known, place)
        values[key] = _converted(value, hints[key], f"{place}: {key}")
    for field in dataclasses.fields(record):
        optional = field.default is not dataclasses.MISSING
        if field.name in known and field.name not in values and not optional:
            what = _WORDS[_plain(hints[field.name])]
            raise DataError(f"{place} lacks the key '{field.name}' ({what}).")
    return record(**values, **internal)


def as_table(value: Any, place: str) -> Table:
    """`value`, if it is a table.

    Raises:
      DataError: if it is not.
    """
    if not isinstance(value, Mapping):
        raise DataError(f"{place} must be a table, got {value!r:.200}.")
    return value


def number_between(value: Any, least: float, most: float, place: str) -> float:
    """`value`, if it is a number between the two, neither of them included.

    Raises:
      DataError: if it is not.
    """
    number = _converted(value, float, place)
    if not least < number < most:
        limits = f"above {least:g}" + (f" and below {most:g}" if most < float("inf") else "")
        raise DataError(f"{place} must be {limits}, got {value!r}.")
    return number


def positive_whole(value: Any, place: str) -> int:
    """`value`, if it is a whole number from 1.

    Raises:
      DataError: if it is not.
    """
    number = _converted(value, int, place)
    if number < 1:
        raise DataError(f"{place} must be at least 1, got {number}.")
    return number


def _plain(hint: Any) -> type:
    """`str` of `str | None`, `tuple` of `tuple[str, ...]`."""
    if isinstance(hint, types.UnionType):
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
    return typing.get_origin(hint) or hint


def _converted(value: Any, hint: Any, place: str) -> Any:
    kind = _plain(hint)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > _LARGEST:
            raise DataError(f"{place} is too large for a number: {value!r:.60}.")
        return float(value)
    if kind is tuple:
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            return tuple(texts)
    elif isinstance(value, kind) and isinstance(value, bool) == (kind is bool):
        return value
    raise DataError(f"{place} must be {_WORDS[kind]}, got {value!r}.")
