"""A user's folder with a kind of data of its own, and problems that read and answer it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import vector_toy.modality  # noqa: F401
from t2t_mm.problem import Problem, Sample, Split
from t2t_mm.registry import register_problem
from vector_toy.kind import Vector


@register_problem("vector_toy_turned")
class Turned(Problem):
    """Vectors of two numbers to the same ones turned by a right angle."""

    command = "to_vector"
    metrics = ()
    shards = {Split.TRAIN: 1, Split.DEV: 1, Split.TEST: 1}

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs, self.targets = Vector(2), Vector(2)

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        rng = random.Random(f"{seed}/{Split(split).value}")
        for _ in range({Split.TRAIN: 256, Split.DEV: 16, Split.TEST: 16}[Split(split)]):
            x, y = rng.uniform(-1, 1), rng.uniform(-1, 1)
            yield {"inputs": [x, y], "targets": f"{-y} {x}"}
