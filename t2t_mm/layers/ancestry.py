"""The ancestry of hypotheses: which row wrote each position of each row's past.

A search keeps the best of several continuations, so a row may go on from another row's past. What
rows remember is large, the numbers of rows are small: those move, and everything else stays where
it was written.
"""

from __future__ import annotations

import keras
from keras import ops

from t2t_mm.layers.attention import PENALTY
from t2t_mm.tensor import Size, Tensor

# Attention on earlier positions looks at whole blocks of this size, as far as any is written.
BLOCK = 64


def start_ancestry(rows: Size, length: Size) -> Tensor:
    """The table of R rows, int32 [R, length]; -1: not written yet."""
    return ops.full((rows, length), -1, dtype="int32")


def write_ancestry(ancestry: Tensor, position: Tensor) -> Tensor:
    """Notes that every row writes its own position."""
    rows, length = ops.shape(ancestry)
    is_current = ops.equal(ops.arange(length, dtype="int32"), position)
    return ops.where(is_current, ops.arange(rows, dtype="int32")[:, None], ancestry)


def past_bias(ancestry: Tensor | None, position: Tensor, length: Size, beams: int) -> Tensor:
    """The bias that keeps rows from later positions and, with several hypotheses, other pasts.

    Args:
      ancestry: the table, int32 [R, length]; None with one hypothesis per input.
      position: int32 scalar.
      length: positions at most.
      beams: hypotheses of each input, K.

    Returns:
      [1 or B, 1, K, seen * K] float32; `seen` positions, the later ones being empty.
    """
    seen = _seen(position, length)
    if ancestry is None:
        return _future_penalty(position, seen)
    return _lineage_penalty(ancestry[:, :seen], beams)


def _seen(position: Tensor, length: Size) -> Tensor:
    if keras.backend.backend() != "tensorflow":
        return length  # JAX's shapes are fixed
    return ops.minimum((position // BLOCK + 1) * BLOCK, length)


def _future_penalty(position: Tensor, length: Size) -> Tensor:
    """The bias that keeps a position from later ones: [1, 1, 1, length] float32."""
    future = ops.arange(length, dtype="int32") > position
    return PENALTY * ops.cast(future, "float32")[None, None, None]


def _lineage_penalty(ancestry: Tensor, beams: int) -> Tensor:
    """Keeps a row from what others wrote: [R, length] -> bias [B, 1, K, length * K] float32.

    The last axis counts what the K rows of an input wrote, position by position.
    """
    length = ops.shape(ancestry)[1]
    ancestry = ops.reshape(ancestry, (-1, beams, length))  # [B, K, length]
    writers = ops.arange(ops.shape(ancestry)[0] * beams, dtype="int32")
    writers = ops.reshape(writers, (-1, 1, 1, beams))  # [B, 1, 1, K]
    own = ops.equal(ancestry[..., None], writers)  # [B, K, length, K]
    return ops.reshape(ops.where(own, 0.0, PENALTY), (-1, 1, beams, length * beams))
