"""Names in Unicode normal forms."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from t2t_mm.files.names import decomposed, in_any_form, same_form

C, D = "m\u00fcller", "mu\u0308ller"


def test_forms() -> None:
    assert same_form(D) == same_form(C) == C
    assert decomposed(C) == D
    assert same_form("plain") == "plain"


@pytest.mark.parametrize("there", [f"{C}/{C}.png", f"{D}/{D}.png", f"{C}/{D}.png", f"{D}/{C}.png"])
@pytest.mark.parametrize("asked", [C, D])
def test_a_file_is_found_under_its_name_in_any_form(there: str, asked: str, tmp_path: Path) -> None:
    (tmp_path / there).parent.mkdir()
    (tmp_path / there).write_bytes(b"x")
    found = in_any_form(tmp_path / asked / f"{asked}.png")
    assert found.read_bytes() == b"x"


def test_what_is_in_no_form_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / unicodedata.normalize("NFD", "é") / "x"
    assert in_any_form(path) == path
