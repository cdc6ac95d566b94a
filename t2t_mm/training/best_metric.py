"""The figure by which weights are the best so far: the hparam keep_best_metric.

A teacher-forced one (loss, accuracy, ...) is measured at every evaluation anyway. A metric of
decoded outputs (bleu, wer, a user's own, ...) makes each evaluation also decode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from t2t_mm.errors import HParamError, unknown
from t2t_mm.evaluation.metrics import applies, find_metric
from t2t_mm.evaluation.teacher_forced import lower_is_better, mean_metric
from t2t_mm.problem import Task
from t2t_mm.registry import METRICS

_HPARAM = "hparam 'keep_best_metric'"

# Problem -> names of its teacher-forced metrics; None where only an evaluation tells.
Forced = Mapping[str, frozenset[str] | None]


@dataclass(frozen=True)
class BestMetric:
    """The figure that best/ and early stopping go by: a mean over problems.

    Attributes:
      name: as the hparam has it: a metric, or PROBLEM/METRIC.
      decoded: the problems whose outputs are decoded for it; () for a teacher-forced figure.
      higher_is_better: False for a loss or an error rate.
    """

    name: str = "loss"
    decoded: tuple[str, ...] = ()
    higher_is_better: bool = False

    @property
    def metric(self) -> str:
        """The metric's own name."""
        return self.name.rpartition("/")[2]

    def value(self, metrics: Mapping[str, Mapping[str, float]]) -> float:
        """The mean over the problems.

        Raises:
          HParamError: if none has it.
        """
        of = self.name.rpartition("/")[0]
        chosen = self.decoded or ((of,) if of else tuple(metrics))
        return mean_metric({name: metrics.get(name, {}) for name in chosen}, self.metric)


LOSS = BestMetric()


def find_best_metric(name: str, tasks: Sequence[Task], forced: Forced) -> BestMetric:
    """The figure of a name.

    A teacher-forced metric is the mean over all problems that have it. A decoded one is the mean
    over the problems that name it in their `metrics`; if none does, over all that it can score.

    Args:
      name: a metric, or PROBLEM/METRIC.
      tasks: the problems that are evaluated.
      forced: their teacher-forced metrics.

    Raises:
      UnknownNameError: for a problem that is not evaluated.
      HParamError: for a metric that is not known, or that scores none of the problems.
    """
    problem, _, metric = name.rpartition("/")
    if problem:
        known = {task.name: task for task in tasks}
        if problem not in known:
            raise unknown("problem", problem, known, "the hparam keep_best_metric")
        tasks = [known[problem]]
    names = [forced[task.name] for task in tasks]
    if metric == "loss" or any(metric in (each or ()) for each in names):
        return BestMetric(name, (), not lower_is_better(metric))
    if metric in METRICS:
        fitting = [task for task in tasks if applies(metric, task)]
        chosen = [task for task in fitting if metric in task.metrics] or fitting
        if chosen:
            decoded = tuple(sorted(task.name for task in chosen))
            return BestMetric(name, decoded, find_metric(metric).higher_is_better)
    if None in names:  # a user's own network: the first evaluation tells
        return BestMetric(name, (), not lower_is_better(metric))
    raise _wrong(name, metric, tasks, names)


def _wrong(
    name: str, metric: str, tasks: Sequence[Task], names: Sequence[frozenset[str] | None]
) -> HParamError:
    fitting = {known for known in METRICS for task in tasks if applies(known, task)}
    known = ", ".join(sorted({"loss", *fitting}.union(*(each or () for each in names))))
    why = ""
    if metric in METRICS:
        why = f": it scores no answers of {', '.join(task.name for task in tasks)}"
    return HParamError(
        f"{_HPARAM} must be one of {known}, or one of them for one problem as PROBLEM/METRIC, got "
        f"'{name}'{why}."
    )
