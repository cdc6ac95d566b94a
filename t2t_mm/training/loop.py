"""The training loop: choose a problem, take its next batch, take a step; now and then, evaluate.

What a loop needs is made by api.py. Everything that a later step depends on is in the checkpoint:
a run that was stopped anywhere and started again gives the same weights, bit for bit (on a CPU).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from t2t_mm.data.batches.pipeline import next_batch
from t2t_mm.errors import DivergedError, UserError
from t2t_mm.problem import Task
from t2t_mm.runs.checkpoints import BEGINNING, FRESH_SLOTS, Checkpoints
from t2t_mm.training.best_metric import LOSS, BestMetric
from t2t_mm.training.interruption import Interruption
from t2t_mm.training.metrics_log import MetricsLog
from t2t_mm.training.moving_average import ExponentialMovingAverage
from t2t_mm.training.progress import Progress, losses_line
from t2t_mm.training.step import TrainStep
from t2t_mm.training.step_stats import FIELDS, StepStats

# Own steps of a problem between two of its train lines in metrics.jsonl.
LOG_EVERY = 100

Metrics = dict[str, dict[str, float]]

WATCHERS = "watchers"  # in the state of a checkpoint: what those who are told remember


class Policy(Protocol):
    """Chooses the problem of each step; see training/mixing.py."""

    def choose(self, step: int) -> str: ...

    def update(self, problem: str, loss: float) -> None: ...

    def proportions(self, step: int) -> Mapping[str, float]: ...

    def state(self) -> Any: ...

    def restore(self, state: Any) -> None: ...


@dataclass(frozen=True)
class LoopPlan:
    """The plan of a run: its steps, evaluations and their metric.

    Attributes:
      train_steps: steps in all.
      evaluate_every: steps between evaluations, each with a checkpoint.
      best_metric: the figure that decides which weights are kept in best/.
      early_stopping: evaluations without a better metric before the end; 0 = never.
      delta: by how much a metric has to be better for that.
      save_seconds: seconds between two checkpoints, at most; 0: evaluations alone have one.
      log_every: own steps of a problem between two of its train lines.
      further_objectives: names of the model's objectives beside the first, for the train lines.
    """

    train_steps: int
    evaluate_every: int
    best_metric: BestMetric = LOSS
    early_stopping: int = 0
    delta: float = 0.0
    save_seconds: float = 0.0
    log_every: int | None = None  # None: LOG_EVERY
    further_objectives: Sequence[str] = ()


@dataclass
class State:
    """The progress of a run: what a checkpoint holds besides variables and iterators.

    Attributes:
      step: steps done.
      problem_steps: problem -> steps of it.
      tallies: problem -> what its steps have reported since its last train line.
      best: best mean metric so far; None before the first evaluation.
      reference: the metric that the next one has to be better than by the plan's delta.
      stale: evaluations since then.
      best_metric: the name of what `best` is of; "" if it was not written down.
      rate_factor: what a callback has multiplied the schedule's learning rate by.
      unsound: steps whose evaluation gave a loss that is no number.
    """

    step: int = 0
    problem_steps: dict[str, int] = field(default_factory=dict)
    tallies: dict[str, StepStats] = field(default_factory=dict)
    best: float | None = None
    reference: float | None = None
    stale: int = 0
    best_metric: str = ""
    rate_factor: float = 1.0
    unsound: list[int] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        return {**vars(self), "tallies": {name: t.state() for name, t in self.tallies.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> State:
        """The inverse of `to_dict`."""
        tallies = {name: StepStats(state) for name, state in values["tallies"].items()}
        # Before there was a delta, the best was what the next had to be better than.
        return cls(**{"reference": values["best"], **values, "tallies": tallies})


@dataclass
class Loop:
    """One training run.

    Attributes:
      plan: when to stop, evaluate and log.
      tasks: problem -> bound problem.
      iterators: problem -> its endless training batches.
      policy: chooses the problem of each step.
      step: the traced training steps.
      devices: batches per step.
      schedule: step -> learning rate.
      loss_weights: problem -> factor on its loss.
      evaluate: gives the development metrics of all problems, or {} for no evaluation.
      before_first: called before the first step of each problem.
      checkpoints: of this run.
      progress: what the user sees.
      averages: of the weights, which evaluation and best/ get where there are any.
      data_dir: where the data are, for the error about a file that cannot be read.
      before_step: told of the steps done before each step.
      after_step, after_evaluation: told of what happened; True ends the run.
      watchers_state: what those who are told remember, ready for JSON; None for nothing.
      state: where the run is.
      watchers_restored: what `watchers_state` gave when the checkpoint was written.
    """

    plan: LoopPlan
    tasks: Mapping[str, Task]
    iterators: Mapping[str, Iterator[Any]]
    policy: Policy
    step: TrainStep
    devices: int
    schedule: Callable[[int], float]
    loss_weights: Mapping[str, float]
    evaluate: Callable[[], Metrics]
    before_first: Callable[[Task], None]
    checkpoints: Checkpoints
    progress: Progress
    averages: ExponentialMovingAverage = field(
        default_factory=lambda: ExponentialMovingAverage(0.0, {})
    )
    data_dir: Path | None = None
    before_step: Callable[[int], None] = lambda step: None
    after_step: Callable[[int, str, float], bool] = lambda step, problem, loss: False
    after_evaluation: Callable[[Metrics], bool] = lambda metrics: False
    watchers_state: Callable[[], Any] = lambda: None
    state: State = field(default_factory=State)
    watchers_restored: Any = None

    def restore(self) -> bool:
        """Goes to the latest checkpoint; False if there is none."""
        saved = self.checkpoints.restore()
        if saved is None:
            return False
        if BEGINNING in saved:
            self.averages.start(saved[FRESH_SLOTS])
            self.state = State(step=saved["step"])
            return True
        self.policy.restore(saved.pop("mixing"))
        self.watchers_restored = saved.pop(WATCHERS, None)
        self.state = State.from_dict(saved)
        before, now = self.state.best_metric, self.plan.best_metric.name
        if before and before != now:  # two figures do not compare
            self.state.best, self.state.reference, self.state.stale = None, None, 0
            self.progress.say(f"note: keep_best_metric {before} -> {now}: best/ begins anew.")
        return True

    def run(self, log: MetricsLog) -> None:
        """Trains until the plan says stop.

        Args:
          log: metrics.jsonl and TensorBoard.

        Raises:
          DivergedError: at a loss or gradient that is not finite; its update is not applied.
          KeyboardInterrupt: after SIGINT or SIGTERM, when the state is saved.
        """
        self._log, self._saved = log, self.state.step
        self._saved_at = time.monotonic()
        self._begun: set[str] = set()
        with Interruption() as interruption:
            ended = self.is_finished()
            while not ended:
                ended = self._take_step()
                at_end = ended or self.state.step >= self.plan.train_steps
                if at_end:
                    self._log_all()
                if at_end or self.state.step % self.plan.evaluate_every == 0:
                    ended = self._evaluate() or at_end
                    self._save()
                elif 0 < self.plan.save_seconds <= time.monotonic() - self._saved_at:
                    self._save()
                if interruption.requested and not ended:
                    self._save()
                    self.progress.say(f"saved at step {self.state.step}; the same command goes on.")
                    raise KeyboardInterrupt

    def is_finished(self) -> bool:
        """True if the plan has no step left, or further steps have stopped helping."""
        patience = self.plan.early_stopping
        return self.state.step >= self.plan.train_steps or 0 < patience <= self.state.stale

    def learning_rate(self, step: int) -> float:
        """The rate of a step, counted from 0."""
        return self.schedule(step) * self.state.rate_factor

    def _take_step(self) -> bool:
        self.before_step(self.state.step)
        begin, state = time.monotonic(), self.state
        name = self.policy.choose(state.step)
        task, fresh = self.tasks[name], name not in self._begun
        if fresh:
            self._begun.add(name)
            self.before_first(task)
        batches = [
            next_batch(self.iterators[name], task, self.data_dir) for _ in range(self.devices)
        ]
        rate = self.learning_rate(state.step)
        report = self.step(task, batches, self.loss_weights[name], rate)
        sums = dict(zip(FIELDS, report.tolist(), strict=False))
        state.step += 1
        loss = sums["loss"] / max(sums["weight"], 1.0)
        if not all(map(math.isfinite, report.tolist())):
            self.after_step(state.step, name, loss)
            raise self._diverged(name, loss, sums["norm"])
        self.policy.update(name, loss)
        state.problem_steps[name] = state.problem_steps.get(name, 0) + 1
        # Tracing and trying take seconds once; they say nothing about speed.
        seconds = 0.0 if fresh else time.monotonic() - begin
        tally = state.tallies.setdefault(name, StepStats(objectives=self.plan.further_objectives))
        tally.add(report.tolist(), seconds)
        if tally.steps >= (self.plan.log_every or LOG_EVERY):
            self._log_train(name)
        if fresh:
            self.progress.say(f"first step of {name}: {time.monotonic() - begin:.1f} s")
        self.progress.step(state.step, name, loss, sums["examples"])
        return self.after_step(state.step, name, loss)

    def _diverged(self, name: str, loss: float, norm: float) -> DivergedError:
        kept = self.checkpoints.last_sound(self.state.unsound) or "none is there"
        return DivergedError(
            f"training diverged at step {self.state.step} on problem '{name}': loss {loss}, "
            f"gradient norm {norm}. The update was not applied; last good checkpoint: {kept}. "
            "Lower the hparam learning_rate or clip_norm, or lengthen "
            "learning_rate_warmup_steps, in another --output_dir."
        )

    def _log_train(self, name: str) -> None:
        state = self.state
        metrics = state.tallies.pop(name).metrics()
        metrics["learning_rate"] = self.learning_rate(state.step - 1)
        metrics["share"] = self.policy.proportions(state.step - 1)[name]
        metrics["steps"] = state.problem_steps[name]
        self._log.write(state.step, "train", name, metrics)

    def _log_all(self) -> None:
        for name in sorted(self.state.tallies):
            self._log_train(name)

    def _evaluate(self) -> bool:
        """Evaluates, keeps the best; True if the run is to end."""
        with self.averages.swapped():
            metrics = self.evaluate()
        if not metrics:
            return self._ask_watchers(metrics)
        state, best = self.state, self.plan.best_metric
        for name, values in sorted(metrics.items()):
            self._log.write(state.step, "dev", name, values)
        if not all(math.isfinite(values.get("loss", 0.0)) for values in metrics.values()):
            state.unsound.append(state.step)
        line = losses_line(state.step, metrics)
        try:
            value = best.value(metrics)
        except UserError:
            self._save()  # so that the run can go on when the name is mended
            raise
        self.progress.say(f"{line}; {best.name} {value:.4g}" if best.decoded else line)
        state.best_metric = best.name
        sign = 1.0 if best.higher_is_better else -1.0
        finite, delta = math.isfinite(value), self.plan.delta
        if finite and (state.best is None or sign * value > sign * state.best):
            state.best = value
            with self.averages.swapped():
                self.checkpoints.save_best(state.step, {"best": value})
        better = state.reference is None or sign * value > sign * state.reference + delta
        if finite and better:
            state.reference, state.stale = value, 0
        else:
            state.stale += 1
        stop = self._ask_watchers(metrics)
        if self.is_finished() and state.step < self.plan.train_steps:
            self._log_all()
            found = math.nan if state.best is None else state.best
            self.progress.say(
                f"stopped early: {state.stale} evaluations without a better {best.name} "
                f"(best {found:.4g})."
            )
            return True
        return stop

    def _ask_watchers(self, metrics: Metrics) -> bool:
        try:
            return self.after_evaluation(metrics)
        except UserError:
            self._save()  # so that the run can go on when the mistake is mended
            raise

    def _save(self) -> None:
        if self._saved == self.state.step:
            return  # to write over the latest checkpoint would risk it
        self._saved, self._saved_at = self.state.step, time.monotonic()
        state = {**self.state.to_dict(), "mixing": self.policy.state()}
        watchers = self.watchers_state()
        if watchers is not None:
            state[WATCHERS] = watchers
        self.checkpoints.save(self.state.step, state)
