"""A plug-in: importing it registers the problem."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from t2t_mm import registry
from t2t_mm.problem import Sample, Split, Text2TextProblem


@registry.register_problem
class UpperCase(Text2TextProblem):
    """Lower-case letters to upper case."""

    command = "to_upper"
    reversed_command = "to_lower"

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        draw = random.Random(f"{seed}-{split.value}")
        for _ in range(1000 if split is Split.TRAIN else 50):
            word = "".join(draw.choices("abcdefgh", k=draw.randint(3, 8)))
            yield {"inputs": word, "targets": word.upper()}
