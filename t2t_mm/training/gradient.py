"""The gradient of a batch: a forward pass, a loss, and the way back, as flat vectors."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from t2t_mm.data.batches.spec import Batch
from t2t_mm.errors import HParamError
from t2t_mm.models.joint import JointModel, Route
from t2t_mm.models.objective import ForwardPass
from t2t_mm.problem import TARGETS
from t2t_mm.runs.groups import Groups, objective_groups
from t2t_mm.runs.replicas import Replicas, local
from t2t_mm.training import flat_groups
from t2t_mm.training.loss_scale import LossScale


class Gradient(NamedTuple):
    """What an objective makes of a batch.

    Attributes:
      forward: the batch's way through the model.
      groups: those that the objective moves and the loss depends on.
      joined: group -> gradient of the scaled loss, float32 [n].
      loss: what is differentiated, not scaled: this replica's share of the mean loss over all
        replicas' positions, with the problem's weight and the body's own losses.
      total, weight: the sum of the objective's loss over this replica's positions, their number.
      positions: those of all replicas.
    """

    forward: ForwardPass
    groups: Groups
    joined: dict[str, tf.Tensor]
    loss: tf.Tensor
    total: tf.Tensor
    weight: tf.Tensor
    positions: tf.Tensor

    @property
    def mean(self) -> tf.Tensor:
        """This replica's share of the objective's mean over all positions."""
        return self.total / tf.maximum(self.positions, 1.0)


class Gradients:
    """Takes gradients of a model's objectives, and reports what a step has seen.

    Args:
      model: built.
      groups: part -> variables that are trained.
      label_smoothing: of the target's loss.
      replicas: the devices.
      loss_scale: which losses are multiplied by on the way back.
      in_order: gradients that meet at a tensor are added one after another. A tape adds them by an
        operation that begins with whichever of them nobody else waits for, which depends, where
        graphs run in one thread each, on the order that TensorFlow has chosen for this process.

    Attributes:
      objectives: of the model, each with the names of the groups that it moves.
    """

    def __init__(
        self,
        model: JointModel,
        groups: Groups,
        label_smoothing: float,
        replicas: Replicas,
        loss_scale: LossScale,
        in_order: bool = False,
    ):
        self._model = model
        self._groups = groups
        self._label_smoothing = label_smoothing
        self._replicas = replicas
        self._loss_scale = loss_scale
        self._in_order = in_order
        self.objectives = objective_groups(model, groups)

    def of(
        self,
        route: Route,
        batch: Batch,
        command: tf.Tensor,
        loss_weight: tf.Tensor,
        number: int = 0,
    ) -> Gradient:
        """The gradient of one objective; runs inside a tf.function, on every replica.

        Args:
          route: the problem's way through the model.
          batch: inputs, their lengths, targets.
          command: the number of the problem's command.
          loss_weight: factor on the objective's loss.
          number: of the objective; the first one adds the body's own losses.

        Raises:
          HParamError: if nothing that the first objective moves is trained.
        """
        minimized, moves = self.objectives[number]
        groups = {name: group for name, group in self._touched(route).items() if name in moves}
        with contextlib.nullcontext() if self._in_order else tf.GradientTape() as tape:
            forward = self._model.forward_pass(
                route, batch, batch[TARGETS], command, True, self._label_smoothing
            )
            total, weight = minimized.sums(forward)
            # The mean over all devices' positions, so that n devices equal one with n batches.
            positions = self._replicas.sum(tf.stop_gradient(weight))
            loss = loss_weight * total / tf.maximum(positions, 1.0)
            if number == 0:
                loss += forward.aux_loss / self._replicas.count
            scaled = self._loss_scale.multiply(loss)
        sources = {name: [local(v.value) for v in group] for name, group in groups.items()}
        found = tape.gradient(scaled, sources) if tape else _in_order(scaled, sources)
        joined = flat_groups.join(groups, found)
        if not joined and number == 0:
            raise HParamError(
                "hparam 'freeze' leaves nothing to train where the inputs are "
                f"{', '.join(route.inputs)} and the targets {route.target}; give those "
                "problems no step (mixing_weights=NAME:0), or freeze less."
            )
        moved = {name: groups[name] for name in joined}
        return Gradient(forward, moved, joined, loss, total, weight, positions)

    def report(
        self, route: Route, batch: Batch, gradient: Gradient, further: Sequence[tf.Tensor] = ()
    ) -> tf.Tensor:
        """What a step has seen, summed over replicas.

        Args:
          route: the problem's way through the model.
          batch: that the gradient is of.
          gradient: of the first objective.
          further: the mean losses of the others.

        Returns:
          float32 [7 + further], see `step_stats`: all but the norm of the gradient.
        """
        counts = self._model.step_sums(route, gradient.forward.outputs, batch)
        sums = [gradient.total, gradient.weight, gradient.forward.aux_loss]
        sums += [counts.hits, counts.examples, counts.real, counts.padded, *further]
        return self._replicas.sum(tf.stack([tf.cast(value, tf.float32) for value in sums]))

    def _touched(self, route: Route) -> Groups:
        own = {id(v) for v in self._model.route_variables(route)}
        return {
            name: group for name, group in self._groups.items() if any(id(v) in own for v in group)
        }


def _in_order(loss: tf.Tensor, sources: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Group -> gradients of the loss for its variables; None for one that it does not depend on."""
    variables = [variable for group in sources.values() for variable in group]
    added = tf.AggregationMethod.EXPERIMENTAL_TREE  # by twos
    gradients = iter(tf.gradients(loss, variables, aggregation_method=added))
    return {name: [next(gradients) for _ in group] for name, group in sources.items()}
