"""Class labels: Xception's exit flow out; an embedding where a label is an input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from t2t_mm.errors import DataError, HParamError
from t2t_mm.layers.conv2d import ConvStep2D, max_pool, stride_mask
from t2t_mm.layers.rep import Rep
from t2t_mm.modalities.loss import (
    Sums,
    classification_metrics,
    smoothed_cross_entropy,
    weighted_sum,
)
from t2t_mm.modalities.modality import INPUT, TARGET, Modality, values_and_lengths

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.problem import FeatureSpec

STRIDES = (2, 2)


class ClassLabel(Modality):
    """The categorical modality (arXiv 1706.05137, section 2.5.3).

    skip = ConvStep_2([3 x 3], x), h1 = ConvStep([3 x 3], x), h2 = ConvStep([3 x 3], h1),
    h3 = skip + MaxPool_2([3 x 3], h2), h4 = ConvStep([3 x 3], h3, 1536),
    h5 = ConvStep([3 x 3], h4, 2048), h6 = GlobalAvgPool(ReLU(h5)), PointwiseConv(h6, classes).
    Two-dimensional inputs have their grid restored first; a sequence is a grid of width 1. Padding
    changes nothing.

    Args:
      num_classes: number of labels.
      exit_filters: the paper's (1536, 2048).
    """

    def __init__(
        self, num_classes: int, exit_filters: Sequence[int] = (1536, 2048), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.exit_filters = tuple(exit_filters)
        width, (fourth, fifth) = self.hidden_size, self.exit_filters
        self.skip = self._step("skip", width, STRIDES)
        self.first, self.second = self._step("first", width), self._step("second", width)
        self.fourth, self.fifth = self._step("fourth", fourth), self._step("fifth", fifth)

    def _step(self, name: str, filters: int, strides: tuple[int, int] = (1, 1)) -> ConvStep2D:
        return ConvStep2D(
            filters, strides=strides, seed=self._seed(name), name=name, dtype=self.dtype_policy
        )

    @classmethod
    def sharing_key(cls, spec: FeatureSpec, hparams: HParams) -> str:
        return f"class_label.{spec.vocabulary}.{spec.vocab_size}.{hparams.hidden_size}"

    @classmethod
    def arguments(cls, spec: FeatureSpec, hparams: HParams) -> dict[str, Any]:
        if not spec.vocab_size:
            raise DataError(
                f"the number of classes of label set '{spec.vocabulary}' is unknown; give the "
                "problem its labels, or generate the data first (t2t-datagen)."
            )
        if len(hparams.class_exit_filters) != 2:
            raise HParamError(
                "hparam 'class_exit_filters' must be two widths such as [1536,2048], got "
                f"'{list(hparams.class_exit_filters)}'; change it in --hparams."
            )
        return {"num_classes": spec.vocab_size, "exit_filters": hparams.class_exit_filters}

    def build(self, input_shape: Any = None) -> None:
        """Makes the exit flow for a target, `embedding` [classes, D] for an input."""
        self.embedding = self.kernel = self.bias = None
        if TARGET in self.roles:
            self._build_exit()
        if INPUT in self.roles:
            start = keras.initializers.RandomNormal(0.0, 1.0, self._seed("embedding"))
            shape = (self.num_classes, self.hidden_size)
            self.embedding = self.add_weight(shape=shape, initializer=start, name="embedding")

    def _build_exit(self) -> None:
        fourth, fifth = self.exit_filters
        for step in (self.skip, self.first, self.second, self.fourth):
            step.build((None, None, None, self.hidden_size))
        self.fifth.build((None, None, None, fourth))
        start = keras.initializers.RandomNormal(0.0, fifth**-0.5, self._seed("kernel"))
        self.kernel = self.add_weight(
            shape=(fifth, self.num_classes), initializer=start, name="kernel"
        )
        self.bias = self.add_weight(shape=(self.num_classes,), initializer="zeros", name="bias")

    def bottom(self, features: Any, training: bool = False) -> Rep:
        """Labels [B] or [B, 1] to one position each."""
        labels, _ = values_and_lengths(features)
        labels = ops.reshape(ops.cast(labels, "int32"), (-1, 1))
        x = ops.cast(ops.take(self.embedding, labels, axis=0), self.compute_dtype)
        return Rep(x, ops.ones(ops.shape(labels), "float32"))

    def top(self, x: Any, mask: Any, grid: Any = None, training: bool = False) -> Any:
        """x [B, L, D], mask [B, L], grid (H, W) or None -> logits [B, classes]."""
        height, width = grid if grid is not None else (ops.shape(x)[1], 1)
        x = ops.reshape(ops.cast(x, self.compute_dtype), (-1, height, width, self.hidden_size))
        mask = ops.reshape(ops.cast(mask, self.compute_dtype), (-1, height, width, 1))
        h = self.second(self.first(x, mask), mask)
        h = max_pool(h, (3, 3), STRIDES, mask) + self.skip(x, mask)
        mask = stride_mask(mask, STRIDES)
        h = self.fifth(self.fourth(h, mask), mask)
        h = ops.sum(ops.relu(h) * mask, axis=(1, 2)) / ops.sum(mask, axis=(1, 2))
        kernel, bias = (ops.cast(v, self.compute_dtype) for v in (self.kernel, self.bias))
        return ops.matmul(h, kernel) + bias

    def loss(self, logits: Any, targets: Any, label_smoothing: float = 0.0) -> Sums:
        """Summed cross-entropy of logits [B, classes] against targets [B] or [B, 1], and B."""
        targets = ops.reshape(targets, (-1,))
        losses = smoothed_cross_entropy(logits, targets, label_smoothing)
        return weighted_sum(losses, ops.ones_like(losses))

    def metrics(self, logits: Any, targets: Any) -> dict[str, Sums]:
        targets = ops.reshape(targets, (-1,))
        return classification_metrics(logits, targets, ops.ones_like(targets))

    def role_variables(self, role: str) -> list[keras.Variable]:
        own = [v for v in self.trainable_variables if v is not self.embedding]
        return own if role == TARGET else [self.embedding]

    def get_config(self) -> dict[str, Any]:
        own = {"num_classes": self.num_classes, "exit_filters": self.exit_filters}
        return {**super().get_config(), **own}
