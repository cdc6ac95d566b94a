"""The choice of the problem that is trained at a step, and the weight of each one's loss.

Numbers only: no TensorFlow. A policy turns what it knows (sizes, losses, the step) into
probabilities, multiplied by the user's `mixing_weights`, and draws from them with a generator
whose state is saved: a resumed run chooses as the run that was never stopped.

`adaptive` is not Tensor2Tensor's. There the moving averages of the losses are logits of the
choice: a problem whose loss is 4 nats above another's is chosen 55 times as often, losses in
different units (a label of 10 classes, a token of 8,000) are compared as they stand, and what
cannot be learnt any further keeps the steps of what can. Ours compares what is left to learn on
one scale: (loss - floor) / (guess - floor), where `guess` is the loss of guessing, log(classes),
and `floor` what label smoothing leaves of a perfect model. The share of a problem is proportional
to that number, so images and sound, which learn late, get the larger share of steps while they
do; and a fifth of all steps is shared equally, so that no problem is forgotten.

One of your own: a subclass of `MixingPolicy` under `registry.register_mixing_policy`, named by the
hparam problem_choice. It overrides `_weights` (what the probabilities follow), `update` or `_draw`;
what it remembers belongs into `state` and `restore`, so that a resumed run chooses alike; `of`
says how it is made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from t2t_mm.errors import HParamError, UserError
from t2t_mm.hparam import HParams
from t2t_mm.problem import Task
from t2t_mm.registry import MIXING_POLICIES, register_mixing_policy
from t2t_mm.training.mixing_text import parse_factors, parse_schedule

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

UNIFORM_PART = 0.2  # of the steps under `adaptive`, shared equally
DECAY = 0.9  # of the moving average of a problem's loss, per step of the problem
LEAST_LEFT = 0.01  # a problem counts as having at least this much left to learn


class MixingPolicy:
    """Chooses problems in proportion to fixed weights; subclasses give other weights.

    Attributes:
      names: the problems, sorted.
    """

    def __init__(self, names: Sequence[str], factors: Mapping[str, float], seed: int):
        """Makes a policy.

        Args:
          names: the problems, in any order.
          factors: problem -> factor on its probability; 1 where not named.
          seed: of the choice.
        """
        self.names = sorted(names)
        self._factors = np.array([factors.get(name, 1.0) for name in self.names])
        self._generator = np.random.Generator(np.random.PCG64(seed))
        self._chosen = np.zeros(len(self.names), np.int64)

    @classmethod
    def of(
        cls, hparams: HParams, tasks: Sequence[Task], factors: Mapping[str, float], seed: int
    ) -> Self:
        """Makes the policy of a run.

        Args:
          hparams: all of them.
          tasks: the bound problems, in any order.
          factors: problem -> factor on its probability; 1 where not named.
          seed: of the choice.

        Raises:
          UserError: for hparams that it cannot do with.
        """
        return cls([task.name for task in tasks], factors, seed)

    def choose(self, step: int) -> str:
        """The problem to train at this step."""
        index = self._draw(self._probabilities(step))
        self._chosen[index] += 1
        return self.names[index]

    def update(self, problem: str, loss: float) -> None:
        """Tells the loss of a step: nats per target, label smoothing included, unweighted."""

    def proportions(self, step: int) -> dict[str, float]:
        """Problem -> its probability at this step."""
        return dict(zip(self.names, self._probabilities(step).tolist(), strict=True))

    def shares(self) -> dict[str, float]:
        """Problem -> its part of the steps so far; 0 before the first."""
        total = max(1, int(self._chosen.sum()))
        return dict(zip(self.names, (self._chosen / total).tolist(), strict=True))

    def state(self) -> dict[str, Any]:
        """The state that later choices depend on, ready for JSON."""
        return {
            "problems": self.names,
            "generator": self._generator.bit_generator.state,
            "chosen": self._chosen.tolist(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on where `state` was taken.

        Raises:
          UserError: if it is the state of other problems.
        """
        if list(state["problems"]) != self.names:
            raise UserError(
                f"the saved mixing state is of the problems {', '.join(state['problems'])}, not "
                f"{', '.join(self.names)}; name the same problems in --problems."
            )
        self._generator.bit_generator.state = state["generator"]
        self._chosen = np.array(state["chosen"], np.int64)

    def _weights(self, step: int) -> np.ndarray:
        """Weights [problems] before the user's factors; they need not sum to 1."""
        return np.ones(len(self.names))

    def _probabilities(self, step: int) -> np.ndarray:
        weights = self._weights(step) * self._factors
        if not weights.sum() > 0:
            raise UserError(
                f"at step {step} no problem has a positive weight; change mixing_weights or "
                "mixing_schedule in --hparams."
            )
        return weights / weights.sum()

    def _draw(self, probabilities: np.ndarray) -> int:
        ends = np.cumsum(probabilities)
        # The last end may be 1 - 1e-16; scaling makes it the bound of the draw.
        return int(np.searchsorted(ends, self._generator.random() * ends[-1], side="right"))


@register_mixing_policy
class Uniform(MixingPolicy):
    """All problems alike."""


@register_mixing_policy
class Proportional(MixingPolicy):
    """Proportions of size ** (1 / temperature): 1 is the size itself, large is uniform."""

    def __init__(
        self, tasks: Sequence[Task], factors: Mapping[str, float], seed: int, temperature: float
    ):
        super().__init__([task.name for task in tasks], factors, seed)
        sizes = {task.name: max(1, task.train_examples) for task in tasks}
        self._sizes = np.array([sizes[name] for name in self.names]) ** (1.0 / temperature)

    @classmethod
    def of(
        cls, hparams: HParams, tasks: Sequence[Task], factors: Mapping[str, float], seed: int
    ) -> Self:
        return cls(tasks, factors, seed, hparams.mixing_temperature)

    def _weights(self, step: int) -> np.ndarray:
        return self._sizes


