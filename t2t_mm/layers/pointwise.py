"""The linear map of every position: a convolution of one tap."""

from __future__ import annotations

from keras import ops

from t2t_mm.tensor import Tensor


def pointwise(x: Tensor, kernel: Tensor) -> Tensor:
    """Multiplies x [B, L, C] by a kernel [C, F] -> [B, L, F].

    One flat product: a batched one would not use the cores well, and `tensordot` spends ten small
    operations on shapes.
    """
    channels, filters = kernel.shape
    y = ops.matmul(ops.reshape(x, (-1, channels)), kernel)  # [B * L, F]
    return ops.reshape(y, (-1, ops.shape(x)[1], filters))
