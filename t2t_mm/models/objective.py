"""A loss of a training step and what it moves.

Most models have one: the loss of the target's modality. A model with more (the two of a GAN, the
bound of a VAE beside a classifier's loss) lists them in `Body.objectives`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """What one objective says of a batch.

    Attributes:
      total: sum of the losses, float32 scalar.
      weight: what the sum is divided by over all devices and micro-batches, float32 scalar: target
        positions or examples.
      aux_loss: float32 scalar that is added as it is, such as the balance losses of experts.
      outputs: what the target's modality counts hits with (`step_sums`); None to count nothing.
    """

    total: Any
    weight: Any
    aux_loss: Any
    outputs: Any = None


# (JointModel, Route, batch, command, label_smoothing) -> Outcome, with dropout and noise on. The
# joint model lies above: it takes a step's objectives from its body.
Compute = Callable[[Any, Any, Mapping[str, Any], Any, float], Outcome]


class Objective(NamedTuple):
    """One loss of a step; several are taken one after the other, each with its own update.

    Attributes:
      name: for metrics and the optimizer's slots, e.g. "generator".
      compute: the loss of a batch.
      stages: names of the body's stages that its gradient moves, with what the joint model holds
        besides the body where OUTSIDE is among them; None: everything that the loss reaches.
      optimizer: a registered optimizer's name; "": that of the hparams.
      rate: factor on the learning rate.
    """

    name: str
    compute: Compute
    stages: frozenset[str] | None = None
    optimizer: str = ""
    rate: float = 1.0


# In `Objective.stages`: modalities, commands and slot embeddings.
OUTSIDE = "outside"


def target_loss(
    model: Any,
    route: Any,
    batch: Mapping[str, Any],
    command: Any,
    label_smoothing: float,
) -> Outcome:
    """The loss of the target's modality: what a model without objectives of its own trains.

    Args:
      model: a `models.joint.JointModel`.
      route: one of its `models.joint.Route`s.
      batch: as from the pipeline.
      command: int scalar.
      label_smoothing: of the targets.
    """
    outputs, aux_loss = model.forward(route, batch, batch["targets"], command, training=True)
    total, weight = model.loss(route, outputs, batch["targets"], label_smoothing)
    return Outcome(total, weight, aux_loss, outputs)


DEFAULT = Objective("loss", target_loss)
