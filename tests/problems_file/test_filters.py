"""Filters of a source: what they do, and what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_mm import lookup
from t2t_mm.data.generation.api import generate
from t2t_mm.errors import UserError
from t2t_mm.problem import Split
from tests.problems_file.written_files import load, pair, samples, write


def test_filters_act_and_are_reported(tmp_path: Path) -> None:
    write(tmp_path, a_en=["One  Two", "", "a b c", "Three"], a_de=["Eins", "zwei", "b", "DREI"])
    load(tmp_path, pair("lowercase = true", "skip_empty = true, max_words = 2"))
    assert samples("pair") == [
        {"inputs": "one  two", "targets": "eins"},
        {"inputs": "three", "targets": "drei"},
    ]
    left_out = {"empty": 1, "longer than 2 words": 1}
    assert lookup.find_problem("pair").left_out(Split.TRAIN, tmp_path) == left_out
    (row,) = generate(
        [lookup.find_problem("pair")], tmp_path / "data", num_workers=1, log=lambda line: None
    )
    assert (row.examples, row.read, row.left_out) == (2, 4, left_out)


def test_max_examples_takes_from_everywhere_and_stays_in_order(tmp_path: Path) -> None:
    lines = [f"{i:03d}" for i in range(200)]
    write(tmp_path, a_en=lines, a_de=lines)
    load(tmp_path, pair(inner="max_examples = 20"))
    found = [sample["inputs"] for sample in samples("pair")]
    assert len(found) == 20
    assert found == sorted(found)
    assert found[0] < "050" and found[-1] > "150"
    assert lookup.find_problem("pair").left_out(Split.TRAIN, tmp_path) == {
        "beyond max_examples": 180
    }


def test_an_empty_line_is_an_error_with_its_place(tmp_path: Path) -> None:
    write(tmp_path, a_en=["one", "two"], a_de=["eins", "  "])
    load(tmp_path, pair())
    with pytest.raises(
        UserError, match=r"train: a.de, line 2 is empty; fill it, or leave it out by"
    ):
        samples("pair")


def test_line_breaks_within_a_field_become_spaces(tmp_path: Path) -> None:
    write(tmp_path, t_csv='inputs,targets\n"a \n b",c\u00a0!\n')
    table = '[problems.t]\nkind = "text2text"\nformat = "csv"\ntrain = {path = "t.csv"}'
    load(tmp_path, table)
    assert samples("t") == [{"inputs": "a b", "targets": "c\u00a0!"}]
