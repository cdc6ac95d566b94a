"""Checks of Keras's callbacks: those that a run refuses, and what the others monitor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import keras

from t2t_mm.errors import UserError, unknown
from t2t_mm.evaluation.metrics import find_metric
from t2t_mm.evaluation.teacher_forced import lower_is_better
from t2t_mm.registry import METRICS

VALIDATION = "val_"

_CHECKPOINTS = (
    "a run keeps all of its state in checkpoints/ of its output_dir (keep_checkpoint_max of them) "
    "and the best weights in best/ (hparam keep_best_metric)"
)
_INSTEAD = {
    "BackupAndRestore": (
        "a run saves its state in output_dir at every evaluation and when it is interrupted, and "
        "the same call goes on with it"
    ),
    "OrbaxCheckpoint": _CHECKPOINTS,
    "ProgbarLogger": "t2t_mm.train(progress=True) draws the bar of a run of several problems",
    "SwapEMAWeights": "the hparam ema_decay keeps the weights' average, which evaluations take",
}


def refuse(callbacks: Sequence[Any], evaluates: bool) -> None:
    """Refuses what cannot work here, before anything is read or trained.

    Args:
      callbacks: what the user gave.
      evaluates: whether the run evaluates.

    Raises:
      UserError: for what is no callback, or one whose work the run does by itself.
    """
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise UserError(
                f"callbacks must be keras.callbacks.Callback objects, got {callback!r}."
            )
        name = type(callback).__name__
        for kind, instead in _INSTEAD.items():
            if isinstance(callback, getattr(keras.callbacks, kind, ())):
                raise UserError(
                    f"the callback {name} does not apply here: {instead}; leave it out."
                )
        if isinstance(callback, keras.callbacks.TensorBoard) and not find_spec("tensorboard"):
            raise UserError(
                f"the callback {name} needs a package that is not installed (pip install "
                "tensorboard); a run writes its scalars to tb/ of output_dir without it."
            )
        if isinstance(callback, keras.callbacks.ModelCheckpoint):
            _check_saving(callback, name)
        if isinstance(callback, keras.callbacks.EarlyStopping) and callback.restore_best_weights:
            raise UserError(
                f"the callback {name} cannot restore_best_weights: the state of the optimizer is "
                "not theirs, and no run could go on from them; leave it False and take the best "
                "weights from best/ of output_dir (hparam keep_best_metric; "
                "t2t_mm.load(output_dir, 'best'))."
            )
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and monitor.startswith(VALIDATION) and not evaluates:
            raise UserError(
                f"the callback {name} monitors '{monitor}', and this run does not evaluate: give "
                "eval_steps above 0 and a schedule other than 'train', or monitor 'loss'."
            )


def _check_saving(callback: keras.callbacks.ModelCheckpoint, name: str) -> None:
    if not callback.save_weights_only:
        raise UserError(
            f"the callback {name} cannot save a whole keras.Model, which the joint model is not: "
            f"{_CHECKPOINTS}; leave it out, or give save_weights_only=True and a path that ends "
            "in .weights.h5."
        )


def choose_direction(callback: keras.callbacks.Callback) -> None:
    """Says of what is monitored with mode="auto" whether more or less is better.

    Keras knows that of `loss` and of metrics that a model was compiled with.
    """
    monitor = getattr(callback, "monitor", None)
    if isinstance(monitor, str) and getattr(callback, "mode", None) == "auto":
        callback.mode = "max" if _higher_is_better(monitor) else "min"


def _higher_is_better(monitor: str) -> bool:
    metric = monitor.removeprefix(VALIDATION).rpartition("/")[2]
    if metric in METRICS:
        return find_metric(metric).higher_is_better
    return not lower_is_better(metric)


def check_monitors(callbacks: Iterable[Any], logs: Mapping[str, float]) -> None:
    """At the first end of an epoch: whether what is monitored is there.

    Raises:
      UnknownNameError: if it is not; Keras would warn at every epoch and do nothing.
    """
    for callback in callbacks:
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and monitor not in logs:
            where = f"monitor of the callback {type(callback).__name__}"
            raise unknown("figure", monitor, logs, where)
