"""The unified representation, which every modality's bottom gives and every body reads.

`Encoded` is what a body's encoder makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
from keras import ops

from t2t_mm.tensor import Size, State, Tensor


class Rep(NamedTuple):
    """A batch of variable-sized inputs in the one space that all modalities share.

    Paper, section 2: "unified representations of variable size". An image or a spectrogram
    is flattened to a sequence; its two-dimensional shape is kept so that a categorical top
    can restore it.

    Attributes:
      x: [B, L, D] float, the positions.
      mask: [B, L] float, 1 where a position is real and 0 where it is padding.
      grid: (H, W) with H * W = L where the input was two-dimensional, else None. The two are
        Python ints or scalar tensors.
    """

    x: Tensor
    mask: Tensor
    grid: tuple[Size, Size] | None = None


def concatenate(reps: Sequence[Rep]) -> Rep:
    """Joins several inputs, one after another in every row, all padding at the end.

    Padding between two inputs would change what convolutions and position signals see of the
    second one with the batch that it is in, so the real positions move together.

    Args:
      reps: x [B, L_i, D], mask [B, L_i]; one alone is given back as it is, its grid included.

    Returns:
      x [B, sum of L_i, D], mask likewise; no grid.
    """
    if len(reps) == 1:
        return reps[0]
    x = ops.concatenate([rep.x for rep in reps], axis=1)  # [B, sum of L_i, D]
    mask = ops.concatenate([rep.mask for rep in reps], axis=1)  # [B, sum of L_i]
    length = ops.shape(mask)[1]
    places = ops.arange(length, dtype="int32")[None]
    # Keys differ from one another, so that no backend's order of equal ones matters.
    order = ops.argsort(places + length * ops.cast(mask < 0.5, "int32"), axis=1)
    return Rep(
        ops.take_along_axis(x, order[:, :, None], axis=1), ops.take_along_axis(mask, order, axis=1)
    )


class Encoded(NamedTuple):
    """Encoded inputs: all that an encoder hands on.

    Attributes:
      rep: x [B, L, D], zero at padding; mask and grid are those of the inputs.
      aux_loss: float32 scalar to add to the loss, such as the balance losses of experts.
      state: anything else, such as a recurrent encoder's last states: nested structures of tensors
        [B, ...], or None.
    """

    rep: Rep
    aux_loss: Tensor
    state: State | None = None

    def repeat(self, beams: int) -> Encoded:
        """Repeats every input `beams` times, its copies side by side."""

        def rows(tensor: Tensor) -> Tensor:
            return ops.repeat(tensor, beams, axis=0)

        rep = Rep(rows(self.rep.x), rows(self.rep.mask), self.rep.grid)
        return Encoded(rep, self.aux_loss, map_tensors(rows, self.state))


def map_tensors(function: Callable[[Tensor], Tensor], state: State) -> State:
    """A nested structure with a function applied to each of its tensors; None stays None."""
    return keras.tree.map_structure(lambda x: None if x is None else function(x), state)
