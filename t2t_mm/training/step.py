"""One training step of one problem: its batches' gradient, and the update.

Problems of one route (the translations, say) share a trace: the command, the problem's loss
weight and the learning rate are tensors. A trace is made when its first batch comes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from t2t_mm.data.batches.spec import Batch
from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import TARGETS, Task
from t2t_mm.runs.groups import Groups
from t2t_mm.runs.replicas import Replicas
from t2t_mm.training.batch_shares import refuse_shares
from t2t_mm.training.gradient import Gradients
from t2t_mm.training.loss_scale import LossScale
from t2t_mm.training.moving_average import ExponentialMovingAverage
from t2t_mm.training.optimizer import Optimizer
from t2t_mm.training.step_in_parts import StepInParts
from t2t_mm.training.tuning import Tuning
from t2t_mm.training.update import Update
from t2t_mm.training.whole_step import WholeStep


class TrainStep:
    """Updates the model by one batch (per device) of one problem, or by several accumulated ones.

    The loss is the mean over target positions times the problem's weight, plus the body's own
    losses. A loss or gradient that is not finite changes nothing: the report shows it.

    Args:
      model: built.
      groups: part -> variables that are trained, see `runs.groups.parts`.
      optimizer: built over them.
      hparams: accumulate_steps, batch_shares, clip_norm, label_smoothing, precision.
      replicas: the devices.
      averages: follow the weights; None: nothing does.
      tuning: what is frozen and how fast the rest is trained; None: all, at one rate.

    Raises:
      HParamError: if batches shall be accumulated or shared out where they cannot be.
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
        self.loss_scale = LossScale(hparams.precision == "mixed_float16")
        update = Update(
            groups,
            optimizer,
            hparams.clip_norm,
            replicas,
            self.loss_scale,
            averages or ExponentialMovingAverage(0.0, {}),
            tuning or Tuning(),
            model,
        )
        shares = hparams.batch_shares
        gradients = Gradients(
            model, groups, hparams.label_smoothing, replicas, self.loss_scale, in_order=shares > 1
        )
        self.further_objectives = [objective.name for objective, _ in gradients.objectives[1:]]
        """Names of the model's objectives beside the first."""
        accumulates = accumulate_steps(hparams, replicas.count) > 1
        if accumulates and self.further_objectives:
            raise HParamError(
                f"hparam 'accumulate_steps' is {hparams.accumulate_steps} for a model of several "
                f"objectives ({', '.join(o.name for o, _ in gradients.objectives)}), which take "
                "turns within a step; leave it at 1."
            )
        if shares > 1:
            refuse_shares(shares, model, replicas.count)
        self._take: StepInParts | WholeStep
        if accumulates or shares > 1:
            self._take = StepInParts(gradients, update, max(1, shares), model.body.seed_generator)
        else:
            self._take = WholeStep(gradients, update, replicas)

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
        command = np.int32(self._model.command_id(task))
        return self._take(
            route, batches, command, np.float32(loss_weight), np.float32(learning_rate)
        )


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
