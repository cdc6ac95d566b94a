"""Samples are cleaned by the worker that stores them, once, and not by those that skip them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from t2t_mm.data.generation.api import generate
from t2t_mm.lookup import find_problem
from t2t_mm.problem import Dropped, Problem, Sample, Split, Text2TextProblem
from tests.data.datagen_toys import sentence

COUNT = 120


class Plain(Text2TextProblem):
    """Yields what is clean."""

    vocabulary = "vocab.toy"
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 6}

    def generate_samples(
        self, split: Split, tmp_dir: Path, seed: int
    ) -> Iterator[Sample | Dropped]:
        for i in range(COUNT):
            text = sentence(seed, split, i)
            yield Dropped("every tenth") if i % 10 == 0 else {"inputs": text, "targets": text}


class Late(Plain):
    """Yields the same unclean, and cleans it when asked to."""

    cleaned = 0

    def raw_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample | Dropped]:
        for i in range(COUNT):
            yield {"inputs": str(i), "targets": sentence(seed, split, i) + " "}

    def clean(self, sample: Sample | Dropped, split: Split) -> Sample | Dropped:
        type(self).cleaned += 1
        text = sample["targets"].rstrip()
        if int(sample["inputs"]) % 10 == 0:
            return Dropped("every tenth")
        return {"inputs": text, "targets": text}


def contents(problem: Problem, data_dir: Path) -> dict[str, bytes]:
    rows = generate([problem], data_dir, num_workers=1, log=lambda line: None)
    assert [(row.examples, row.left_out) for row in rows] == [(108, {"every tenth": 12})]
    return {p.name: p.read_bytes() for p in data_dir.iterdir() if not p.name.startswith(".")
            and p.is_file()}  # fmt: skip


def test_each_stored_sample_is_cleaned_once(tmp_path: Path) -> None:
    assert contents(Late("toy"), tmp_path / "late") == contents(Plain("toy"), tmp_path / "plain")
    assert Late.cleaned == 2 * COUNT  # for the vocabulary, and for the shards, in several passes


def test_what_a_problem_makes_itself_is_not_cleaned_again() -> None:
    problem = find_problem("algorithmic_identity_binary40")
    samples = list(problem.raw_samples(Split.DEV, Path(), 0))
    assert samples == list(problem.generate_samples(Split.DEV, Path(), 0))
    spaced = {"inputs": "a  b", "targets": " "}
    assert problem.clean(spaced, Split.TRAIN) is spaced


def test_the_rules_of_a_named_problem() -> None:
    problem = find_problem("translate_ende_wmt8k")
    sample = {"inputs": "a \n b", "targets": " c"}
    assert problem.clean(sample, Split.TRAIN) == {"inputs": "a b", "targets": "c"}
    assert problem.clean({"inputs": "a", "targets": " "}, Split.DEV) == Dropped("empty")
