"""Closed, typed, frozen records of settings, changed only by `replace` and `override`."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from t2t_mm.errors import HParamError, unknown
from t2t_mm.value_range import FINITE, Rule, rule_of

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


@dataclass(frozen=True)
class TypedRecord:
    """The base class of hyperparameters and decoding settings; fields are a subclass's.

    Attributes:
      NOUN: what a field is called in errors.
      FLAG: the flag that sets fields.
      NESTED: name of another record -> the field that keeps what is set of it, as "name=value"
        each: "optimizer.beta2=0.98" sets "beta2=0.98" of the record "optimizer".
      ALIASES: other names of fields, Tensor2Tensor's say.
    """

    NOUN: ClassVar[str] = "setting"
    FLAG: ClassVar[str] = ""
    NESTED: ClassVar[Mapping[str, str]] = {}
    ALIASES: ClassVar[Mapping[str, str]] = {}

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed; unknown names and wrong types raise HParamError."""
        kinds = self.types()
        for name, value in changes.items():
            if name not in kinds:
                raise unknown(self.NOUN, name, kinds, self.FLAG)
            _check(name, value, kinds[name], self.NOUN, self.FLAG)
        return dataclasses.replace(self, **changes)

    def override(self, text: str, flag: str | None = None) -> Self:
        """Applies "a=1,b=2.5,c=[1,2]", each value parsed to its field's type.

        Args:
          text: the assignments; "" changes nothing.
          flag: where they come from, for errors; None: FLAG.

        Raises:
          HParamError: for text that is no assignment, a value of another type, or one that its
            field does not allow.
          UnknownNameError: for an unknown field, with the nearest one.
        """
        flag = flag or self.FLAG
        kinds = self.types()
        changes: dict[str, Any] = {}
        for item in _split(text):
            name, equals, value = (part.strip() for part in item.partition("="))
            if not equals:
                raise HParamError(f"{flag} got '{item}'; write it as name=value.")
            name = self.ALIASES.get(name, name)
            record, dot, inner = name.partition(".")
            if dot and record in self.NESTED:
                field = self.NESTED[record]
                before = changes.get(field, getattr(self, field))
                changes[field] = _set(before, inner, value)
                continue
            if name not in kinds:
                raise unknown(self.NOUN, name, kinds, flag)
            changes[name] = _parse(name, value, kinds[name], self.NOUN, flag)
        changed = self.replace(**changes)
        changed.check(changes, flag)
        return changed

    def check(self, names: Iterable[str] | None = None, flag: str | None = None) -> None:
        """Refuses values that their fields do not allow.

        Args:
          names: of the fields to check; None for all.
          flag: where the values come from, for errors; None: FLAG.

        Raises:
          HParamError: names the field and what it allows.
        """
        rules = self.rules()
        for name in rules if names is None else names:
            value, rule = getattr(self, name), rules[name]
            # None stands in records of Keras's optimizers, for an argument that is not given.
            if rule is not None and value is not None and not rule.holds(value):
                shown = list(value) if isinstance(value, tuple) else value
                raise HParamError(
                    f"{self.NOUN} '{name}' must be {rule}, got '{shown}'; change it in "
                    f"{flag or self.FLAG}."
                )

    @classmethod
    def rules(cls) -> dict[str, Rule | None]:
        """Field name -> what it allows; None: every value of its type.

        A real number is finite, whether its field states a range or not.
        """
        hints = typing.get_type_hints(cls, include_extras=True)
        return {
            field.name: rule_of(hints[field.name])
            or (FINITE if cls.types()[field.name] is float else None)
            for field in dataclasses.fields(cls)
        }

    @classmethod
    def types(cls) -> dict[str, Any]:
        """Field name -> type."""
        hints = typing.get_type_hints(cls)
        return {field.name: hints[field.name] for field in dataclasses.fields(cls)}

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping; tuples become lists."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        kinds = cls.types()
        fixed = {}
        for name, value in values.items():
            if name not in kinds:
                raise unknown(cls.NOUN, name, kinds)
            fixed[name] = tuple(value) if isinstance(value, list) else value
        return cls().replace(**fixed)

    def differences(self, other: TypedRecord) -> dict[str, tuple[Any, Any]]:
        """Field name -> (own value, the other's value) where the two differ."""
        mine, theirs = self.to_dict(), other.to_dict()
        names = sorted(mine.keys() | theirs.keys())
        return {n: (mine.get(n), theirs.get(n)) for n in names if mine.get(n) != theirs.get(n)}


def _set(assignments: tuple[str, ...], name: str, value: str) -> tuple[str, ...]:
    """ "name=value" texts with one of them set."""
    others = (text for text in assignments if text.partition("=")[0] != name)
    return tuple(sorted([*others, f"{name}={value}"]))


def _split(text: str) -> list[str]:
    """Splits at commas outside brackets."""
    return [item for item in re.split(r",(?![^\[]*\])", text) if item.strip()]


def _parse(name: str, text: str, kind: Any, noun: str, flag: str) -> Any:
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        items = [item.strip() for item in text.strip("[]()").split(",") if item.strip()]
        return tuple(_parse(name, item, inner, noun, flag) for item in items)
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        if kind is int:
            value = int(text.replace("_", ""))
        else:
            return kind(text)
    except (ValueError, KeyError):
        raise _wrong_type(name, text, kind, noun, flag) from None
    if -(2**63) <= value < 2**63:
        return value
    raise HParamError(
        f"{noun} '{name}' must be a whole number of 64 bits, got '{text}'; change it in {flag}."
    )


def _check(name: str, value: Any, kind: Any, noun: str, flag: str) -> None:
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        is_valid = isinstance(value, tuple) and all(_is(item, inner) for item in value)
    else:
        is_valid = _is(value, kind)
    if not is_valid:
        raise _wrong_type(name, value, kind, noun, flag)


def _is(value: Any, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _wrong_type(name: str, value: Any, kind: Any, noun: str, flag: str) -> HParamError:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    wanted = words.get(kind, "a list such as [1,2]")
    return HParamError(f"{noun} '{name}' must be {wanted}, got '{value}'; change it in {flag}.")
