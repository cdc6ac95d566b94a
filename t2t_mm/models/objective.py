"""The objectives of a model: what a training step minimizes, one after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from t2t_mm.errors import UserError
from t2t_mm.layers.rep import Encoded
from t2t_mm.modalities.loss import Sums
from t2t_mm.tensor import Tensor


class ForwardPass(NamedTuple):
    """A batch on its way through the model, as an objective sees it.

    Attributes:
      encoded: what the body's encoder gave; its `state` may hold anything that a loss needs.
      outputs: what the target's modality read out, logits for instance.
      targets: [B, ...], as the target's kind feeds them.
      aux_loss: the body's auxiliary loss, float32 scalar, which the first objective adds.
      modality_loss: (outputs, targets) -> the loss of the target's modality, label smoothing
        included.
    """

    encoded: Encoded
    outputs: Tensor
    targets: Tensor
    aux_loss: Tensor
    modality_loss: Callable[[Tensor, Tensor], Sums]


@dataclass(frozen=True)
class Objective:
    """One of a body's losses, and what it moves.

    Every objective has a forward pass of its own, after the updates of those before it: the two of
    a GAN (arXiv 1406.2661, algorithm 1) take turns within a step.

    Attributes:
      name: in metrics.jsonl, the further ones as "loss/NAME".
      loss: a forward pass -> (sum, weight), float32 scalars, of which the mean is minimized; None:
        the loss of the target's modality.
      stages: of the body (`Body.stages`), which this objective alone moves. The first objective
        names none: it moves all that no other one does, modalities and commands included.
      rate: factor on the learning rate.
    """

    name: str = "loss"
    loss: Callable[[ForwardPass], Sums] | None = None
    stages: frozenset[str] = frozenset()
    rate: float = 1.0

    def sums(self, forward: ForwardPass) -> Sums:
        """The (sum, weight) of a batch."""
        if self.loss is None:
            return forward.modality_loss(forward.outputs, forward.targets)
        return self.loss(forward)


def check_objectives(
    objectives: Sequence[Objective], stages: Mapping[str, object], model: str
) -> None:
    """Refuses objectives that do not share out a body's stages among them.

    Args:
      objectives: of the body.
      stages: the body's, by name.
      model: the body's class, for the message.

    Raises:
      UserError: if there is none, a name occurs twice, the first one names stages, another one
        names none or one that the body lacks, or two name the same one.
    """
    wrong = _fault(objectives, stages)
    if wrong:
        raise UserError(f"the objectives of {model} do not fit its stages: {wrong}.")


def _fault(objectives: Sequence[Objective], stages: Mapping[str, object]) -> str | None:
    if not objectives:
        return "there must be at least one objective"
    if objectives[0].stages:
        return f"the first one, '{objectives[0].name}', must name no stage: it moves all others"
    names: set[str] = set()
    taken: dict[str, str] = {}
    for objective in objectives:
        if objective.name in names:
            return f"'{objective.name}' is there twice"
        names.add(objective.name)
        if not objective.stages and objective is not objectives[0]:
            return f"'{objective.name}' must name the stages that it moves"
        for stage in sorted(objective.stages):
            if stage not in stages:
                known = ", ".join(stages)
                return f"'{objective.name}' names the stage '{stage}', the body has {known}"
            if stage in taken:
                return f"'{taken[stage]}' and '{objective.name}' both move the stage '{stage}'"
            taken[stage] = objective.name
    return None
