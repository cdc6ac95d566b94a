"""When the loop logs, evaluates and saves, with fakes for all that costs time."""

from __future__ import annotations

import math
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from t2t_mm.errors import DivergedError
from t2t_mm.kinds import Text
from t2t_mm.problem import Task
from t2t_mm.training.best_metric import BestMetric
from t2t_mm.training.loop import Loop, LoopPlan, State
from t2t_mm.training.progress import Progress
from t2t_mm.training.step_stats import FIELDS, StepStats

TEXT = Text("v", 10)


class Turns:
    """a, b, a, b, ..."""

    def choose(self, step: int) -> str:
        return "ab"[step % 2]

    def update(self, problem: str, loss: float) -> None: ...

    def proportions(self, step: int) -> dict[str, float]:
        return {"a": 0.5, "b": 0.5}

    def state(self) -> str:
        return "turns"


class Saves:
    def __init__(self) -> None:
        self.saved: list[int] = []
        self.best: list[int] = []

    def save(self, step: int, state: dict[str, Any]) -> None:
        assert state["mixing"] == "turns"
        assert State.from_dict({k: v for k, v in state.items() if k != "mixing"}).step == step
        self.saved.append(step)

    def save_best(self, step: int, state: dict[str, Any]) -> None:
        self.best.append(step)

    def last_sound(self, unsound: Sequence[int]) -> str | None:
        sound = [step for step in self.saved if step not in unsound]
        return f"model-{sound[-1]}" if sound else None


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[int, str, str, dict[str, float]]] = []

    def write(self, step: int, split: str, problem: str, metrics: dict[str, float]) -> None:
        self.lines.append((step, split, problem, metrics))


def run(
    plan: LoopPlan,
    evaluations: Sequence[float] = (),
    loss: Callable[[int], float] = lambda step: 2.0,
    saves: Saves | None = None,
    **more: Any,
) -> Any:
    tasks = {name: Task(name, name, TEXT, TEXT, "to_x") for name in "ab"}
    reports = iter(range(10**9))
    values = iter(evaluations)

    def step(task: Task, batches: list[Any], weight: float, rate: float) -> np.ndarray:
        found = dict.fromkeys(FIELDS, 1.0) | {"loss": loss(next(reports) + 1), "padded": 2.0}
        return np.array([found[name] for name in FIELDS])

    first: list[str] = []
    loop = Loop(
        plan=plan,
        tasks=tasks,
        iterators={name: iter(range(10**9)) for name in tasks},
        policy=Turns(),
        step=step,
        devices=1,
        schedule=lambda step: 0.1 * (step + 1),
        loss_weights={"a": 1.0, "b": 1.0},
        evaluate=lambda: {"a": {"loss": next(values), "accuracy": 0.0}} if evaluations else {},
        before_first=lambda task: first.append(task.name),
        checkpoints=saves or Saves(),
        progress=Progress(None),
        **more,
    )
    log = Log()
    loop.first, loop.lines = first, log.lines
    loop.run(log)
    return loop


def test_a_problems_line_comes_every_hundred_of_its_steps_and_at_the_end() -> None:
    loop = run(LoopPlan(train_steps=250, evaluate_every=60))
    lines = [(step, problem) for step, _, problem, _ in loop.lines]
    assert lines == [(199, "a"), (200, "b"), (250, "a"), (250, "b")]
    metrics = loop.lines[0][3]
    assert metrics["loss"] == 2.0 and metrics["padding_share"] == 0.5 and metrics["share"] == 0.5
    assert metrics["learning_rate"] == pytest.approx(19.9) and metrics["steps"] == 100
    assert loop.checkpoints.saved == [60, 120, 180, 240, 250]
    assert loop.first == ["a", "b"]


def test_best_and_stale_and_a_loss_that_is_no_number() -> None:
    plan = LoopPlan(train_steps=100, evaluate_every=10, early_stopping=3)
    loop = run(plan, [math.nan, 5.0, 4.0, 4.0, math.nan, 4.5, 0.0])
    assert loop.checkpoints.best == [20, 30]
    assert loop.state.step == 60 and loop.state.stale == 3 and loop.state.best == 4.0
    counted = Counter(split for _, split, _, _ in loop.lines)
    assert counted == {"dev": 6, "train": 2}


def test_better_by_no_more_than_the_delta_is_not_better() -> None:
    plan = LoopPlan(train_steps=100, evaluate_every=10, early_stopping=2, delta=0.5)
    loop = run(plan, [5.0, 4.6, 4.4, 4.2, 3.95, 3.0])
    # 5, 4.4 and 3 are better than what came before by more; the best weights go by any gain.
    assert loop.checkpoints.best == [10, 20, 30, 40, 50]
    assert (loop.state.step, loop.state.reference, loop.state.best) == (50, 4.4, 3.95)
    old = {name: value for name, value in State().to_dict().items() if name != "reference"}
    assert State.from_dict({**old, "best": 2.0}).reference == 2.0


def test_checkpoints_by_time_and_train_lines_by_count() -> None:
    plan = LoopPlan(train_steps=6, evaluate_every=3, save_seconds=1e-9, log_every=2)
    loop = run(plan)
    assert loop.checkpoints.saved == [1, 2, 3, 4, 5, 6]
    lines = [(step, problem) for step, _, problem, _ in loop.lines]
    assert lines == [(3, "a"), (4, "b"), (6, "a"), (6, "b")]
    assert run(LoopPlan(6, 3, save_seconds=1e6)).checkpoints.saved == [3, 6]


def test_accuracy_is_better_when_higher() -> None:
    plan = LoopPlan(train_steps=30, evaluate_every=10, best_metric=BestMetric("accuracy", (), True))
    assert run(plan, [1.0, 1.0, 1.0]).checkpoints.best == [10]  # accuracy stays 0


def test_divergence_saves_nothing() -> None:
    with pytest.raises(DivergedError) as error:
        run(LoopPlan(50, 10), loss=lambda step: math.inf if step == 25 else 1.0)
    text = str(error.value)
    assert "diverged at step 25 on problem 'a': loss inf" in text
    assert "last good checkpoint: model-20." in text


def test_divergence_names_no_checkpoint_whose_evaluation_was_no_number() -> None:
    def diverging(step: int) -> float:
        return math.inf if step == 35 else 1.0

    with pytest.raises(DivergedError, match="last good checkpoint: model-10."):
        run(LoopPlan(50, 10), [3.0, math.nan, math.inf], diverging)
    with pytest.raises(DivergedError, match="last good checkpoint: none is there."):
        run(LoopPlan(50, 10), [math.nan] * 3, diverging)


def test_a_signal_at_an_evaluation_does_not_write_the_checkpoint_again() -> None:
    def after_step(step: int, problem: str, loss: float) -> bool:
        if step == 10:
            signal.raise_signal(signal.SIGTERM)
        return False

    saves = Saves()
    with pytest.raises(KeyboardInterrupt):
        run(LoopPlan(50, 10), saves=saves, after_step=after_step)
    assert saves.saved == [10]


def test_a_callback_ends_the_run_with_a_checkpoint() -> None:
    loop = run(LoopPlan(50, 10), after_step=lambda step, problem, loss: step == 7)
    assert loop.state.step == 7 and loop.checkpoints.saved == [7]


def test_state_round_trip() -> None:
    tally = StepStats()
    tally.add([0.1] * len(FIELDS), 0.5)
    state = State(step=3, problem_steps={"a": 3}, tallies={"a": tally}, best=0.3, stale=1)
    again = State.from_dict(state.to_dict())
    assert again.to_dict() == state.to_dict() and again.tallies["a"].metrics() == tally.metrics()
