"""Tables: names to the left, figures to the right, nothing at the end of a line."""

from __future__ import annotations

from t2t_mm.console.table import aligned, markdown


def test_columns_are_aligned() -> None:
    rows = [["problem", "examples", "note"], ["a", "1,000", ""], ["longer_name", "7", "x"]]
    assert aligned(rows).splitlines() == [
        "problem      examples  note",
        "a               1,000",
        "longer_name         7     x",
    ]
    assert aligned(rows, left=(0, 2)).splitlines()[2] == "longer_name         7  x"
    assert aligned([]) == ""


def test_markdown() -> None:
    assert markdown(("a", "b"), [("x|y", "")]) == "| a | b |\n|---|---|\n| x&#124;y | - |"
