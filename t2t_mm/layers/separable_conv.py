"""Depthwise-separable convolution along a sequence, quick where a dilated kernel is long."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_mm.layers.initialisers import uniform_fan

PADDINGS = ("same", "causal")


class SeparableConv(keras.layers.Layer):
    """SepConv_d(W, x): a depthwise convolution, then a pointwise one (arXiv 1706.05137, 2.1).

    No bias: a ConvStep normalises next, and the normalisation's bias follows.

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
        """How many earlier positions an output depends on: what decoding step by step must keep."""
        return self.taps_before * self.dilation

    @property
    def taps_before(self) -> int:
        """Taps that look back."""
        return self.kernel_size - 1 if self.padding == "causal" else (self.kernel_size - 1) // 2

    @property
    def taps_after(self) -> int:
        """Taps that look ahead."""
        return self.kernel_size - 1 - self.taps_before

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the depthwise kernel [taps, C] and the pointwise kernel [C, F]."""
        channels = input_shape[-1]
        self.depthwise_kernel = self.add_weight(
            shape=(self.kernel_size, channels),
            initializer=uniform_fan(self.kernel_size, self.kernel_size),
            name="depthwise_kernel",
        )
        self.pointwise_kernel = self.add_weight(
            shape=(channels, self.filters),
            initializer=uniform_fan(channels, self.filters),
            name="pointwise_kernel",
        )

    def call(self, x: Any) -> Any:
        """Convolves x [B, L, C]; padding positions must hold zeros where the future is seen.

        Returns:
          [B, L, F].
        """
        x = depthwise_conv(
            x, self.depthwise_kernel, self.taps_before, self.taps_after, self.dilation
        )
        return pointwise(x, self.pointwise_kernel)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dilation": self.dilation,
            "padding": self.padding,
        }


def pointwise(x: Any, kernel: Any) -> Any:
    """A linear map of every position: x [..., C] by kernel [C, F] gives [..., F]."""
    return ops.tensordot(x, kernel, axes=1)


def depthwise_conv(x: Any, kernel: Any, before: int, after: int, dilation: int) -> Any:
    """y[t] = sum of kernel[before + o] * x[t + o * dilation] over -before <= o <= after.

    A dilated convolution of a sequence is an ordinary one down the columns of the sequence written
    in rows of `dilation` positions: [B, L, C] as [B, L / d, d, C], without any transposition. Of
    its taps, those further off than there are rows would multiply padding alone; they are cut off
    the kernel, which changes nothing: a length of 12 at dilation 8 needs 2 of 15 causal taps.

    Args:
      x: [B, L, C].
      kernel: [before + 1 + after, C].
      before: taps that look back.
      after: taps that look ahead.
      dilation: distance between taps.

    Returns:
      [B, L, C].
    """
    length, channels = ops.shape(x)[1], x.shape[-1]
    rows = (length + dilation - 1) // dilation
    kept_before, kept_after = _smaller(before, rows - 1), _smaller(after, rows - 1)
    kernel = ops.convert_to_tensor(kernel)[before - kept_before : before + 1 + kept_after]
    missing = rows * dilation - length
    x = ops.pad(x, [[0, 0], [kept_before * dilation, kept_after * dilation + missing], [0, 0]])
    x = ops.reshape(x, (-1, kept_before + rows + kept_after, dilation, channels))
    x = ops.depthwise_conv(x, kernel[:, None, :, None], strides=1, padding="valid")
    return ops.reshape(x, (-1, rows * dilation, channels))[:, :length]


def _smaller(number: int, size: Any) -> Any:
    """min of a number and a size: a Python int where the shape is static, else a tensor."""
    return min(number, size) if isinstance(size, int) else ops.minimum(number, size)
