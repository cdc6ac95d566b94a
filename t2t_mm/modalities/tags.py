"""Tags: a class for each word of a text that is read, from the encoder's positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from t2t_mm.kinds.kind import Found
from t2t_mm.kinds.tags import UNTAGGED
from t2t_mm.layers.rep import Rep
from t2t_mm.modalities.loss import (
    CLASSIFICATION,
    Sums,
    classification_metrics,
    is_right,
    smoothed_cross_entropy,
    weighted_sum,
)
from t2t_mm.modalities.modality import TARGET, Modality
from t2t_mm.tensor import Shape, Size, Tensor

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.kinds import Tags as Kind


_CERTAIN = 1e4  # a logit beside zeros, whose log-probability is 0


class Tags(Modality):
    """A linear map from each of the encoder's positions to the tags.

    Targets are int32 [B, T], 1 + the tag's number where a word begins, 0 elsewhere and at padding;
    position t of the encoder's output is that of target t, so the text is the problem's one input.

    Args:
      num_tags: the number of tags.
    """

    kinds = frozenset({"tags"})
    allowed_roles = frozenset({TARGET})
    metric_names = CLASSIFICATION | {"accuracy_per_sequence"}

    def __init__(self, num_tags: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_tags = num_tags

    @classmethod
    def sharing_key(cls, name: str, kind: Kind, hparams: HParams) -> str:
        return f"{name}.{kind.group}.{kind.size}.{hparams.hidden_size}"

    @classmethod
    def arguments(cls, kind: Kind, hparams: HParams) -> dict[str, Any]:
        return {"num_tags": kind.size}

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes `kernel` [D, tags] and `bias` [tags]."""
        start = keras.initializers.RandomNormal(0.0, self.hidden_size**-0.5, self._seed("kernel"))
        shape = (self.hidden_size, self.num_tags)
        self.kernel = self.add_weight(shape=shape, initializer=start, name="kernel")
        self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")

    def bottom(self, values: Tensor, lengths: Tensor | None = None, training: bool = False) -> Rep:
        raise self._no_input()

    def target_mask(self, targets: Tensor) -> Tensor:
        """Marks the beginnings of words with 1."""
        return ops.cast(ops.not_equal(targets, UNTAGGED), "float32")

    def top(
        self, x: Tensor, mask: Tensor, grid: tuple[Size, Size] | None = None, training: bool = False
    ) -> Tensor:
        """Maps x [B, T, D], mask [B, T] -> logits [B, T, tags]; padding has the first tag."""
        kernel, bias = (ops.cast(v, self.compute_dtype) for v in (self.kernel, self.bias))
        logits = ops.matmul(ops.cast(x, self.compute_dtype), kernel) + bias
        certain = ops.cast(_CERTAIN * ops.one_hot(0, self.num_tags), logits.dtype)
        return ops.where(ops.cast(mask, "bool")[:, :, None], logits, certain)

    def loss(self, logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Sums:
        """Summed cross-entropy of logits [B, T, tags] at words of targets [B, T]; their number."""
        flat, ids, weights = self._flatten(logits, targets)
        return weighted_sum(smoothed_cross_entropy(flat, ids, label_smoothing), weights)

    def hits(self, logits: Tensor, targets: Tensor) -> Tensor:
        right = ops.cast(is_right(logits, targets - 1), "float32")
        return ops.sum(right * self.target_mask(targets))

    def step_metrics(self, logits: Tensor, targets: Tensor) -> dict[str, Sums]:
        """Metrics of words, and "accuracy_per_sequence": the share with every word right."""
        found = classification_metrics(*self._flatten(logits, targets))
        right = ops.logical_or(is_right(logits, targets - 1), ops.equal(targets, UNTAGGED))
        whole = ops.all(right, axis=-1)
        found["accuracy_per_sequence"] = weighted_sum(whole, ops.ones_like(targets[:, 0]))
        return found

    def found(self, logits: Tensor, count: int) -> Found:
        """The likeliest tag of each position, int32 [B, 1, T], as targets have them.

        The score is the sum over all positions but padding of the logarithm of the chosen tag's
        probability.
        """
        logs = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        tags = ops.cast(ops.argmax(logs, axis=-1), "int32") + 1
        return Found(tags[:, None], ops.sum(ops.max(logs, axis=-1), axis=-1)[:, None])

    def scores(self, logits: Tensor, targets: Tensor) -> Tensor:
        flat, ids, weights = self._flatten(logits, targets)
        scores = -smoothed_cross_entropy(flat, ids) * ops.cast(weights, "float32")
        return ops.reshape(scores, ops.shape(targets))  # [B * T] -> [B, T]

    def _flatten(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        ids = ops.reshape(targets, (-1,))  # [B, T] -> [B * T]
        logits = ops.reshape(logits, (-1, self.num_tags))  # [B, T, tags] -> [B * T, tags]
        return logits, ops.maximum(ids - 1, 0), ops.not_equal(ids, UNTAGGED)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_tags": self.num_tags}
