"""Xception's exit flow: values of a fixed number of elements read from the encoder's output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from t2t_mm.errors import HParamError
from t2t_mm.layers.conv2d import ConvStep2D, max_pool, stride_mask
from t2t_mm.modalities.modality import Modality
from t2t_mm.tensor import Shape, Size, Tensor

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams

STRIDES = (2, 2)


class ExitFlow(Modality):
    """The network of the categorical modality (arXiv 1706.05137, section 2.5.3).

    skip = ConvStep_2([3 x 3], x), h1 = ConvStep([3 x 3], x), h2 = ConvStep([3 x 3], h1),
    h3 = skip + MaxPool_2([3 x 3], h2), h4 = ConvStep([3 x 3], h3, 1536),
    h5 = ConvStep([3 x 3], h4, 2048), h6 = GlobalAvgPool(ReLU(h5)), PointwiseConv(h6, outputs).
    Two-dimensional inputs have their grid restored first; a sequence is a grid of width 1. Padding
    changes nothing.

    Args:
      num_outputs: numbers that are read out.
      exit_filters: the paper's (1536, 2048).
    """

    def __init__(
        self, num_outputs: int, exit_filters: Sequence[int] = (1536, 2048), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_outputs = num_outputs
        self.exit_filters = tuple(exit_filters)
        width, (fourth, fifth) = self.hidden_size, self.exit_filters
        self.skip = self._step("skip", width, STRIDES)
        self.first, self.second = self._step("first", width), self._step("second", width)
        self.fourth, self.fifth = self._step("fourth", fourth), self._step("fifth", fifth)

    def _step(self, name: str, filters: int, strides: tuple[int, int] = (1, 1)) -> ConvStep2D:
        return ConvStep2D(
            filters, strides=strides, seed=self._seed(name), name=name, dtype=self.dtype_policy
        )

    @staticmethod
    def filters_of(hparams: HParams) -> tuple[int, ...]:
        """The hparam class_exit_filters, checked."""
        if len(hparams.class_exit_filters) != 2:
            raise HParamError(
                "hparam 'class_exit_filters' must be two widths such as [1536,2048], got "
                f"'{list(hparams.class_exit_filters)}'; change it in --hparams."
            )
        return hparams.class_exit_filters

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the exit flow."""
        fourth, fifth = self.exit_filters
        for step in (self.skip, self.first, self.second, self.fourth):
            step.build((None, None, None, self.hidden_size))
        self.fifth.build((None, None, None, fourth))
        start = keras.initializers.RandomNormal(0.0, fifth**-0.5, self._seed("kernel"))
        shape = (fifth, self.num_outputs)
        self.kernel = self.add_weight(shape=shape, initializer=start, name="kernel")
        self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")

    def top(
        self, x: Tensor, mask: Tensor, grid: tuple[Size, Size] | None = None, training: bool = False
    ) -> Tensor:
        """Reads x [B, L, D], mask [B, L], grid (H, W) or None -> [B, outputs]."""
        height, width = grid if grid is not None else (ops.shape(x)[1], 1)
        x = ops.reshape(  # [B, L, D] -> [B, H, W, D]
            ops.cast(x, self.compute_dtype), (-1, height, width, self.hidden_size)
        )
        mask = ops.reshape(ops.cast(mask, self.compute_dtype), (-1, height, width, 1))
        h = self.second(self.first(x, mask), mask)
        h = max_pool(h, (3, 3), STRIDES, mask) + self.skip(x, mask)
        mask = stride_mask(mask, STRIDES)
        h = self.fifth(self.fourth(h, mask), mask)
        h = ops.sum(ops.relu(h) * mask, axis=(1, 2)) / ops.sum(mask, axis=(1, 2))
        kernel, bias = (ops.cast(v, self.compute_dtype) for v in (self.kernel, self.bias))
        return ops.matmul(h, kernel) + bias

    def get_config(self) -> dict[str, Any]:
        own = {"num_outputs": self.num_outputs, "exit_filters": self.exit_filters}
        return {**super().get_config(), **own}
