"""Class labels out by a mean and a linear map: for models that end in features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from t2t_mm.layers.rep import Encoded, Rep
from t2t_mm.modalities.categorical import OneClass, number_of_classes
from t2t_mm.modalities.modality import TARGET, DecodingBody, Modality
from t2t_mm.tensor import Shape, Size, Tensor

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.kinds import Label


class LinearLabel(OneClass, Modality):
    """A mean and a linear map, W mean(x) + b: ResNet's head, and T2T's class_label top.

    Args:
      num_outputs: number of classes.
    """

    kinds = frozenset({"label"})
    allowed_roles = frozenset({TARGET})

    def __init__(self, num_outputs: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_outputs = num_outputs

    @classmethod
    def sharing_key(cls, name: str, kind: Label, hparams: HParams) -> str:
        return f"{name}.{kind.group}.{kind.size}.{hparams.hidden_size}"

    @classmethod
    def arguments(cls, kind: Label, hparams: HParams) -> dict[str, Any]:
        return {"num_outputs": number_of_classes(kind)}

    def bottom(self, values: Tensor, lengths: Tensor | None = None, training: bool = False) -> Rep:
        raise self._no_input()

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes `kernel` [D, classes] and `bias` [classes]."""
        shape = (self.hidden_size, self.num_outputs)
        start = keras.initializers.RandomNormal(0.0, shape[0] ** -0.5, self._seed("kernel"))
        self.kernel = self.add_weight(shape=shape, initializer=start, name="kernel")
        self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")

    def top(
        self, x: Tensor, mask: Tensor, grid: tuple[Size, Size] | None = None, training: bool = False
    ) -> Tensor:
        """Maps x [B, L, D], mask [B, L] -> logits [B, classes]."""
        mask = ops.cast(mask, "float32")[:, :, None]
        total = ops.sum(ops.cast(x, "float32") * mask, axis=1)  # [B, D], float32: L is thousands
        mean = ops.cast(total / ops.sum(mask, axis=1), self.compute_dtype)
        kernel, bias = (ops.cast(v, self.compute_dtype) for v in (self.kernel, self.bias))
        return ops.matmul(mean, kernel) + bias

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_outputs": self.num_outputs}


class DecodedLabel(LinearLabel):
    """W y + b, where y is the decoder's output for the command alone.

    A mean over the encoder's output says little of how inputs relate to one another. The decoder's
    attentions look at them one after the other: what is asked, then what is in the image.
    """

    decodes = True

    def read_out(
        self,
        body: DecodingBody,
        encoded: Encoded,
        targets: Tensor,
        first: Tensor | None,
        training: bool = False,
    ) -> tuple[Tensor, Tensor]:
        assert first is not None  # it decodes
        mask = ops.ones_like(encoded.rep.mask[:, :1])  # [B, 1]
        x, aux_loss = body.decode(encoded, first[:, None], mask, training=training)
        return self.top(x, mask, training=training), aux_loss
