"""A kind of data of one's own and the network that reads it: nine cells, a vector each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from t2t_mm.kinds.kind import FLOATS, Kind
from t2t_mm.kinds.layouts import SingleValue
from t2t_mm.layers.rep import Rep
from t2t_mm.modalities.modality import INPUT, Modality
from t2t_mm.problems.shapes import crowd, world
from t2t_mm.problems.shapes.crowd import Crowd
from t2t_mm.registry import register_kind, register_modality
from t2t_mm.tensor import Tensor

CELLS = len(crowd.CELLS)
VALUES = (*world.COLOURS, *world.SHAPES, *world.SIZES)
WIDTH = len(VALUES) + 1  # the last number says that a cell is empty


def vectors_of(scene: Crowd) -> list[float]:
    """CELLS * WIDTH numbers, 1 where a cell holds a thing of that color, shape or size, else 0."""
    cells = np.zeros((CELLS, WIDTH), np.float32)
    cells[:, -1] = 1
    for one in scene.placed:
        row = cells[crowd.CELLS.index(one.cell)]
        row[-1] = 0
        for value in (one.thing.colour, one.thing.shape, one.thing.size):
            row[VALUES.index(value)] = 1
    return cells.ravel().tolist()


@register_kind("cells")
@dataclass(frozen=True)
class Cells(SingleValue, Kind):
    """What stands in each cell; fed as float32 [B, CELLS, WIDTH]."""

    name: ClassVar[str] = "cells"
    noun: ClassVar[str] = "grid of cells"
    stored_as: ClassVar[str] = FLOATS

    def check(self, value: Any) -> list[float]:
        return list(value)

    def feed(self, stored, hparams, features="", training=False, seed=None):
        import tensorflow as tf

        values = stored.to_tensor() if isinstance(stored, tf.RaggedTensor) else stored
        values = tf.reshape(tf.cast(values, tf.float32), [-1, CELLS, WIDTH])
        return values, tf.fill([tf.shape(values)[0]], CELLS)

    def batch_shape(self, batch, size, hparams, features=""):
        return (batch, CELLS, WIDTH)

    def positions(self, shape: tuple[int, ...]) -> int:
        return CELLS


@register_modality("cells")
class CellsModality(Modality):
    """A linear map of each cell, and an embedding of its place."""

    kinds = frozenset({"cells"})
    allowed_roles = frozenset({INPUT})

    def build(self, input_shape: Any = None) -> None:
        def weights(name: str, rows: int, deviation: float) -> keras.Variable:
            start = keras.initializers.RandomNormal(0.0, deviation, self._seed(name))
            shape = (rows, self.hidden_size)
            return self.add_weight(shape=shape, initializer=start, name=name)

        self.kernel, self.places = weights("kernel", WIDTH, 0.7), weights("places", CELLS, 0.5)

    def positions(self, values: Tensor) -> Tensor:
        return ops.shape(values)[0] * CELLS

    def bottom(self, values: Tensor, lengths: Any = None, training: bool = False) -> Rep:
        x = ops.matmul(ops.cast(values, self.compute_dtype), self.kernel) + self.places
        return Rep(x, ops.ones(ops.shape(x)[:2], "float32"), (crowd.GRID, crowd.GRID))
