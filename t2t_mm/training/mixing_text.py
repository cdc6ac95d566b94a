"""Reads the texts of the mixing hyperparameters: factors per problem, and schedules of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from t2t_mm.errors import HParamError, unknown

_SCHEDULE_FORM = "'@0 a:1;b:1 @1000 a:1;b:3'"
_SCHEDULE = "hparams mixing_schedule"


def parse_factors(text: str, names: Sequence[str], field: str) -> dict[str, float]:
    """Parses "a:2" to {"a": 2.0}.

    Args:
      text: "problem:factor;problem:factor"; spaces do not matter, "" names none.
      names: the problems that may be named.
      field: where the text came from, for the errors.

    Raises:
      UnknownNameError: for a problem that is not trained.
      HParamError: for text of another form, a factor that is negative or no number, or a problem
        named twice.
    """
    factors: dict[str, float] = {}
    for item in filter(None, (part.strip() for part in text.split(";"))):
        name, colon, value = (part.strip() for part in item.rpartition(":"))
        if not colon:
            raise HParamError(f"{field} got '{item}'; write it as problem:factor;problem:factor.")
        if name not in names:
            raise unknown("problem", name, names, field)
        if name in factors:
            raise HParamError(f"{field} names problem '{name}' twice.")
        factors[name] = _factor(value, name, field)
    return factors


def parse_schedule(text: str, names: Sequence[str]) -> list[tuple[int, dict[str, float]]]:
    """Parses "@0 a:1 @1000 a:1;b:3" to [(0, {"a": 1.0}), (1000, {"a": 1.0, "b": 3.0})].

    Raises:
      UnknownNameError: for a problem that is not trained.
      HParamError: for text of another form, or steps that do not start at 0 and rise.
    """
    before, *parts = text.split("@")
    if before.strip() or not parts:
        raise HParamError(f"{_SCHEDULE} got '{text}'; write it as {_SCHEDULE_FORM}.")
    schedule = [_part(part, names) for part in parts]
    starts = [start for start, _ in schedule]
    if starts[0] != 0 or starts != sorted(set(starts)):
        raise HParamError(
            f"{_SCHEDULE} has the steps {', '.join(map(str, starts))}; they must start at 0 and "
            "rise."
        )
    return schedule


def _part(text: str, names: Sequence[str]) -> tuple[int, dict[str, float]]:
    start, _, factors = text.strip().partition(" ")
    if not start.isdigit():
        raise HParamError(
            f"{_SCHEDULE} got '@{start}'; '@' is followed by a step: {_SCHEDULE_FORM}."
        )
    return int(start), parse_factors(factors, names, _SCHEDULE)


def _factor(text: str, name: str, field: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not (math.isfinite(factor) and factor >= 0):
        raise HParamError(f"{field}: the factor of '{name}' must be a number >= 0, got '{text}'.")
    return factor
