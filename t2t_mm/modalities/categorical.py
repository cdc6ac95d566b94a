"""Class labels: one of some classes, or several at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import keras
from keras import ops

from t2t_mm.errors import DataError
from t2t_mm.kinds.kind import Found
from t2t_mm.layers.rep import Rep
from t2t_mm.modalities.exit_flow import ExitFlow
from t2t_mm.modalities.loss import (
    CLASSIFICATION,
    Sums,
    classification_metrics,
    is_right,
    smoothed_cross_entropy,
    weighted_sum,
)
from t2t_mm.modalities.modality import INPUT, TARGET
from t2t_mm.tensor import Shape, Tensor

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.kinds import Label


class OneClass:
    """Loss, metrics and predictions of networks that give logits [B, classes], one class right."""

    metric_names: ClassVar[frozenset[str] | None] = CLASSIFICATION

    def loss(self, logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Sums:
        """Summed cross-entropy of logits [B, classes] against targets [B] or [B, 1], and B."""
        targets = ops.reshape(targets, (-1,))
        losses = smoothed_cross_entropy(logits, targets, label_smoothing)
        return weighted_sum(losses, ops.ones_like(losses))

    def hits(self, logits: Tensor, targets: Tensor) -> Tensor:
        return ops.sum(ops.cast(is_right(logits, targets), "float32"))

    def step_metrics(self, logits: Tensor, targets: Tensor) -> dict[str, Sums]:
        targets = ops.reshape(targets, (-1,))
        return classification_metrics(logits, targets, ops.ones_like(targets))

    def found(self, logits: Tensor, count: int) -> Found:
        """Ids [B, N] and log-probabilities [B, N] of the likeliest classes."""
        scores = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        best, ids = ops.top_k(scores, min(count, logits.shape[-1]))
        return Found(ops.cast(ids, "int32"), best)

    def scores(self, logits: Tensor, targets: Tensor) -> Tensor:
        targets = ops.reshape(targets, (-1,))
        return -smoothed_cross_entropy(logits, targets)[:, None]


class ClassLabel(OneClass, ExitFlow):
    """The categorical modality (arXiv 1706.05137, section 2.5.3); an embedding for an input.

    Args:
      num_outputs: number of classes.
      exit_filters: see `ExitFlow`.
    """

    kinds = frozenset({"label"})

    @classmethod
    def sharing_key(cls, name: str, kind: Label, hparams: HParams) -> str:
        return f"{name}.{kind.group}.{kind.size}.{hparams.hidden_size}"

    @classmethod
    def arguments(cls, kind: Label, hparams: HParams) -> dict[str, Any]:
        return {"num_outputs": number_of_classes(kind), "exit_filters": cls.filters_of(hparams)}

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the exit flow for a target, `embedding` [classes, D] for an input."""
        self.embedding = self.kernel = self.bias = None
        if TARGET in self.roles:
            super().build(input_shape)
        if INPUT in self.roles:
            start = keras.initializers.RandomNormal(0.0, 1.0, self._seed("embedding"))
            shape = (self.num_outputs, self.hidden_size)
            self.embedding = self.add_weight(shape=shape, initializer=start, name="embedding")

    def positions(self, values: Tensor) -> Tensor:
        return ops.shape(values)[0]

    def bottom(self, values: Tensor, lengths: Tensor | None = None, training: bool = False) -> Rep:
        """Maps labels [B] or [B, 1] to one position each."""
        labels = ops.reshape(ops.cast(values, "int32"), (-1, 1))
        x = ops.cast(ops.take(self.embedding, labels, axis=0), self.compute_dtype)
        return Rep(x, ops.ones(ops.shape(labels), "float32"))

    def role_variables(self, role: str) -> list[keras.Variable]:
        own = [v for v in self.trainable_variables if v is not self.embedding]
        return own if role == TARGET else [self.embedding]


class MultiLabel(ExitFlow):
    """A set of classes: the exit flow, and a probability of its own for each class.

    Targets are float32 [B, classes], 1 where a class is in the set. The loss of an example is the
    mean of the classes' binary cross-entropies.
    """

    kinds = frozenset({"label"})
    allowed_roles = frozenset({TARGET})
    metric_names = frozenset({"accuracy", "accuracy_per_class", "neg_log_perplexity"})

    @classmethod
    def sharing_key(cls, name: str, kind: Label, hparams: HParams) -> str:
        return f"{name}.{kind.group}.{kind.size}.{hparams.hidden_size}"

    @classmethod
    def arguments(cls, kind: Label, hparams: HParams) -> dict[str, Any]:
        return {"num_outputs": number_of_classes(kind), "exit_filters": cls.filters_of(hparams)}

    def bottom(self, values: Tensor, lengths: Tensor | None = None, training: bool = False) -> Rep:
        raise self._no_input()

    def target_mask(self, targets: Tensor) -> Tensor:
        """1 for each example, float32 [B]."""
        return ops.ones_like(targets[:, 0], "float32")

    def loss(self, logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Sums:
        """Sum over examples of the mean cross-entropy of logits [B, classes], and B."""
        smoothed = ops.cast(targets, "float32")
        smoothed = smoothed * (1.0 - label_smoothing) + 0.5 * label_smoothing
        losses = ops.mean(_binary_cross_entropy(logits, smoothed), axis=-1)
        return weighted_sum(losses, ops.ones_like(losses))

    def hits(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The number of sets that are right as a whole."""
        return ops.sum(ops.cast(self._right(logits, targets), "float32"))

    def step_metrics(self, logits: Tensor, targets: Tensor) -> dict[str, Sums]:
        """Metrics of sets, and "accuracy_per_class": the share of classes that are right."""
        targets = ops.cast(targets, "float32")
        each = ops.equal(logits > 0, targets > 0.5)
        ones = ops.ones_like(targets[:, 0])
        log_probability = -ops.sum(_binary_cross_entropy(logits, targets), axis=-1)
        return {
            "accuracy": weighted_sum(ops.all(each, axis=-1), ones),
            "accuracy_per_class": weighted_sum(each, ops.ones_like(targets)),
            "neg_log_perplexity": weighted_sum(log_probability, ones),
        }

    def found(self, logits: Tensor, count: int) -> Found:
        """The likeliest set of each example: int32 [B, 1, classes], 1 where a class is in it."""
        logits = ops.cast(logits, "float32")
        chosen = ops.cast(logits > 0, "int32")
        score = -ops.sum(_binary_cross_entropy(logits, ops.cast(chosen, "float32")), axis=-1)
        return Found(chosen[:, None], score[:, None])

    def scores(self, logits: Tensor, targets: Tensor) -> Tensor:
        losses = _binary_cross_entropy(logits, ops.cast(targets, "float32"))
        return -ops.sum(losses, axis=-1)[:, None]

    def _right(self, logits: Tensor, targets: Tensor) -> Tensor:
        return ops.all(ops.equal(logits > 0, ops.cast(targets, "float32") > 0.5), axis=-1)


def number_of_classes(kind: Label) -> int:
    """The number of classes of a label.

    Raises:
      DataError: if its classes are not known.
    """
    if not kind.size:
        raise DataError(
            f"the number of classes of label set '{kind.group}' is unknown; give the problem its "
            "labels, or generate the data first (t2t-datagen)."
        )
    return kind.size


def _binary_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """-t log s(z) - (1 - t) log(1 - s(z)), element by element, float32."""
    z = ops.cast(logits, "float32")
    return ops.relu(z) - z * targets + ops.softplus(-ops.abs(z))
