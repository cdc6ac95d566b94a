"""Pictures in, as they are: for models that bring their own convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras import ops

from t2t_mm.layers.rep import Rep
from t2t_mm.modalities.image import standardise
from t2t_mm.modalities.modality import INPUT, Modality, values_and_lengths

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.problem import FeatureSpec


class Pixels(Modality):
    """Every pixel is a position and its colours are the channels; there is nothing to learn.

    T2T's image bottom does as little. The channels are those of the picture, not D, so only a body
    that asks for pixels (`Body.modalities`) can read them.
    """

    allowed_roles = frozenset({INPUT})

    @classmethod
    def sharing_key(cls, spec: FeatureSpec, hparams: HParams) -> str:
        return f"pixels.{spec.channels}ch"

    def build(self, input_shape: Any = None) -> None:
        """Makes no variable."""

    def bottom(self, features: Any, training: bool = False) -> Rep:
        """Pictures [B, H, W, C], standardised or raw bytes -> x [B, H * W, C], grid (H, W)."""
        picture, _ = values_and_lengths(features)
        x = standardise(picture) if "int" in str(picture.dtype) else picture
        height, width, channels = *ops.shape(x)[1:3], x.shape[-1]
        x = ops.reshape(ops.cast(x, self.compute_dtype), (-1, height * width, channels))
        return Rep(x, ops.ones(ops.shape(x)[:2], "float32"), (height, width))
