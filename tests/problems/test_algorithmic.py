"""Algorithmic problems: their answers by arithmetic, their distribution, their vocabulary."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.lookup import find_problem
from t2t_mm.problem import Split
from t2t_mm.problems.algorithmic import AlgorithmicProblem
from tests.problems.named import made

NAMES = [
    f"algorithmic_{task}"
    for task in (
        "identity_binary40", "identity_decimal40", "shift_decimal40", "reverse_binary40",
        "reverse_decimal40", "addition_binary40", "addition_decimal40",
        "multiplication_binary40", "multiplication_decimal40", "sort_decimal40",
    )
]  # fmt: skip


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AlgorithmicProblem, "cases", {Split.TRAIN: 300, Split.DEV: 40})


def pairs(name: str, split: Split = Split.TRAIN, seed: int = 0) -> list[tuple[str, str]]:
    samples = find_problem(name).generate_samples(split, Path(), seed)
    return [(sample["inputs"], sample["targets"]) for sample in samples]


def value(digits: str, base: int) -> int:
    """Of a number whose lowest digit stands first, by hand."""
    return sum(int(digit) * base**i for i, digit in enumerate(digits))


@pytest.mark.parametrize("name", NAMES)
def test_answers(few: None, name: str) -> None:
    base = 2 if "binary" in name else 10
    for split in (Split.TRAIN, Split.DEV):
        for inputs, targets in pairs(name, split):
            assert 1 <= len(inputs) <= find_problem(name).longest[split]
            if "addition" in name or "multiplication" in name:
                sign = "+" if "addition" in name else "*"
                one, other = inputs.split(sign)
                assert all(len(n) == 1 or n[-1] != "0" for n in (one, other, targets))
                one, other = value(one, base), value(other, base)
                assert value(targets, base) == (one + other if sign == "+" else one * other)
            else:
                assert set(inputs) <= set("0123456789"[:base])
                expected = {
                    "identity": inputs,
                    "reverse": "".join(reversed(inputs)),
                    "sort": "".join(sorted(inputs)),
                    "shift": "".join("abcdefghij"[int(symbol)] for symbol in inputs),
                }
                assert targets == expected[name.split("_")[1]]


def test_sizes_and_lengths_are_t2ts() -> None:
    for name in NAMES:
        problem = find_problem(name)
        assert problem.cases == {Split.TRAIN: 100_000, Split.DEV: 10_000}
        longest = 80 if "shift" in name else 400
        assert problem.longest == {Split.TRAIN: 40, Split.DEV: longest}
        assert problem.shards == {Split.TRAIN: 10, Split.DEV: 1}


def test_every_length_is_as_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AlgorithmicProblem, "cases", {Split.TRAIN: 8000})
    lengths = [len(inputs) for inputs, _ in pairs("algorithmic_reverse_binary40")]
    counts = [lengths.count(n) for n in range(1, 41)]
    # 200 of each are expected, give or take 14; five deviations
    assert sum(counts) == 8000 and min(counts) > 130 and max(counts) < 270
    ones = "".join(inputs for inputs, _ in pairs("algorithmic_reverse_binary40"))
    assert ones.count("1") / len(ones) == pytest.approx(0.5, abs=0.007)


def test_cases_follow_from_the_seed_alone(few: None) -> None:
    name = "algorithmic_addition_decimal40"
    first = pairs(name)
    assert pairs(name) == first
    assert pairs(name, seed=1) != first
    assert pairs(name, Split.DEV)[:40] != first[:40]
    # The same on every machine and with every Python: random.choices is as it was.
    assert hashlib.sha256(repr(first).encode()).hexdigest()[:16] == "169500edbd815b3f"


def test_commands_tell_bases_apart() -> None:
    commands = {name: find_problem(name).command for name in NAMES}
    for task in ("addition", "multiplication"):
        binary, decimal = (commands[f"algorithmic_{task}_{b}40"] for b in ("binary", "decimal"))
        assert binary != decimal  # 01+11 is both
    assert len({commands[n] for n in NAMES if "identity" in n or "reverse" in n}) == 2


def test_a_symbol_is_a_piece(few: None, tmp_path: Path) -> None:
    for name in ("algorithmic_multiplication_binary40", "algorithmic_shift_decimal40"):
        manifest, examples = made(name, tmp_path)
        assert {(e["inputs"], e["targets"]) for e in examples["train"]} == set(pairs(name))
        assert manifest.examples("train") == 300 and manifest.examples("dev") == 40
    vocabulary = Vocabulary.load(tmp_path / "data" / "vocab.algorithmic.characters.model")
    text = "0123456789abcdefghij+*"
    ids = vocabulary.encode(text)
    assert [vocabulary.piece(i) for i in ids] == ["\u2581", *text]
    assert vocabulary.decode(ids) == text
