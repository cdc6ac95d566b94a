"""Scores what a model writes by itself over a split, with the problem's metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from t2t_mm.data.batches.pipeline import evaluation_batches
from t2t_mm.decoding.batching import decoding_batch_sizes
from t2t_mm.decoding.decoder import Decoder
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.decoding.splits import Answered, batches_for, decode_batches, evenly_spread, readable
from t2t_mm.evaluation.metrics import Answers, Score, applies, compute, flatten, remarks_on
from t2t_mm.hparam import HParams
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Split, Task


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

    @property
    def remarks(self) -> list[str]:
        """All that may mislead in the figures."""
        return remarks_on(self.scores)

    def samples(self, count: int) -> list[dict[str, str]]:
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
      settings: how to search; None: as t2t-decoder does without --decode_hparams.
    """

    def __init__(
        self,
        model: JointModel,
        hparams: HParams,
        vocabularies: Mapping[str, Vocabulary],
        data_dir: str | Path,
        settings: DecodeSettings | None = None,
    ):
        self._decoder = Decoder(model, hparams, vocabularies, settings)
        self._hparams = decoding_batch_sizes(hparams)
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
          max_examples: at most this number, spread evenly over the lengths; None: the whole split.
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
        answers = evenly_spread(answers, max_examples)
        return Scored(score(task, answers), answers)


def score(
    task: Task,
    answers: Sequence[Answered],
    names: Sequence[str] | None = None,
    resamples: int = 0,
) -> dict[str, Score]:
    """Metrics of these answers.

    Args:
      task: the problem.
      answers: its examples.
      names: of the metrics; None: the problem's own.
      resamples: of the bootstrap; 0: no confidence intervals.
    """
    names = task.metrics if names is None else names
    return compute(names, scorable(task, answers), resamples=resamples)


def scorable(task: Task, answers: Sequence[Answered]) -> Answers:
    """The answers as metrics read them."""
    ranked = None
    if task.targets.is_ranked:
        ranked = [[(a.output, a.score) for a in one.decoded.alternatives] for one in answers]
    return Answers(
        [one.decoded.output for one in answers],
        [one.references for one in answers],
        ranked,
        task.language,
    )


def full_metrics(task: Task, further: Sequence[str] = ()) -> list[str]:
    """The metrics that an evaluation shows of a problem: its own and those that belong beside them.

    Training shows a problem's own metrics alone. Beside them go what EVALB leaves out, the
    field's metrics of captions, and for class labels calibration and, of more than five classes,
    the top five.

    Args:
      task: the problem.
      further: metrics that are shown wherever they apply.
    """
    beside = task.targets.metrics_beside(task.inputs)
    wanted = [*task.metrics, *beside, *(name for name in further if applies(name, task))]
    return list(dict.fromkeys(wanted))
