"""Records of what JSON holds: every field of the type that its annotation says, or a TypeError.

For files that our own commands wrote: a disk, a copy or a person may have changed them since.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

Record = TypeVar("Record")

_WORDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def record(kind: type[Record], values: Any) -> Record:
    """A dataclass's instance of a JSON object.

    Args:
      kind: the dataclass; a field whose annotation is none of JSON's types is not checked.
      values: the object; tuples stand for lists too.

    Raises:
      TypeError: if it is no object, lacks a field, or has an unknown one or one of another type.
    """
    check_record(kind, values)
    return kind(**values)


def check_record(kind: type, values: Any) -> None:
    """Checks the fields that an object has against a dataclass's; see `record`."""
    check(values, _hints(kind), required=False)


def check(values: Any, fields: Mapping[str, Any], required: bool = True) -> None:
    """Checks some fields of a JSON object.

    Args:
      values: the object.
      fields: name -> type.
      required: none of them may be missing.

    Raises:
      TypeError: names what is missing or of another type.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"an object is wanted, got {values!r:.60}")
    for name, wanted in fields.items():
        if name not in values and required:
            raise TypeError(f"'{name}' is missing")
        if name in values and not fits(values[name], wanted):
            raise TypeError(f"'{name}' must be {_in_words(wanted)}, got {values[name]!r:.60}")


def fits(value: Any, wanted: Any) -> bool:
    """True if a value is of the annotated type, or the type is none of JSON's."""
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if wanted in (None, type(None)):
        return value is None
    if wanted in (bool, str):
        return isinstance(value, wanted)
    if wanted in (int, float):
        return isinstance(value, (int, wanted)) and not isinstance(value, bool)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        keys, values = inner
        return isinstance(value, Mapping) and all(
            fits(k, keys) and fits(v, values) for k, v in value.items()
        )
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return isinstance(value, (list, tuple)) and all(fits(one, inner[0]) for one in value)
    return True


def _hints(kind: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind)
    except NameError:  # a user's own kind whose annotations are for type checkers alone
        return {}


def _in_words(wanted: Any) -> str:
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_in_words, inner))
    if wanted in (None, type(None)):
        return "null"
    if origin is None:
        return _WORDS.get(wanted, "another value")
    return "an object" if issubclass(origin, Mapping) else "a list"
