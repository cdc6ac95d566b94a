"""Parts of a training source that are held out."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_mm.problem import Split
from tests.problems_file.written_files import load, pair, samples, write

HELD_OUT = pair(end="holdout = { dev = 0.2, test = 0.1 }")


def parts(name: str = "pair") -> dict[Split, list[str]]:
    return {split: [s["inputs"] for s in samples(name, split)] for split in Split}


def test_held_out_parts_are_disjoint_and_stable_when_data_are_added(tmp_path: Path) -> None:
    numbers = [f"number {i}" for i in range(1000)]
    write(tmp_path, a_en=numbers, a_de=numbers)
    load(tmp_path, HELD_OUT)
    before = parts()
    assert sorted(n for part in before.values() for n in part) == sorted(numbers)
    assert len(before[Split.DEV]) == pytest.approx(200, abs=40)
    assert len(before[Split.TEST]) == pytest.approx(100, abs=30)
    more = [f"new {i}" for i in range(100)] + numbers[::-1]
    write(tmp_path, a_en=more, a_de=more)
    after = parts()
    for split in Split:
        assert set(before[split]) <= set(after[split])


def test_the_same_sentence_is_never_in_two_parts(tmp_path: Path) -> None:
    numbers = [f"number {i % 50}" for i in range(500)]
    write(tmp_path, a_en=numbers, a_de=[f"Nummer {i}" for i in range(500)])
    load(tmp_path, HELD_OUT)
    train, dev, test = (set(part) for part in parts().values())
    assert not (train & dev or train & test or dev & test)


def test_sentences_are_the_same_as_they_stand_in_the_file(tmp_path: Path) -> None:
    numbers = [f"{word} {i}" for i in range(50) for word in ("number", "Number")]
    write(tmp_path, a_en=numbers, a_de=numbers)
    load(tmp_path, pair("lowercase = true", end="holdout = { dev = 0.3 }"))
    train, dev, _ = (set(part) for part in parts().values())
    assert train & dev  # as docs/problems_file.md says
