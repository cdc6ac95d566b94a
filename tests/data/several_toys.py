"""Problems of several inputs, numbers, tags and sets of labels, for the tests of generated data."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from t2t_mm.kinds import Image, Label, Text
from t2t_mm.problem import (
    Problem,
    QuestionProblem,
    Sample,
    Split,
    Text2NumberProblem,
    Text2TagsProblem,
)
from t2t_mm.registry import register_problem
from tests.data.datagen_toys import png, sentence

COLOURS = ("red", "green", "blue")
SHARDS: Mapping[Split, int] = {Split.TRAIN: 2, Split.DEV: 1}


def count(split: Split) -> int:
    return 60 if split is Split.TRAIN else 10


@register_problem("several_toy_question")
class ToyQuestion(QuestionProblem):
    """An image of one color and a question about it to yes or no."""

    image_size = 8
    labels = ("no", "yes")
    shards: ClassVar[Mapping[Split, int]] = SHARDS

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        for i in range(count(split)):
            colour = COLOURS[i // 3 % 3]
            yield {
                "inputs": functools.partial(png, i % 3, seed + i),
                "question": " ".join([f"number {i} :", *["really"] * (i % 7), "is it", colour]),
                "targets": "yes" if COLOURS[i % 3] == colour else "no",
            }


@register_problem("several_toy_pair")
class ToyPair(Problem):
    """Two sentences, of vocabularies of their own, to the longer one; declared in one line each."""

    inputs: ClassVar = {"second": Text("vocab.pair_b"), "first": Text("vocab.pair_a")}
    targets = Label(("first", "second"), "longer")
    command = "to_label"
    metrics = ("accuracy",)
    shards: ClassVar[Mapping[Split, int]] = SHARDS

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        for i in range(count(split)):
            sizes = 2 + i % 5, 9 - i % 7
            first, second = (sentence(seed + n, split, i, size) for n, size in enumerate(sizes))
            longer = "first" if sizes[0] > sizes[1] else "second"
            yield {"first": first, "second": second.upper(), "targets": longer}


@register_problem("several_toy_number")
class ToyNumber(Text2NumberProblem):
    """Words to a quarter of how many there are."""

    low, high = 0.0, 5.0
    metrics = ("exact_match",)
    shards: ClassVar[Mapping[Split, int]] = SHARDS

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        for i in range(count(split)):
            yield {"inputs": sentence(seed, split, i, 1 + i % 9), "targets": (1 + i % 9) / 4}


@register_problem("several_toy_tags")
class ToyTags(Text2TagsProblem):
    """Words to whether each is a color."""

    labels = ("O", "B-COLOR")
    metrics = ("exact_match",)
    shards: ClassVar[Mapping[Split, int]] = SHARDS

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        for i in range(count(split)):
            text = sentence(seed, split, i, 2 + i % 6)
            yield {"inputs": text, "targets": tags(text)}


def tags(text: str) -> str:
    return " ".join("B-COLOR" if word in COLOURS else "O" for word in text.split(" "))


@register_problem("several_toy_sets")
class ToySets(Problem):
    """An image to the set of the numbers that divide its own; the declaration names the classes."""

    inputs = Image(8)
    targets = Label(("two", "three", "five"), "divisors", multiple=True)
    command = "to_label"
    metrics = ("exact_match",)
    shards: ClassVar[Mapping[Split, int]] = SHARDS

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        for i in range(count(split)):
            divisors = [n for n, k in (("five", 5), ("three", 3), ("two", 2)) if i % k == 0]
            # One after the other as a list, and as a text with commas.
            yield {
                "inputs": png(0, seed + i),
                "targets": divisors if i % 2 else ", ".join(divisors),
            }
