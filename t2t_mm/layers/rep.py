"""The unified representation: what every modality's bottom gives and every body reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from keras import ops


class Rep(NamedTuple):
    """A batch of variable-sized inputs in the one space that all modalities share.

    Paper, section 2: "unified representations of variable size". A picture or a spectrogram
    is flattened to a sequence; its two-dimensional shape is kept so that a categorical top
    can restore it.

    Attributes:
      x: [B, L, D] float, the positions.
      mask: [B, L] float, 1 where a position is real and 0 where it is padding.
      grid: (H, W) with H * W = L where the input was two-dimensional, else None. The two are
        Python ints or scalar tensors.
    """

    x: Any
    mask: Any
    grid: tuple[Any, Any] | None = None


def concatenate(reps: Sequence[Rep]) -> Rep:
    """Several inputs as one, one after another in every row, all padding at the end.

    Padding between two inputs would change what convolutions and position signals see of the
    second one with the batch that it is in, so the real positions move together.

    Args:
      reps: x [B, L_i, D], mask [B, L_i]; one alone is given back as it is, its grid included.

    Returns:
      x [B, sum of L_i, D], mask likewise; no grid.
    """
    if len(reps) == 1:
        return reps[0]
    x = ops.concatenate([rep.x for rep in reps], axis=1)
    mask = ops.concatenate([rep.mask for rep in reps], axis=1)
    length = ops.shape(mask)[1]
    places = ops.arange(length, dtype="int32")[None]
    # Keys differ from one another, so that no backend's order of equal ones matters.
    order = ops.argsort(places + length * ops.cast(mask < 0.5, "int32"), axis=1)
    return Rep(
        ops.take_along_axis(x, order[:, :, None], axis=1), ops.take_along_axis(mask, order, axis=1)
    )
