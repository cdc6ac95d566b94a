"""`evaluate`: what t2t-eval calls. Decoded and teacher-forced metrics beside trivial baselines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2t_mm.data.batches.pipeline import count_examples, evaluation_batches
from t2t_mm.data.records.manifest import load_manifest
from t2t_mm.decoding.batching import decoding_batch_sizes
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.decoding.splits import Answered, check_data, decode_batches, readable
from t2t_mm.errors import DataError, UserError
from t2t_mm.evaluation.baselines import Baseline, learn_baseline
from t2t_mm.evaluation.metrics import Score, applies, flatten, flatten_intervals
from t2t_mm.evaluation.metrics.bootstrap import LEVEL, RESAMPLES, SEED
from t2t_mm.evaluation.perplexity import with_perplexities
from t2t_mm.evaluation.scoring import full_metrics, score
from t2t_mm.evaluation.teacher_forced import Evaluation
from t2t_mm.problem import Split, Task

if TYPE_CHECKING:
    from t2t_mm.decoding.model_loading import LoadedModel

Say = Callable[[str], None]


@dataclass(frozen=True)
class ProblemReport:
    """The figures of a model on one problem.

    Attributes:
      problem, split: what was evaluated.
      examples: how many.
      left_out: how many more are too long for evaluation.
      eval_max_length: the longest text that is not, in tokens.
      decoded: metrics of what the model writes by itself.
      teacher_forced: loss and metrics of each token given the true ones before it.
      baseline_decoded, baseline_teacher_forced: likewise, without looking at the input.
      baseline_answer: what the trivial baseline always answers.
      settings: how answers were searched for.
      resamples: of the bootstrap that gave the intervals; 0: there are none.
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
    settings: DecodeSettings
    resamples: int
    answers: list[Answered]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping, without the examples."""
        return {
            "split": self.split,
            "problem": self.problem,
            "examples": self.examples,
            "left_out": self.left_out,
            "decode_hparams": self.settings.to_dict(),
            "decoded": flatten(self.decoded),
            "intervals": {n: list(both) for n, both in flatten_intervals(self.decoded).items()},
            "bootstrap": {"level": LEVEL, "resamples": self.resamples, "seed": SEED},
            "teacher_forced": self.teacher_forced,
            "baseline": {
                "decoded": flatten(self.baseline_decoded),
                "teacher_forced": self.baseline_teacher_forced,
                "answer": self.baseline_answer,
            },
            "signatures": {n: s.signature for n, s in self.decoded.items() if s.signature},
        }


class Evaluator:
    """Evaluates a model on generated data; its weights may change from one call to the next.

    Args:
      loaded: the model.
      data_dir: where the data are.
      problems: names; None: all of the model's that have the split.
      split: which part.
      eval_steps: batches of each problem, spread evenly over the lengths; None: all.
      settings: how to search; None: T2T's beam of 4 with alpha 0.6.
      metrics: further ones, for the problems that they apply to.
      resamples: of the bootstrap; 0: no confidence intervals.

    Raises:
      UnknownNameError: for a problem that is not the model's, or an unknown metric.
      DataError: if data are missing or of another vocabulary.
      UserError: for a metric that applies to none of the problems.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        data_dir: str | Path,
        problems: Sequence[str] | None = None,
        split: Split | str = Split.DEV,
        eval_steps: int | None = None,
        settings: DecodeSettings | None = None,
        metrics: Sequence[str] = (),
        resamples: int = RESAMPLES,
    ):
        self._loaded = loaded
        self._data_dir = Path(data_dir)
        self._split = Split(split)
        self._eval_steps = eval_steps
        self._settings = settings or DecodeSettings()
        self._metrics = tuple(metrics)
        self._resamples = resamples
        self._decoder = loaded.decoder_for(self._settings)
        self._teacher_forced = Evaluation(loaded.model, loaded.hparams.label_smoothing)
        self._baselines: dict[str, Baseline] = {}
        self._tasks = self._chosen(problems)
        for name in self._metrics:
            _require_use(name, self._tasks)
        for task in self._tasks:  # all, before the first one costs minutes
            check_data(task, self._split, data_dir, loaded.vocabularies)

    def __call__(self, say: Say | None = None) -> list[ProblemReport]:
        """Evaluates with the present weights.

        Args:
          say: told about each problem before it begins.

        Returns:
          A report per problem, in the order of names.

        Raises:
          DataError: if data cannot be read.
        """
        for task in self._tasks:  # the training data may lack what the split has
            self._baseline(task)
        reports = []
        for task in self._tasks:
            if say:
                say(f"evaluating {task.name} on {self._split.value}")
            reports.append(self._report(task))
        return reports

    def _chosen(self, problems: Sequence[str] | None) -> list[Task]:
        if problems is not None:
            return [self._loaded.task(name, "--problems") for name in sorted(set(problems))]
        tasks = [t for t in self._loaded.tasks.values() if _has(t, self._split, self._data_dir)]
        if not tasks:
            raise DataError(
                f"no problem of this model has the split {self._split.value} in "
                f"{self._data_dir}; choose another with --split, or give the --data_dir of the "
                "training."
            )
        return sorted(tasks, key=lambda task: task.name)

    def _report(self, task: Task) -> ProblemReport:
        hparams, vocabularies = (
            decoding_batch_sizes(self._loaded.hparams),
            self._loaded.vocabularies,
        )
        where = (task, self._split, self._data_dir)
        batches = evaluation_batches(*where, hparams, self._eval_steps)

        def read() -> Any:
            return readable(batches, task, self._data_dir, self._split)

        answers = decode_batches(self._decoder, task, read(), hparams, vocabularies)
        names = full_metrics(task, self._metrics)
        baseline = self._baseline(task)
        forced = self._teacher_forced(task, read())
        trivial = baseline.teacher_forced([one.ids for one in answers])
        if not task.has_inputs:
            forced, trivial = (with_perplexities(one, answers) for one in (forced, trivial))
        return ProblemReport(
            problem=task.name,
            split=self._split.value,
            examples=len(answers),
            left_out=count_examples(*where, hparams, training=False).dropped,
            eval_max_length=hparams.eval_max_length,
            decoded=score(task, answers, names, self._resamples),
            teacher_forced=forced,
            baseline_decoded=baseline.decoded(names, [one.references for one in answers]),
            baseline_teacher_forced=trivial,
            baseline_answer=baseline.answer,
            settings=self._settings,
            resamples=self._resamples,
            answers=answers,
        )

    def _baseline(self, task: Task) -> Baseline:
        if task.name not in self._baselines:
            self._baselines[task.name] = learn_baseline(
                task, self._data_dir, self._loaded.vocabularies
            )
        return self._baselines[task.name]


def evaluate(
    loaded: LoadedModel,
    data_dir: str | Path,
    problems: Sequence[str] | None = None,
    split: Split | str = Split.DEV,
    eval_steps: int | None = None,
    say: Say | None = None,
    **options: Any,
) -> list[ProblemReport]:
    """Evaluates a trained model once; see `Evaluator`, whose further arguments are `options`."""
    return Evaluator(loaded, data_dir, problems, split, eval_steps, **options)(say)


def _has(task: Task, split: Split, data_dir: Path) -> bool:
    manifest = load_manifest(task.data_name, data_dir.expanduser())
    return manifest is None or split.value in manifest.splits  # no data: an error later on


def _require_use(metric: str, tasks: Sequence[Task]) -> None:
    if not any(applies(metric, task) for task in tasks):
        names = ", ".join(task.name for task in tasks)
        raise UserError(f"the metric '{metric}' (from --metrics) scores none of {names}.")
