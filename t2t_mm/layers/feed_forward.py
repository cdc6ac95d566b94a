"""The Transformer's position-wise feed-forward network."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_mm.layers.buffers import read
from t2t_mm.layers.dropout import Dropout
from t2t_mm.layers.initializers import glorot_uniform
from t2t_mm.layers.pointwise import pointwise
from t2t_mm.tensor import Shape, Tensor, channels_of


class FeedForward(keras.layers.Layer):
    """FFN(x) = W2 dropout(ReLU(W1 x + b1)) + b2 (arXiv 1706.03762, section 3.3).

    Args:
      filter_size: hidden width, F.
      dropout: on the hidden values, as Tensor2Tensor's relu_dropout.
      seed_generator: the owner's random generator.
    """

    def __init__(
        self,
        filter_size: int,
        dropout: float = 0.0,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filter_size = filter_size
        self.dropout_rate = dropout
        self.dropout = Dropout(dropout, seed_generator, name="dropout", dtype=self.dtype_policy)

    def build(self, input_shape: Shape) -> None:
        """Makes kernels [D, F] and [F, D] and their biases."""
        depth, hidden = channels_of(input_shape), self.filter_size
        self.kernel_in = self._kernel("kernel_in", depth, hidden)
        self.bias_in = self.add_weight((hidden,), "zeros", name="bias_in")
        self.kernel_out = self._kernel("kernel_out", hidden, depth)
        self.bias_out = self.add_weight((depth,), "zeros", name="bias_out")

    def _kernel(self, name: str, fan_in: int, fan_out: int) -> Tensor:
        return self.add_weight((fan_in, fan_out), glorot_uniform(fan_in, fan_out), name=name)

    def activate(self, x: Tensor) -> Tensor:
        """Applies ReLU; a subclass may have another function."""
        return ops.relu(x)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Maps every position of x [B, L, D] -> [B, L, D]."""
        hidden = self.activate(pointwise(x, self.kernel_in) + self.bias_in)
        return pointwise(self.dropout(hidden, training=training), self.kernel_out) + self.bias_out

    def prepare(self) -> list[Tensor]:
        """The weights that `step` takes, once for all positions."""
        weights = (self.kernel_in, self.bias_in, self.kernel_out, self.bias_out)
        return [read(weight, self.compute_dtype) for weight in weights]

    def step(self, weights: list[Tensor], x: Tensor) -> Tensor:
        """One position: x [R, D] -> [R, D]."""
        kernel_in, bias_in, kernel_out, bias_out = weights
        hidden = self.activate(ops.matmul(x, kernel_in) + bias_in)
        return ops.matmul(hidden, kernel_out) + bias_out

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filter_size": self.filter_size,
            "dropout": self.dropout_rate,
        }
