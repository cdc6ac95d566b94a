"""Sums of what the steps report, per problem, between two lines of metrics.jsonl.

A training step returns one float32 vector: `FIELDS`, then the loss of each further objective of the
model; a tally adds vectors as Python floats, so that it survives a checkpoint (as JSON) without
changing a bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# loss, correct: sums over target positions; weight: their number. real, padded: input and target
# positions without and with padding. norm: of the gradient, before clipping.
FIELDS = ("loss", "weight", "aux", "correct", "examples", "real", "padded", "norm")


class StepStats:
    """Sums over the steps of one problem since its last line.

    Attributes:
      steps: the number of steps.
      seconds: the time that they took.

    Args:
      state: from `state`; None for none yet.
      objectives: names of the model's further objectives.
    """

    def __init__(self, state: Mapping[str, Any] | None = None, objectives: Sequence[str] = ()):
        state = state or {}
        self._objectives = tuple(state.get("objectives", objectives))
        self.steps: int = state.get("steps", 0)
        self.seconds: float = state.get("seconds", 0.0)
        self._sums: list[float] = list(
            state.get("sums", [0.0] * (len(FIELDS) + len(self._objectives)))
        )

    def add(self, report: Sequence[float], seconds: float) -> None:
        """Adds one step's report, in the order of FIELDS and the objectives."""
        self.steps += 1
        self.seconds += seconds
        self._sums = [old + float(new) for old, new in zip(self._sums, report, strict=True)]

    def metrics(self) -> dict[str, float]:
        """Means over the positions, the steps or the seconds of this tally."""
        sums = dict(zip(FIELDS, self._sums, strict=False))
        further = zip(self._objectives, self._sums[len(FIELDS) :], strict=True)
        weight, seconds = max(sums["weight"], 1.0), max(self.seconds, 1e-9)
        return {
            "loss": sums["loss"] / weight,
            "accuracy": sums["correct"] / weight,
            "aux_loss": sums["aux"] / max(self.steps, 1),
            "gradient_norm": sums["norm"] / max(self.steps, 1),
            "padding_share": 1.0 - sums["real"] / max(sums["padded"], 1.0),
            "examples_per_second": sums["examples"] / seconds,
            "tokens_per_second": sums["real"] / seconds,
            **{f"loss/{name}": total / max(self.steps, 1) for name, total in further},
        }

    @property
    def examples(self) -> float:
        """Examples seen."""
        return self._sums[FIELDS.index("examples")]

    def state(self) -> dict[str, Any]:
        """A JSON-ready mapping; `StepStats(state)` is the inverse."""
        state = {"steps": self.steps, "seconds": self.seconds, "sums": self._sums}
        return {**state, "objectives": list(self._objectives)} if self._objectives else state
