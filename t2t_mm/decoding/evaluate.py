"""`evaluate`: what t2t-eval calls. Decoded and teacher-forced metrics beside trivial baselines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2t_mm.data.manifest import load_manifest
from t2t_mm.data.pipeline import count_examples, evaluation_batches
from t2t_mm.decoding.api import roomier
from t2t_mm.decoding.baselines import learn_baseline
from t2t_mm.decoding.metrics import Score, flatten
from t2t_mm.decoding.scoring import score
from t2t_mm.decoding.splits import Answered, check_data, decode_batches, readable
from t2t_mm.decoding.teacher_forced import Evaluation
from t2t_mm.errors import DataError
from t2t_mm.problem import Split, Task

if TYPE_CHECKING:
    from t2t_mm.decoding.model_loading import LoadedModel


@dataclass(frozen=True)
class ProblemReport:
    """How well a model does one problem.

    Attributes:
      problem, split: what was evaluated.
      examples: how many.
      left_out: how many more are too long for evaluation.
      eval_max_length: the longest text that is not, in tokens.
      decoded: the problem's metrics of what the model writes by itself.
      teacher_forced: loss and metrics of each token given the true ones before it.
      baseline_decoded, baseline_teacher_forced: likewise, without looking at the input.
      baseline_answer: what the trivial baseline always answers.
      answers: the examples.
    """

    problem: str
    split: str
    examples: int
    left_out: int
    eval_max_length: int
    decoded: dict[str, Score]
    teacher_forced: dict[str, float]
    baseline_decoded: dict[str, Score]
    baseline_teacher_forced: dict[str, float]
    baseline_answer: str
    answers: list[Answered]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping, without the examples."""
        return {
            "split": self.split,
            "problem": self.problem,
            "examples": self.examples,
            "left_out": self.left_out,
            "decoded": flatten(self.decoded),
            "teacher_forced": self.teacher_forced,
            "baseline": {
                "decoded": flatten(self.baseline_decoded),
                "teacher_forced": self.baseline_teacher_forced,
                "answer": self.baseline_answer,
            },
            "signatures": {n: s.signature for n, s in self.decoded.items() if s.signature},
        }


def evaluate(
    loaded: LoadedModel,
    data_dir: str | Path,
    problems: Sequence[str] | None = None,
    split: Split | str = Split.DEV,
    eval_steps: int | None = None,
    say: Callable[[str], None] | None = None,
) -> list[ProblemReport]:
    """Evaluates a trained model on generated data.

    Args:
      loaded: the model.
      data_dir: where the data are.
      problems: names; None: all of the model's that have the split.
      split: which part.
      eval_steps: batches of each problem, spread evenly over the lengths; None: all.
      say: told about each problem before it begins.

    Returns:
      A report per problem, in the order of names.

    Raises:
      UnknownNameError: for a problem that is not the model's.
      DataError: if data are missing, unreadable or of another vocabulary.
    """
    split = Split(split)
    if problems is None:
        tasks = [task for task in loaded.tasks.values() if _has(task, split, data_dir)]
    else:
        tasks = [loaded.task(name, "--problems") for name in sorted(set(problems))]
    if not tasks:
        raise DataError(
            f"no problem of this model has the split {split.value} in {data_dir}; choose another "
            "with --split, or give the --data_dir of the training."
        )
    for task in tasks:  # all, before the first one costs minutes
        check_data(task, split, data_dir, loaded.vocabularies)
    teacher_forced = Evaluation(loaded.model, loaded.hparams.label_smoothing)
    reports = []
    for task in tasks:
        if say:
            say(f"evaluating {task.name} on {split.value}")
        reports.append(_report(loaded, teacher_forced, task, split, Path(data_dir), eval_steps))
    return reports


def _has(task: Task, split: Split, data_dir: str | Path) -> bool:
    manifest = load_manifest(task.data_name, Path(data_dir).expanduser())
    return manifest is None or split.value in manifest.splits  # no data: an error later on


def _report(
    loaded: LoadedModel,
    teacher_forced: Evaluation,
    task: Task,
    split: Split,
    data_dir: Path,
    eval_steps: int | None,
) -> ProblemReport:
    hparams, vocabularies = roomier(loaded.hparams), loaded.vocabularies
    batches = evaluation_batches(task, split, data_dir, hparams, eval_steps)
    answers = decode_batches(
        loaded.decoder, task, readable(batches, task, data_dir, split), hparams, vocabularies
    )
    baseline = learn_baseline(task, data_dir, vocabularies)
    return ProblemReport(
        problem=task.name,
        split=split.value,
        examples=len(answers),
        left_out=count_examples(task, split, data_dir, hparams, training=False).dropped,
        eval_max_length=hparams.eval_max_length,
        decoded=score(task, answers),
        teacher_forced=teacher_forced(task, readable(batches, task, data_dir, split)),
        baseline_decoded=baseline.decoded(task.metrics, [one.references for one in answers]),
        baseline_teacher_forced=baseline.teacher_forced([one.ids for one in answers]),
        baseline_answer=baseline.answer,
        answers=answers,
    )
