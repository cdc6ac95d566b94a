"""The inputs of a metric, and the statistics that each example adds to it.

Every metric here is a function of sums over the examples: of errors and words, of matched n-grams,
of hits. So a metric is computed once per example, and a bootstrap resample costs one weighted sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

References = Sequence[Sequence[str]]
Ranked = Sequence[tuple[str, float]]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Answers:
    """Outputs and what would have been right.

    Attributes:
      outputs: N decoded texts or labels.
      references: N lists of at least one right answer.
      ranked: of each example the likeliest labels with the natural logarithm of their probability,
        best first; None where answers are not labels.
      language: code of the language of the texts; "" where it is not known.
    """

    outputs: Sequence[str]
    references: References
    ranked: Sequence[Ranked] | None = None
    language: str = ""

    def __len__(self) -> int:
        return len(self.outputs)


def answers_of(
    outputs: Sequence[str],
    references: References,
    ranked: Sequence[Ranked] | None = None,
    language: str = "",
) -> Answers:
    """The same, checked.

    Raises:
      ValueError: if the parts differ in length, or an output has no reference.
    """
    if len(outputs) != len(references) or not all(references):
        raise ValueError(f"{len(outputs)} outputs need as many non-empty lists of references")
    if ranked is not None and len(ranked) != len(outputs):
        raise ValueError(f"{len(outputs)} outputs need as many lists of ranked labels")
    return Answers(outputs, references, ranked, language)


Figures = Callable[[np.ndarray], dict[str, float]]


@dataclass(frozen=True)
class Statistics:
    """A metric taken apart.

    Attributes:
      rows: float64 [N, S], what each example adds to the metric's S sums.
      figures: sums [S] -> figures by name, the metric's own first.
      signature: how it is computed, where the field asks for that (sacrebleu).
      remarks: on what may mislead in the figures, a clause each.
    """

    rows: np.ndarray
    figures: Figures
    signature: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """A metric's value for a set of outputs.

    Attributes:
      value: the metric.
      parts: further figures by their own names, such as bracket_precision.
      signature: how it was computed, where the field asks for that (sacrebleu).
      intervals: figure -> 95 % confidence interval, the metric's own included; {} if none was
        asked for.
      remarks: on what may mislead in the figures, a clause each.
    """

    value: float
    parts: dict[str, float] = field(default_factory=dict)
    signature: str = ""
    intervals: dict[str, Interval] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def mean_of(name: str, values: Sequence[float]) -> Statistics:
    """A metric that is the mean of a value per example."""
    rows = np.stack([np.asarray(values, np.float64), np.ones(len(values))], axis=1)
    return Statistics(rows, lambda sums: {name: share(sums[0], sums[1])})


def share(part: float, whole: float) -> float:
    """`part / whole`, and 0 of nothing."""
    return float(part / whole) if whole else 0.0
