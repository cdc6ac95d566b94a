"""One traced training step per route: a kind of input with a kind of target.

Problems of one route (the translations, say) share a trace: the command, the problem's loss
weight and the learning rate are tensors. A trace is made when its first batch comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches.spec import Batch, batch_spec
from t2t_mm.hparam import HParams
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import TARGETS, Task
from t2t_mm.runs.groups import Groups
from t2t_mm.runs.replicas import Replicas, local
from t2t_mm.training import flat_groups
from t2t_mm.training.loss_scale import LossScale
from t2t_mm.training.moving_average import ExponentialMovingAverage
from t2t_mm.training.optimizer import Optimizer

_SCALAR = tf.TensorSpec((), tf.float32)
_COMMAND = tf.TensorSpec((), tf.int32)


class TrainStep:
    """Updates the model by one batch (per device) of one problem.

    The loss is the mean over target positions times the problem's weight, plus the body's own
    losses. A loss or gradient that is not finite changes nothing: the report shows it.

    Args:
      model: built.
      groups: part -> variables, see `runs.groups.parts`.
      optimizer: built over their sizes.
      hparams: clip_norm, weight_decay, label_smoothing, precision.
      replicas: the devices.
      averages: follow the weights; None: nothing does.
    """

    def __init__(
        self,
        model: JointModel,
        groups: Groups,
        optimizer: Optimizer,
        hparams: HParams,
        replicas: Replicas,
        averages: ExponentialMovingAverage | None = None,
    ):
        self._averages = averages or ExponentialMovingAverage(0.0, {})
        self._model = model
        self._groups = groups
        self._optimizer = optimizer
        self._clip_norm = hparams.clip_norm
        self._weight_decay = hparams.weight_decay
        self._label_smoothing = hparams.label_smoothing
        self._replicas = replicas
        self.loss_scale = LossScale(hparams.precision == "mixed_float16")
        self._traced: dict[Any, Any] = {}

    def __call__(
        self, task: Task, batches: Sequence[Batch], loss_weight: float, learning_rate: float
    ) -> np.ndarray:
        """Takes one step.

        Args:
          task: whose batches they are.
          batches: one for each device.
          loss_weight: factor on the problem's loss.
          learning_rate: of this step.

        Returns:
          float32 [8], see `step_stats.FIELDS`; summed over devices.
        """
        route = self._model.route(task)
        names = (*route.input_features, TARGETS)
        batches = [{name: batch[name] for name in names} for batch in batches]
        if route not in self._traced:
            self._traced[route] = self._trace(route, batch_spec(batches[0]))
        report = self._traced[route](
            batches,
            np.int32(self._model.command_id(task)),
            np.float32(loss_weight),
            np.float32(learning_rate),
        )
        return report.numpy()

    def _trace(self, route: Any, spec: dict[str, tf.TensorSpec]) -> Any:
        def one_device(batch: Batch, *args: tf.Tensor) -> tf.Tensor:
            return self._update(route, batch, *args)

        def all_devices(batches: Sequence[Batch], *args: tf.Tensor) -> tf.Tensor:
            return self._replicas.run(one_device, batches, *args)

        specs = [[spec] * self._replicas.count, _COMMAND, _SCALAR, _SCALAR]
        # A concrete function, because TensorFlow takes several of a kind for needless retracing.
        traced = tf.function(all_devices, input_signature=specs, autograph=False)
        return traced.get_concrete_function()

    def _update(
        self,
        route: Any,
        batch: Batch,
        command: tf.Tensor,
        loss_weight: tf.Tensor,
        learning_rate: tf.Tensor,
    ) -> tf.Tensor:
        groups = self._touched(route)
        with tf.GradientTape() as tape:
            targets = batch["targets"]
            logits, aux = self._model.forward(route, batch, targets, command, training=True)
            total, weight = self._model.loss(route, logits, targets, self._label_smoothing)
            # The mean over all devices' positions, so that n devices equal one with n batches.
            everyones = tf.maximum(self._replicas.sum(tf.stop_gradient(weight)), 1.0)
            loss = loss_weight * total / everyones + aux / self._replicas.count
            scaled = self.loss_scale.multiply(loss)
        sources = {name: [local(v.value) for v in group] for name, group in groups.items()}
        joined = flat_groups.join(groups, tape.gradient(scaled, sources))
        joined = dict(zip(joined, self._replicas.sum(list(joined.values())), strict=True))
        norm = flat_groups.global_norm(joined) * self.loss_scale.inverse()
        finite = tf.math.is_finite(norm) & tf.math.is_finite(self._replicas.sum(loss))
        tf.cond(
            finite,
            lambda: self._apply(groups, joined, norm, learning_rate),
            lambda: tf.constant(False),
        )
        norm = self.loss_scale.adapt(finite, norm)
        return self._report(route, batch, logits, [total, weight, aux], norm)

    def _touched(self, route: Any) -> dict[str, list[Any]]:
        own = {id(v) for v in self._model.route_variables(route)}
        return {
            name: group for name, group in self._groups.items() if any(id(v) in own for v in group)
        }

    def _apply(
        self,
        groups: Mapping[str, Sequence[Any]],
        joined: Mapping[str, tf.Tensor],
        norm: tf.Tensor,
        learning_rate: tf.Tensor,
    ) -> tf.Tensor:
        factor = self.loss_scale.inverse()
        if self._clip_norm:
            factor *= flat_groups.clip_factor(norm, self._clip_norm)
        for name, gradient in flat_groups.scale(joined, factor).items():
            delta = self._optimizer.update(name, gradient, learning_rate)
            flat_groups.add(groups[name], delta, learning_rate, self._weight_decay)
            self._averages.update(name)
        return tf.constant(True)

    def _report(
        self,
        route: Any,
        batch: Batch,
        outputs: tf.Tensor,
        losses: Sequence[tf.Tensor],
        norm: tf.Tensor,
    ) -> tf.Tensor:
        counts = self._model.step_sums(route, outputs, batch)
        sums = [*losses, counts.hits, counts.examples, counts.real, counts.padded]
        summed = self._replicas.sum(tf.stack([tf.cast(value, tf.float32) for value in sums]))
        return tf.concat([summed, norm[None]], 0)
