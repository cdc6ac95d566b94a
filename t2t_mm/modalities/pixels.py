"""Images in, as they are: for models that bring their own convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras import ops

from t2t_mm.layers.rep import Rep
from t2t_mm.modalities.modality import INPUT, Modality
from t2t_mm.tensor import Shape, Tensor

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.kinds import Image as Kind


class Pixels(Modality):
    """Pixels as positions, with their colors as channels; there is nothing to learn.

    T2T's image bottom does as little. The channels are those of the image, not D, so only a body
    that asks for pixels (`Body.modalities`) can read them.
    """

    kinds = frozenset({"image"})
    allowed_roles = frozenset({INPUT})

    @classmethod
    def sharing_key(cls, name: str, kind: Kind, hparams: HParams) -> str:
        return f"{name}.{kind.channels}ch"

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes no variable."""

    def positions(self, values: Tensor) -> Tensor:
        """The pixels."""
        return ops.prod(ops.shape(values)[:3])

    def bottom(self, values: Tensor, lengths: Tensor | None = None, training: bool = False) -> Rep:
        """Flattens standardized images [B, H, W, C] -> x [B, H * W, C], grid (H, W)."""
        (height, width), channels = ops.shape(values)[1:3], values.shape[-1]
        x = ops.reshape(ops.cast(values, self.compute_dtype), (-1, height * width, channels))
        return Rep(x, ops.ones(ops.shape(x)[:2], "float32"), (height, width))
