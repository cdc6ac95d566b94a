"""Positions as a learned table, for as many positions as it has."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_mm.layers.buffers import read, take
from t2t_mm.layers.prefix_attention import normal
from t2t_mm.tensor import Shape, Tensor, channels_of

DEVIATION = 0.01  # GPT-2's, model.py: wpe


class LearnedPositions(keras.layers.Layer):
    """A vector for each position up to a context length (GPT-2, model.py: wpe).

    Args:
      context_length: positions.
      seed: of the initial values.
    """

    def __init__(self, context_length: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.context_length = context_length
        self.seed = seed

    def build(self, input_shape: Shape) -> None:
        """Makes `table` [context_length, D]."""
        shape = (self.context_length, channels_of(input_shape))
        self.table = self.add_weight(
            shape=shape, initializer=normal(DEVIATION, self.seed, "table"), name="table"
        )

    def call(self, places: Tensor) -> Tensor:
        """Looks places [...] up, int, later ones taken for the last -> [..., D]."""
        return take(self.prepare(), self.clip(places))

    def prepare(self) -> Tensor:
        """The table as a tensor."""
        return read(self.table, self.compute_dtype)

    def clip(self, places: Tensor) -> Tensor:
        """Places past the end become the last one: a row that is padding, or an output too long."""
        return ops.minimum(places, self.context_length - 1)

    def check(self, lengths: Tensor) -> None:
        """Refuses inputs that leave no position to write at: lengths [B], int."""
        if keras.backend.backend() != "tensorflow":
            return  # no other backend can refuse while a compiled function runs
        import tensorflow as tf

        tf.debugging.assert_less(
            lengths,
            self.context_length,
            f"an input fills the model's whole context of {self.context_length} positions; shorten "
            "it, or train a model with a larger hparam 'context_length'.",
        )

    def get_config(self) -> dict[str, Any]:
        own = {"context_length": self.context_length, "seed": self.seed}
        return {**super().get_config(), **own}
