"""Reads a vector as one position, and answers with one by a mean and a linear map."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_mm.kinds.kind import Found
from t2t_mm.layers.rep import Rep
from t2t_mm.modalities.loss import weighted_sum
from t2t_mm.modalities.modality import INPUT, TARGET, Modality
from t2t_mm.registry import register_modality
from vector_toy.kind import Vector


@register_modality("vector")
class VectorModality(Modality):
    """A linear map each way, and the squared error."""

    kinds = frozenset({"vector"})

    def __init__(self, length: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.length = length

    @classmethod
    def sharing_key(cls, name: str, kind: Vector, hparams: Any) -> str:
        return f"{name}.{kind.length}.{hparams.hidden_size}"

    @classmethod
    def arguments(cls, kind: Vector, hparams: Any) -> dict[str, Any]:
        return {"length": kind.length}

    def build(self, input_shape: Any = None) -> None:
        self.maps = {
            role: self.add_weight(
                shape=(self.length, self.hidden_size),
                initializer=keras.initializers.RandomNormal(0.0, 0.3, self._seed(role)),
                name=role,
            )
            for role in self.roles
        }

    def role_variables(self, role: str) -> list[keras.Variable]:
        return [self.maps[role]]

    def positions(self, values: Any) -> Any:
        return ops.shape(values)[0]

    def bottom(self, values: Any, lengths: Any = None, training: bool = False) -> Rep:
        x = ops.matmul(ops.cast(values, self.compute_dtype), self.maps[INPUT])[:, None]
        return Rep(x, ops.ones(ops.shape(x)[:2], "float32"))

    def top(self, x: Any, mask: Any, grid: Any = None, training: bool = False) -> Any:
        mean = ops.sum(x * mask[:, :, None], 1) / ops.sum(mask, 1)[:, None]
        return ops.matmul(ops.cast(mean, "float32"), ops.transpose(self.maps[TARGET]))

    def target_mask(self, targets: Any) -> Any:
        return ops.ones_like(targets[:, 0], "float32")

    def loss(self, outputs: Any, targets: Any, label_smoothing: float = 0.0) -> Any:
        errors = ops.mean(ops.square(outputs - targets), -1)
        return weighted_sum(errors, ops.ones_like(errors))

    def hits(self, outputs: Any, targets: Any) -> Any:
        return ops.sum(ops.cast(ops.max(ops.abs(outputs - targets), -1) < 0.1, "float32"))

    def step_metrics(self, outputs: Any, targets: Any) -> dict[str, Any]:
        return {"mse": self.loss(outputs, targets)}

    def found(self, outputs: Any, count: int) -> Found:
        return Found(outputs[:, None], ops.zeros_like(outputs[:, :1]))

    def scores(self, outputs: Any, targets: Any) -> Any:
        return -ops.sum(ops.square(outputs - targets), -1, keepdims=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "length": self.length}
