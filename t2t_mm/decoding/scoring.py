"""Scores what a model writes by itself over a split, with the problem's metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from t2t_mm.data.pipeline import evaluation_batches
from t2t_mm.data.vocabulary import Vocabulary
from t2t_mm.decoding.api import roomier
from t2t_mm.decoding.decoder import Decoder
from t2t_mm.decoding.metrics import Score, compute, flatten
from t2t_mm.decoding.splits import Answered, batches_for, decode_batches, readable, thinned
from t2t_mm.hparam import HParams
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Split, Task

SAMPLES = 3


@dataclass(frozen=True)
class Scored:
    """A problem's decoded outputs and their scores.

    Attributes:
      scores: metric -> score.
      answers: the examples, in the order of the split.
    """

    scores: dict[str, Score]
    answers: list[Answered]

    @property
    def metrics(self) -> dict[str, float]:
        """All figures by name."""
        return flatten(self.scores)

    def samples(self, count: int = SAMPLES) -> list[dict[str, str]]:
        """The first examples as {"input", "target", "output"}."""
        return [
            {"input": one.inputs, "target": one.targets, "output": one.decoded.output}
            for one in self.answers[:count]
        ]


class DecodedEvaluation:
    """Decodes splits and scores the outputs; traces are kept from one call to the next.

    Args:
      model: built; its weights may change between calls.
      hparams: that it is trained with.
      vocabularies: by name.
      data_dir: where the data are.
    """

    def __init__(
        self,
        model: JointModel,
        hparams: HParams,
        vocabularies: Mapping[str, Vocabulary],
        data_dir: str | Path,
    ):
        self._decoder = Decoder(model, hparams, vocabularies)
        self._hparams = roomier(hparams)
        self._vocabularies = vocabularies
        self._data_dir = data_dir

    def __call__(
        self,
        task: Task,
        split: Split | str = Split.DEV,
        max_examples: int | None = None,
        report: Callable[[int], None] | None = None,
    ) -> Scored:
        """Scores one problem.

        Args:
          task: the problem.
          split: which part.
          max_examples: at most so many, spread evenly over the lengths; None: the whole split.
          report: called with the number of newly answered examples after every batch.

        Raises:
          DataError: if the data are missing or unreadable.
        """
        count = batches_for(task, split, self._data_dir, self._hparams, max_examples)
        batches = evaluation_batches(task, split, self._data_dir, self._hparams, count)
        answers = decode_batches(
            self._decoder,
            task,
            readable(batches, task, self._data_dir, split),
            self._hparams,
            self._vocabularies,
            report,
        )
        answers = thinned(answers, max_examples)
        return Scored(score(task, answers), answers)


def score(task: Task, answers: Sequence[Answered]) -> dict[str, Score]:
    """The problem's metrics of these answers."""
    outputs = [one.decoded.output for one in answers]
    return compute(task.metrics, outputs, [one.references for one in answers])


def evaluate_decoded(
    model: JointModel,
    task: Task,
    split: Split | str,
    data_dir: str | Path,
    hparams: HParams,
    vocabularies: Mapping[str, Vocabulary],
    max_examples: int | None = None,
    samples: int = SAMPLES,
) -> tuple[dict[str, float], list[dict[str, str]]]:
    """Scores one problem once; for several problems keep a `DecodedEvaluation`.

    Returns:
      Metric -> value, and samples as {"input", "target", "output"}.
    """
    scored = DecodedEvaluation(model, hparams, vocabularies, data_dir)(task, split, max_examples)
    return scored.metrics, scored.samples(samples)
