"""One traced training step per route: a kind of input with a kind of target.

Problems of one route (the translations, say) share a trace: the command, the problem's loss
weight and the learning rate are tensors. A trace is made when its first batch comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches.spec import Batch, batch_spec
from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.models.joint import JointModel, Route
from t2t_mm.models.objective import ForwardPass, Objective
from t2t_mm.problem import TARGETS, Task
from t2t_mm.runs.groups import Groups, objective_groups
from t2t_mm.runs.replicas import Replicas, local
from t2t_mm.training import flat_groups
from t2t_mm.training.accumulation import Accumulation
from t2t_mm.training.loss_scale import LossScale
from t2t_mm.training.moving_average import ExponentialMovingAverage
from t2t_mm.training.optimizer import Optimizer
from t2t_mm.training.step_stats import FIELDS
from t2t_mm.training.tuning import Tuning
from t2t_mm.training.update import Update

_SCALAR = tf.TensorSpec((), tf.float32)
_COMMAND = tf.TensorSpec((), tf.int32)


class TrainStep:
    """Updates the model by one batch (per device) of one problem, or by several accumulated ones.

    The loss is the mean over target positions times the problem's weight, plus the body's own
    losses. A loss or gradient that is not finite changes nothing: the report shows it.

    Args:
      model: built.
      groups: part -> variables that are trained, see `runs.groups.parts`.
      optimizer: built over them.
      hparams: accumulate_steps, clip_norm, label_smoothing, precision.
      replicas: the devices.
      averages: follow the weights; None: nothing does.
      tuning: what is frozen and how fast the rest is trained; None: all, at one rate.

    Raises:
      HParamError: if batches shall be accumulated on several devices.
    """

    def __init__(
        self,
        model: JointModel,
        groups: Groups,
        optimizer: Optimizer,
        hparams: HParams,
        replicas: Replicas,
        averages: ExponentialMovingAverage | None = None,
        tuning: Tuning | None = None,
    ):
        self._model = model
        self._groups = groups
        self._label_smoothing = hparams.label_smoothing
        self._replicas = replicas
        self.loss_scale = LossScale(hparams.precision == "mixed_float16")
        self._update = Update(
            groups,
            optimizer,
            hparams.clip_norm,
            replicas,
            self.loss_scale,
            averages or ExponentialMovingAverage(0.0, {}),
            tuning or Tuning(),
            model,
        )
        accumulates = accumulate_steps(hparams, replicas.count) > 1
        self._accumulation = Accumulation(groups, self._update) if accumulates else None
        self._objectives = objective_groups(model, groups)
        if accumulates and self.further_objectives:
            raise HParamError(
                f"hparam 'accumulate_steps' is {hparams.accumulate_steps} for a model of several "
                f"objectives ({', '.join(o.name for o, _ in self._objectives)}), which take turns "
                "within a step; leave it at 1."
            )
        self._traced: dict[Route, tuple[Any, ...]] = {}
        self._moved: dict[Route, list[str]] = {}  # the groups that a loss depends on

    @property
    def further_objectives(self) -> list[str]:
        """Names of the model's objectives beside the first."""
        return [objective.name for objective, _ in self._objectives[1:]]

    def __call__(
        self, task: Task, batches: Sequence[Batch], loss_weight: float, learning_rate: float
    ) -> np.ndarray:
        """Takes one step.

        Args:
          task: whose batches they are.
          batches: one for each device; or, on one device, those that are accumulated.
          loss_weight: factor on the problem's loss.
          learning_rate: of this step.

        Returns:
          float32 [8 + further objectives], see `step_stats`; summed over devices and batches.
        """
        route = self._model.route(task)
        names = (*route.input_features, TARGETS)
        batches = [{name: batch[name] for name in names} for batch in batches]
        if route not in self._traced:
            self._traced[route] = self._trace(route, batch_spec(batches[0]))
        scalars = (np.int32(self._model.command_id(task)), np.float32(loss_weight))
        before, rate = self._update.statistics(), np.float32(learning_rate)
        traced = self._traced[route]
        if self._accumulation is None:
            return traced[0](batches, *scalars, rate, before).numpy()
        reports = [traced[0]([batch], *scalars).numpy() for batch in batches]
        report = np.asarray(np.sum(reports, axis=0, dtype=np.float32))
        report[FIELDS.index("aux")] /= len(reports)
        report[FIELDS.index("norm")] = traced[1](rate, before).numpy()
        return report

    def _trace(self, route: Route, spec: dict[str, tf.TensorSpec]) -> tuple[Any, ...]:
        """One function of a batch; where batches are accumulated, another one ends the step."""
        groups = self._touched(route)
        before = [tf.TensorSpec(v.shape, v.dtype) for v in self._update.statistics()]

        def one_batch(batch: Batch, *args: Any) -> tf.Tensor:
            return self._one_batch(route, groups, batch, *args)

        def all_devices(batches: Sequence[Batch], *args: Any) -> tf.Tensor:
            return self._replicas.run(one_batch, batches, *args)

        batch = [[spec] * self._replicas.count, _COMMAND, _SCALAR]
        accumulation = self._accumulation
        if accumulation is None:
            return (_concrete(all_devices, [*batch, _SCALAR, before]),)

        accumulate = _concrete(all_devices, batch)
        moved = {name: groups[name] for name in self._moved[route]}

        def end(*args: Any) -> tf.Tensor:
            nothing = [None] * self._replicas.count
            return self._replicas.run(
                lambda _, *rest: accumulation.end(moved, *rest), nothing, *args
            )

        return accumulate, _concrete(end, [_SCALAR, before])

    def _one_batch(
        self,
        route: Route,
        groups: Groups,
        batch: Batch,
        command: tf.Tensor,
        loss_weight: tf.Tensor,
        *step: Any,
    ) -> tf.Tensor:
        """The report of a batch; its gradient is applied (by `step`), or accumulated without."""
        first, *others = self._objectives
        report = self._objective_step(route, groups, batch, command, loss_weight, first, step)
        losses = [
            self._objective_step(route, groups, batch, command, loss_weight, other, step).mean
            for other in others
        ]
        sums = [report.total, report.weight, report.forward.aux_loss]
        return self._report(route, batch, report.forward.outputs, sums, report.norm, losses)

    def _objective_step(
        self,
        route: Route,
        groups: Groups,
        batch: Batch,
        command: tf.Tensor,
        loss_weight: tf.Tensor,
        objective: tuple[Objective, frozenset[str]],
        step: Sequence[Any],
    ) -> _ObjectiveReport:
        """One objective's forward pass, gradient and update (or the gradient's accumulation)."""
        minimized, moves = objective
        groups = {name: group for name, group in groups.items() if name in moves}
        with tf.GradientTape() as tape:
            forward = self._model.forward_pass(
                route, batch, batch[TARGETS], command, True, self._label_smoothing
            )
            total, weight = minimized.sums(forward)
            # The mean over all devices' positions, so that n devices equal one with n batches.
            positions = self._replicas.sum(tf.stop_gradient(weight))
            everyones = tf.maximum(positions, 1.0)
            loss = loss_weight * total / everyones
            if minimized is self._objectives[0][0]:
                loss += forward.aux_loss / self._replicas.count
            scaled = self.loss_scale.multiply(loss)
        sources = {name: [local(v.value) for v in group] for name, group in groups.items()}
        joined = flat_groups.join(groups, tape.gradient(scaled, sources))
        if joined:
            norm = self._apply(route, groups, joined, loss, positions, minimized.rate, step)
        elif minimized is self._objectives[0][0]:
            raise HParamError(
                "hparam 'freeze' leaves nothing to train where the inputs are "
                f"{', '.join(route.inputs)} and the targets {route.target}; give those "
                "problems no step (mixing_weights=NAME:0), or freeze less."
            )
        else:
            norm = tf.zeros(())
        return _ObjectiveReport(forward, total, weight, norm, total / everyones)

    def _apply(
        self,
        route: Route,
        groups: Groups,
        joined: Mapping[str, tf.Tensor],
        loss: tf.Tensor,
        positions: tf.Tensor,
        rate: float,
        step: Sequence[Any],
    ) -> tf.Tensor:
        """Applies a gradient, or accumulates it; the norm to report."""
        self._moved[route] = [name for name in groups if name in joined]
        if self._accumulation is not None:
            return self._accumulation.add(joined, loss, positions)
        learning_rate, before = step
        if rate != 1.0:
            learning_rate = rate * learning_rate
        return self._update(groups, joined, loss, learning_rate, before)

    def _touched(self, route: Route) -> Groups:
        own = {id(v) for v in self._model.route_variables(route)}
        return {
            name: group for name, group in self._groups.items() if any(id(v) in own for v in group)
        }

    def _report(
        self,
        route: Route,
        batch: Batch,
        outputs: tf.Tensor,
        losses: Sequence[tf.Tensor],
        norm: tf.Tensor,
        further: Sequence[tf.Tensor],
    ) -> tf.Tensor:
        counts = self._model.step_sums(route, outputs, batch)
        sums = [*losses, counts.hits, counts.examples, counts.real, counts.padded, *further]
        summed = self._replicas.sum(tf.stack([tf.cast(value, tf.float32) for value in sums]))
        if not further:
            return tf.concat([summed, norm[None]], 0)
        return tf.concat([summed[: -len(further)], norm[None], summed[-len(further) :]], 0)


class _ObjectiveReport(NamedTuple):
    """One objective's part of a step: its forward pass, loss, norm of the gradient, mean loss."""

    forward: ForwardPass
    total: tf.Tensor
    weight: tf.Tensor
    norm: tf.Tensor
    mean: tf.Tensor


def _concrete(function: Any, specs: list[Any]) -> Any:
    # A concrete function, because TensorFlow takes several of a kind for needless retracing.
    return tf.function(function, input_signature=specs, autograph=False).get_concrete_function()


def accumulate_steps(hparams: HParams, devices: int = 1) -> int:
    """The batches of each device that make one step.

    Raises:
      HParamError: if there is none, or batches shall be accumulated on several devices, where the
        collective operations of two traces would wait for one another.
    """
    if hparams.accumulate_steps > 1 and devices > 1:
        raise HParamError(
            f"hparam 'accumulate_steps' is {hparams.accumulate_steps} on {devices} devices: "
            "batches are accumulated on one device only; leave it at 1."
        )
    if hparams.accumulate_steps < 1:
        raise HParamError(
            f"hparam 'accumulate_steps' must be 1 or more, got {hparams.accumulate_steps}."
        )
    return hparams.accumulate_steps
