"""The quality of an export's own answers, and what storing its weights in fewer bits cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from t2t_mm.evaluation.metrics import compute, flatten
from t2t_mm.evaluation.metrics.statistics import answers_of
from t2t_mm.problem import Task
from t2t_mm.serving.export.examples import RawExample
from t2t_mm.serving.export.signatures import Exportable

_BATCH = 16

Signature = Callable[..., Mapping[str, tf.Tensor]]


@dataclass(frozen=True)
class Quality:
    """Metrics of one problem.

    Attributes:
      examples: how many were answered.
      before: with float32 weights; empty if those are what is exported.
      after: of the export.
    """

    examples: int
    before: dict[str, float]
    after: dict[str, float]

    def lines(self, problem: str, weights: str) -> list[str]:
        """A line for each metric, to be read."""
        found = []
        for name, value in self.after.items():
            line = f"{problem}, {self.examples} examples: {name} {value:.4g}"
            if self.before:
                cost = value - self.before[name]
                line += f" with {weights}, {self.before[name]:.4g} with float32 ({cost:+.4g})"
            found.append(line)
        return found


def quality(
    path: Path,
    before: Exportable | None,
    tasks: Mapping[str, Task],
    held_out: Mapping[str, Sequence[RawExample]],
) -> dict[str, Quality]:
    """Answers examples through the signatures of an export.

    Args:
      path: of the export.
      before: the same with float32 weights; None: no comparison.
      tasks: the exported problems.
      held_out: examples of each problem that it was not trained on.
    """
    saved = tf.saved_model.load(str(path))
    found = {}
    for name, task in tasks.items():
        examples = held_out[name]
        first = metrics_of(task, before.answers(name), examples) if before else {}
        after = metrics_of(task, saved.signatures[name], examples)
        found[name] = Quality(len(examples), first, after)
    return found


def metrics_of(
    task: Task, signature: Signature, examples: Sequence[RawExample]
) -> dict[str, float]:
    """The problem's metrics over a signature's answers, by name."""
    outputs: list[str] = []
    ranked: list[list[tuple[str, float]]] = []
    for start in range(0, len(examples), _BATCH):
        rows = [example.inputs for example in examples[start : start + _BATCH]]
        found = signature(
            **{name: tf.constant([row[name] for row in rows]) for name in task.inputs}
        )
        for texts, scores in zip(found["outputs"].numpy(), found["scores"].numpy(), strict=True):
            texts = [text.decode() for text in texts]
            outputs.append(texts[0])
            ranked.append(list(zip(texts, map(float, scores), strict=True)))
    references = [example.references for example in examples]
    labels = ranked if task.targets.is_ranked else None
    return flatten(compute(task.metrics, answers_of(outputs, references, labels)))