@register_mixing_policy
class Adaptive(MixingPolicy):
    """Proportions of what is left to learn; see the module's docstring."""

    def __init__(
        self,
        tasks: Sequence[Task],
        factors: Mapping[str, float],
        seed: int,
        temperature: float,
        label_smoothing: float,
    ):
        super().__init__([task.name for task in tasks], factors, seed)
        classes = {task.name: max(2, task.targets.count_ids or 2) for task in tasks}
        self._guess = np.array([math.log(classes[name]) for name in self.names])
        self._floor = np.array(
            [smoothing_floor(classes[name], label_smoothing) for name in self.names]
        )
        self._power = 1.0 / temperature
        self._losses = self._guess.copy()

    @classmethod
    def of(
        cls, hparams: HParams, tasks: Sequence[Task], factors: Mapping[str, float], seed: int
    ) -> Self:
        return cls(tasks, factors, seed, hparams.mixing_temperature, hparams.label_smoothing)

    def update(self, problem: str, loss: float) -> None:
        index = self.names.index(problem)
        if math.isfinite(loss):
            self._losses[index] += (1 - DECAY) * (loss - self._losses[index])

    def left(self) -> dict[str, float]:
        """Problem -> the part of its loss that is left to learn: 1 for a model that guesses."""
        return dict(zip(self.names, self._left().tolist(), strict=True))

    def state(self) -> dict[str, Any]:
        return {**super().state(), "losses": self._losses.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self._losses = np.array(state["losses"])

    def _left(self) -> np.ndarray:
        span = np.maximum(self._guess - self._floor, 1e-6)
        # A wild loss at the start is no reason to give a problem everything.
        return np.clip((self._losses - self._floor) / span, LEAST_LEFT, 1.5)

    def _weights(self, step: int) -> np.ndarray:
        weights = self._left() ** self._power
        return UNIFORM_PART / len(weights) + (1 - UNIFORM_PART) * weights / weights.sum()


@register_mixing_policy
class RoundRobin(MixingPolicy):
    """Each problem in turn. With factors, as even a sequence as those proportions allow."""

    def __init__(self, names: Sequence[str], factors: Mapping[str, float], seed: int):
        super().__init__(names, factors, seed)
        self._due = np.zeros(len(self.names))

    def state(self) -> dict[str, Any]:
        return {**super().state(), "due": self._due.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self._due = np.array(state["due"])

    def _draw(self, probabilities: np.ndarray) -> int:
        self._due += probabilities
        # Ties go to the first name, although 0.1 + 0.2 and 0.3 differ in the last digit.
        index = int(np.argmax(np.round(self._due, 9)))
        self._due[index] -= 1.0
        return index


@register_mixing_policy
class Schedule(MixingPolicy):
    """Proportions that change at given steps; problems that are not named are not trained."""

    def __init__(
        self, names: Sequence[str], factors: Mapping[str, float], seed: int, schedule: str
    ):
        super().__init__(names, factors, seed)
        parts = parse_schedule(schedule, self.names)
        self._starts = [start for start, _ in parts]
        self._parts = [np.array([part.get(n, 0.0) for n in self.names]) for _, part in parts]
        for start in self._starts:
            self._probabilities(start)  # raises now, not at that step

    @classmethod
    def of(
        cls, hparams: HParams, tasks: Sequence[Task], factors: Mapping[str, float], seed: int
    ) -> Self:
        return cls([task.name for task in tasks], factors, seed, hparams.mixing_schedule)

    def _weights(self, step: int) -> np.ndarray:
        return self._parts[int(np.searchsorted(self._starts, step, side="right")) - 1]


def make_policy(hparams: HParams, tasks: Sequence[Task], seed: int) -> MixingPolicy:
    """The policy that hparams.problem_choice names.

    Args:
      hparams: problem_choice and mixing_weights are read, and what the policy wants.
      tasks: the bound problems, in any order.
      seed: of the choice.

    Raises:
      UserError: for an unknown choice or problem, or weights that leave nothing to train.
    """
    names = [task.name for task in tasks]
    factors = {task.name: task.mixing_weight for task in tasks}
    factors |= parse_factors(hparams.mixing_weights, names, "hparams mixing_weights")
    if hparams.mixing_temperature <= 0:
        raise HParamError(
            f"hparam 'mixing_temperature' must be above 0, got {hparams.mixing_temperature}."
        )
    policy = MIXING_POLICIES.get(hparams.problem_choice).of(hparams, tasks, factors, seed)
    policy.proportions(0)  # raises if nothing can be chosen
    return policy


def loss_weights(hparams: HParams, tasks: Sequence[Task]) -> dict[str, float]:
    """Problem -> factor on its loss: from hparams.loss_weights, else the problem's own."""
    own = {task.name: task.loss_weight for task in tasks}
    return own | parse_factors(hparams.loss_weights, list(own), "hparams loss_weights")


def smoothing_floor(classes: int, smoothing: float) -> float:
    """The least cross-entropy, in nats, against targets smoothed over a number of classes.

    It is the entropy of 1 - smoothing at one class and the rest spread evenly over the others.
    """
    if smoothing <= 0 or classes < 2:
        return 0.0
    kept = max(1.0 - smoothing, 1e-12)
    return -kept * math.log(kept) - smoothing * math.log(smoothing / (classes - 1))
