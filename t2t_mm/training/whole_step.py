"""A step whose batch is computed as a whole, on each device one: one graph for each route."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches.spec import Batch, batch_spec
from t2t_mm.models.joint import Route
from t2t_mm.runs.replicas import Replicas
from t2t_mm.training.gradient import Gradient, Gradients
from t2t_mm.training.graphs import NUMBER, SCALAR, concrete
from t2t_mm.training.step_stats import FIELDS
from t2t_mm.training.update import Update


class WholeStep:
    """Takes the model's objectives in turn: forward pass, gradient, update.

    Args:
      gradients: of the model.
      update: applies them.
      replicas: the devices.
    """

    def __init__(self, gradients: Gradients, update: Update, replicas: Replicas):
        self._gradients, self._update, self._replicas = gradients, update, replicas
        self._traced: dict[Route, Any] = {}

    def __call__(
        self,
        route: Route,
        batches: Sequence[Batch],
        command: np.int32,
        loss_weight: np.float32,
        learning_rate: np.float32,
    ) -> np.ndarray:
        """Takes a step of one batch for each device; the report, see `step_stats`."""
        if route not in self._traced:
            self._traced[route] = self._trace(route, batch_spec(batches[0]))
        before = self._update.statistics()
        return self._traced[route](batches, command, loss_weight, learning_rate, before).numpy()

    def _trace(self, route: Route, spec: dict[str, tf.TensorSpec]) -> Any:
        def on_one(batch: Batch, *args: Any) -> tf.Tensor:
            return self._on_one(route, batch, *args)

        def on_all(batches: Sequence[Batch], *args: Any) -> tf.Tensor:
            return self._replicas.run(on_one, batches, *args)

        before = [tf.TensorSpec(v.shape, v.dtype) for v in self._update.statistics()]
        return concrete(on_all, [[spec] * self._replicas.count, NUMBER, SCALAR, SCALAR, before])

    def _on_one(
        self,
        route: Route,
        batch: Batch,
        command: tf.Tensor,
        loss_weight: tf.Tensor,
        learning_rate: tf.Tensor,
        before: Sequence[tf.Tensor],
    ) -> tf.Tensor:
        found, norms = [], []
        for number, (objective, _) in enumerate(self._gradients.objectives):
            gradient = self._gradients.of(route, batch, command, loss_weight, number)
            rate = learning_rate if objective.rate == 1.0 else objective.rate * learning_rate
            found.append(gradient)
            norms.append(self._apply(gradient, rate, before))
        further = [gradient.mean for gradient in found[1:]]
        report = self._gradients.report(route, batch, found[0], further)
        count = len(FIELDS) - 1
        return tf.concat([report[:count], norms[0][None], report[count:]], 0)

    def _apply(self, gradient: Gradient, rate: tf.Tensor, before: Sequence[tf.Tensor]) -> tf.Tensor:
        if not gradient.joined:  # all that a further objective moves is frozen
            return tf.zeros(())
        return self._update(gradient.groups, gradient.joined, gradient.loss, rate, before)
