"""A problem and an hparams set of one's own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from t2t_mm import registry
from t2t_mm.hparams.multi_model import MultiModelHParams, multimodel_tiny
from t2t_mm.problem import Sample, Split, Text2TextProblem


@registry.register_problem
class ReverseLetters(Text2TextProblem):
    """Letters to the same letters in reverse order."""

    command = "to_reversed"
    reversed_command = "to_reversed"
    sizes = {Split.TRAIN: 2000, Split.DEV: 100, Split.TEST: 100}

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        draw = random.Random(f"{seed}-{split.value}")
        for _ in range(self.sizes[split]):
            letters = draw.choices("abcdefgh", k=draw.randint(3, 8))
            yield {"inputs": " ".join(letters), "targets": " ".join(reversed(letters))}


@registry.register_hparams
def multimodel_reverse() -> MultiModelHParams:
    """multimodel_tiny for the reversed letters: no experts, since the task is easy."""
    return multimodel_tiny().replace(use_moe=False, train_steps=500)
