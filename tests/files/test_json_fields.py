"""Records of JSON: every field of its annotated type, every mistake by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from t2t_mm.files import json_fields


@dataclass
class Stored:
    name: str
    count: int = 0
    share: float = 0.0
    whole: bool = False
    labels: tuple[str, ...] = ()
    parts: dict[str, list[int | None]] = field(default_factory=dict)
    other: Mapping[str, Any] | None = None
    made: object = None  # none of JSON's types: not checked


def test_what_fits_comes_back() -> None:
    values = {
        "name": "a", "count": 3, "share": 1, "whole": True, "labels": ["x"],
        "parts": {"train": [1, None]}, "other": {"any": [{}]}, "made": b"",
    }  # fmt: skip
    assert json_fields.record(Stored, values) == Stored(**values)
    assert json_fields.record(Stored, {"name": "a", "other": None}) == Stored("a")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], r"^an object is wanted, got \[\]$"),
        ({"name": 3}, "^'name' must be text, got 3$"),
        ({"name": "a", "count": True}, "^'count' must be a whole number, got True$"),
        ({"name": "a", "count": 1.0}, "^'count' must be a whole number, got 1.0$"),
        ({"name": "a", "share": "1"}, "^'share' must be a number, got '1'$"),
        ({"name": "a", "whole": 1}, "^'whole' must be true or false, got 1$"),
        ({"name": "a", "labels": "xy"}, "^'labels' must be a list, got 'xy'$"),
        ({"name": "a", "labels": ["x", 1]}, r"^'labels' must be a list, got \['x', 1\]$"),
        ({"name": "a", "parts": {"train": ["1"]}}, "^'parts' must be an object, got"),
        ({"name": "a", "other": "x"}, "^'other' must be an object or null, got 'x'$"),
        ({"count": 1}, "missing 1 required positional argument: 'name'"),
        ({"name": "a", "more": 1}, "unexpected keyword argument 'more'"),
    ],
)
def test_what_does_not_fit_is_named(values: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        json_fields.record(Stored, values)


def test_some_fields_may_have_to_be_there() -> None:
    with pytest.raises(TypeError, match="^'kind' is missing$"):
        json_fields.check({"other": 1}, {"kind": str})
    json_fields.check({"other": 1}, {"kind": str}, required=False)
