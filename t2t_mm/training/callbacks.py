"""Lets Keras callbacks watch a run: a step is their batch, an evaluation ends their epoch.

They are called in the order of `fit`: on_train_begin; on_epoch_begin; on_train_batch_begin and
on_train_batch_end of each step; on_test_begin and on_test_end around the evaluation; on_epoch_end;
on_train_end. Batches and epochs are counted over the whole run, also where it goes on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras

from t2t_mm.errors import UserError
from t2t_mm.models.joint import JointModel
from t2t_mm.training.callback_checks import VALIDATION, check_monitors, choose_direction
from t2t_mm.training.loop import Loop

Metrics = Mapping[str, Mapping[str, float]]

# What a callback of Keras's remembers from one epoch to the next, and forgets in on_train_begin.
_REMEMBERED: dict[str, tuple[str, ...]] = {
    "EarlyStopping": ("best", "wait", "best_epoch", "stopped_epoch"),
    "ReduceLROnPlateau": ("best", "wait", "cooldown_counter"),
    "ModelCheckpoint": ("best", "_batches_seen_since_last_saving", "_last_batch_seen"),
    "TensorBoard": ("_global_train_batch", "_global_test_batch"),
}


class Callbacks:
    """Passes a run's events to `keras.callbacks.Callback` objects.

    A callback that sets `model.stop_training` ends the run after the step. What those of Keras's
    remember is saved with the run; one of the user's own may have methods `state()`, which gives
    something ready for JSON, and `restore(state)`, called after on_train_begin of a resumed run.

    Args:
      callbacks: what the user gave; none costs nothing.
      model: what they are told about, with what `lent_attributes.lent` gives it.
      loop: the run, restored if it goes on.
      evaluates: whether it evaluates.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        model: JointModel,
        loop: Loop,
        evaluates: bool,
    ):
        self._callbacks, self._model, self._loop = list(callbacks), model, loop
        self._evaluates = evaluates
        every = loop.plan.evaluate_every
        self._epoch, self._is_open, self._checked = loop.state.step // every, False, False
        # Of the epoch: problem -> [sum of the losses, steps].
        self._losses: dict[str, list[float]] = {}

    def begin(self) -> None:
        """Before the first step: on_train_begin, and what a saved run remembers."""
        if not self._callbacks:
            return
        plan, saved = self._loop.plan, self._loop.watchers_restored
        params = {
            "verbose": 0,
            "epochs": math.ceil(plan.train_steps / plan.evaluate_every),
            "steps": plan.evaluate_every,
        }
        for callback in self._callbacks:
            choose_direction(callback)
            callback.set_params(params)
            callback.set_model(self._model)
        self._tell("on_train_begin", {})
        if saved:
            self._epoch, self._losses = saved["epoch"], saved["losses"]
            self._is_open = saved["open"]
            _restore(self._callbacks, saved["callbacks"])
        self._watch()

    def _watch(self) -> None:
        loop, evaluate = self._loop, self._loop.evaluate
        loop.before_step, loop.after_step = self._before_step, self._after_step
        loop.after_evaluation, loop.watchers_state = self._after_evaluation, self.state
        loop.evaluate = lambda: self._evaluated(evaluate)

    def end(self) -> None:
        """After the last step."""
        self._tell("on_train_end", {})

    @property
    def stopping(self) -> bool:
        """True if a callback wants to stop."""
        return bool(self._callbacks) and bool(getattr(self._model, "stop_training", False))

    def state(self) -> dict[str, Any]:
        """The state that a resumed run needs, ready for JSON."""
        return {
            "epoch": self._epoch,
            "open": self._is_open,
            "losses": self._losses,
            "callbacks": [
                {"class": type(one).__name__, "state": _remembered(one)} for one in self._callbacks
            ],
        }

    def _before_step(self, step: int) -> None:
        if not self._is_open:
            self._is_open = True
            self._tell("on_epoch_begin", self._epoch, {})
        self._tell("on_train_batch_begin", step, {})

    def _after_step(self, step: int, problem: str, loss: float) -> bool:
        if math.isfinite(loss):
            tally = self._losses.setdefault(problem, [0.0, 0])
            tally[0], tally[1] = tally[0] + loss, tally[1] + 1
        self._tell("on_train_batch_end", step - 1, {"loss": loss, f"{problem}/loss": loss})
        return self.stopping

    def _evaluated(self, evaluate: Callable[[], Any]) -> Any:
        if not self._evaluates:
            return evaluate()
        self._tell("on_test_begin", {})
        metrics = evaluate()
        self._tell("on_test_end", dict(_named(metrics)))
        return metrics

    def _after_evaluation(self, metrics: Metrics) -> bool:
        logs = {**self._train_logs(), **{f"{VALIDATION}{n}": v for n, v in _named(metrics)}}
        if not self._checked:
            check_monitors(self._callbacks, logs)
            self._checked = True
        self._tell("on_epoch_end", self._epoch, logs)
        self._epoch, self._is_open, self._losses = self._epoch + 1, False, {}
        return self.stopping

    def _train_logs(self) -> dict[str, float]:
        """Means over the epoch's steps, and the rate of the next one."""
        sums = list(self._losses.values())
        logs = {f"{name}/loss": total / n for name, (total, n) in sorted(self._losses.items())}
        if sums:
            logs["loss"] = sum(total for total, _ in sums) / sum(n for _, n in sums)
        return {**logs, "learning_rate": self._loop.learning_rate(self._loop.state.step)}

    def _tell(self, event: str, *arguments: Any) -> None:
        for callback in self._callbacks:
            getattr(callback, event)(*arguments)


def _named(metrics: Metrics) -> Iterator[tuple[str, float]]:
    """PROBLEM/METRIC, and METRIC for the mean over the problems that have it."""
    of: dict[str, list[float]] = {}
    for problem, values in metrics.items():
        for name, value in values.items():
            yield f"{problem}/{name}", value
            of.setdefault(name, []).append(value)
    for name, each in of.items():
        yield name, sum(each) / len(each)


def _remembered(callback: keras.callbacks.Callback) -> Any:
    if _is_own(callback):
        return _for_json(callback.state(), type(callback).__name__)
    names = _names(callback)
    return {name: _plain(getattr(callback, name)) for name in names if hasattr(callback, name)}


def _for_json(state: Any, name: str) -> Any:
    try:
        return json.loads(json.dumps(state))
    except (TypeError, ValueError) as cause:
        raise UserError(
            f"state() of the callback {name} must give what is ready for JSON, gave {state!r}: "
            f"{cause}."
        ) from cause


def _plain(value: Any) -> Any:
    """A number of numpy's or a tensor as one of Python's."""
    return value if value is None or isinstance(value, (int, float)) else float(value)


def _names(callback: keras.callbacks.Callback) -> Sequence[str]:
    for kind, names in _REMEMBERED.items():
        if isinstance(callback, getattr(keras.callbacks, kind)):
            return names
    return ()


def _is_own(callback: keras.callbacks.Callback) -> bool:
    return all(callable(getattr(callback, name, None)) for name in ("state", "restore"))


def _restore(callbacks: Sequence[keras.callbacks.Callback], saved: Sequence[Any]) -> None:
    """Gives each one what one of its class at its place remembered."""
    for callback, one in zip(callbacks, saved, strict=False):
        if one["class"] != type(callback).__name__:
            continue
        if _is_own(callback):
            callback.restore(one["state"])
        else:
            for name in _names(callback):
                if name in one["state"]:
                    setattr(callback, name, one["state"][name])
