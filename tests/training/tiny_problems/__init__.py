"""Two problems of a few small examples, text to text and picture to class, loaded by usr_dir."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path

from t2t_mm.problem import Image2ClassProblem, Sample, Split, Text2TextProblem
from t2t_mm.registry import register_problem

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
COUNTS = {Split.TRAIN: 64, Split.DEV: 16, Split.TEST: 8}
SHARDS = {Split.TRAIN: 2, Split.DEV: 1, Split.TEST: 1}


@register_problem
class TinyDigits(Text2TextProblem):
    """The digits of a line of number words."""

    shards = SHARDS
    command = "to_digits"

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        rng = random.Random(f"{seed}/{split.value}")
        for _ in range(COUNTS[split]):
            digits = [rng.randrange(10) for _ in range(rng.randint(1, 6))]
            yield {
                "inputs": " ".join(WORDS[d] for d in digits),
                "targets": "".join(map(str, digits)),
            }


@register_problem
class TinyColours(Image2ClassProblem):
    """The colour of a picture of one colour."""

    shards = SHARDS
    labels = ("red", "green", "blue")
    image_size = 8

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        rng = random.Random(f"{seed}/{split.value}")
        for _ in range(COUNTS[split]):
            label = rng.randrange(3)
            colour = tuple(
                rng.randint(150, 255) if i == label else rng.randint(0, 100) for i in range(3)
            )
            yield {"inputs": lambda colour=colour: _png(colour), "targets": self.labels[label]}


def _png(colour: tuple[int, ...]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()
