"""Sentences of errors: a length that can be read, whatever was received."""

from __future__ import annotations

from t2t_mm.errors import DataError, unknown


def test_the_middle_of_what_is_too_long_is_left_out() -> None:
    whole = "a column must be one of x and y, got 'z'; change it."
    assert str(DataError(whole)) == whole
    sentence = str(DataError(f"line 3 has '{'z' * 100_000}'; change it."))
    assert sentence.startswith("line 3 has 'zzz") and sentence.endswith("zzz'; change it.")
    assert "z [... 98,025 characters ...] z" in sentence and len(sentence) == 2029


def test_of_an_unknown_name_too() -> None:
    sentence = str(unknown("key", "k" * 5000, ["kind"], "my.toml"))
    assert sentence.startswith("unknown key 'kkk") and sentence.endswith("Known: kind.")
    assert len(sentence) < 2100
