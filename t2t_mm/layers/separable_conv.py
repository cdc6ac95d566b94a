"""Depthwise-separable convolution along a sequence."""

from __future__ import annotations

from typing import Any

import keras

from t2t_mm.layers.depthwise import depthwise_conv
from t2t_mm.layers.initializers import glorot_uniform
from t2t_mm.layers.pointwise import pointwise
from t2t_mm.tensor import Shape, Tensor, channels_of

PADDINGS = ("same", "causal")


class SeparableConv(keras.layers.Layer):
    """SepConv_d(W, x): a depthwise convolution, then a pointwise one (arXiv 1706.05137, 2.1).

    No bias: a ConvStep normalizes next, and the normalization's bias follows.

    Args:
      filters: output channels, F.
      kernel_size: number of taps.
      dilation: distance between taps.
      padding: "same", or "causal" (a position sees itself and the past only).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        dilation: int = 1,
        padding: str = "same",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if padding not in PADDINGS:
            raise ValueError(f"padding must be one of {', '.join(PADDINGS)}, got '{padding}'")
        self.filters = filters
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding

    @property
    def past(self) -> int:
        """The number of earlier positions that an output depends on, which decoding must keep."""
        return self.taps_before * self.dilation

    @property
    def taps_before(self) -> int:
        """Taps that look back."""
        return self.kernel_size - 1 if self.padding == "causal" else (self.kernel_size - 1) // 2

    @property
    def taps_after(self) -> int:
        """Taps that look ahead."""
        return self.kernel_size - 1 - self.taps_before

    def build(self, input_shape: Shape) -> None:
        """Makes the depthwise kernel [taps, C] and the pointwise kernel [C, F]."""
        channels = channels_of(input_shape)
        self.depthwise_kernel = self.add_weight(
            shape=(self.kernel_size, channels),
            initializer=glorot_uniform(self.kernel_size, self.kernel_size),
            name="depthwise_kernel",
        )
        self.pointwise_kernel = self.add_weight(
            shape=(channels, self.filters),
            initializer=glorot_uniform(channels, self.filters),
            name="pointwise_kernel",
        )

    def call(self, x: Tensor) -> Tensor:
        """Convolves x [B, L, C]; padding positions must hold zeros where the future is seen.

        Returns:
          [B, L, F].
        """
        x = depthwise_conv(
            x, self.depthwise_kernel, self.taps_before, self.taps_after, self.dilation
        )
        return pointwise(x, self.pointwise_kernel)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dilation": self.dilation,
            "padding": self.padding,
        }
