"""The timing signal that tells attention and convolutions where in the sequence they are."""

from __future__ import annotations

import math

from keras import ops

from t2t_mm.tensor import Size, Tensor


def timing_signal(length: Size, depth: int, start: Size = 0) -> Tensor:
    """Sines and cosines of the position at geometrically growing wavelengths.

    arXiv 1706.05137, section 2.2 (attention blocks): at position t, channels 2i and 2i + 1 hold the
    sine and the cosine of t / 10000^(2i / depth).

    Args:
      length: number of positions; a Python int or a scalar integer tensor.
      depth: number of channels, D.
      start: the first position, for decoding step by step.

    Returns:
      [length, depth] float32.
    """
    pairs = [10000.0 ** (-2.0 * (channel // 2) / depth) for channel in range(depth)]
    phases = [math.pi / 2 * (channel % 2) for channel in range(depth)]
    positions = ops.cast(ops.arange(length) + start, "float32")
    # One sine for both kinds of channel: cos(a) = sin(a + pi / 2).
    return ops.sin(
        positions[:, None] * ops.convert_to_tensor([pairs]) + ops.convert_to_tensor([phases])
    )


def add_timing(x: Tensor) -> Tensor:
    """Adds the timing signal to x [B, L, D]."""
    return x + ops.cast(timing_signal(ops.shape(x)[1], x.shape[-1]), x.dtype)
