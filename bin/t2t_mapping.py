"""What flags of Tensor2Tensor's do that map to ours: they change a command's parsed flags."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from absl import flags

from t2t_mm.errors import UserError


def set_flag(values: flags.FlagValues, name: str, value: Any) -> None:
    """Sets one of a command's own flags as if it were given."""
    values[name].value = value
    values[name].present += 1


def add(values: flags.FlagValues, name: str, assignment: str) -> None:
    """Appends "a=1" to a flag of assignments, before what the user has given himself."""
    set_flag(values, name, ",".join(filter(None, (assignment, values[name].value))))


def to(own: str) -> Callable[[flags.FlagValues, Any], None]:
    """Sets the flag `own`, unless it is given too."""

    def apply(values: flags.FlagValues, value: Any) -> None:
        if not values[own].present:
            set_flag(values, own, value)

    return apply


def setting(name: str) -> Callable[[flags.FlagValues, Any], None]:
    """Sets a field of --decode_hparams."""
    return lambda values, value: add(values, "decode_hparams", f"{name}={value}")


def to_given(own: str) -> Callable[[flags.FlagValues, Any], None]:
    """Sets the flag `own`, where the command has it; -1 stands for none."""

    def apply(values: flags.FlagValues, value: Any) -> None:
        if own not in values:
            raise UserError(
                f"--decode_hparams: {own} of Tensor2Tensor is a flag of t2t-decoder; leave it out."
            )
        if value != -1:
            to(own)(values, value)

    return apply


_METRIC = re.compile(r"metrics-(?P<problem>[^/]+)/(?:[^/]+/)?(?P<metric>[^/]+)")
_METRICS = {  # Tensor2Tensor's names of figures that have another one here
    "approx_bleu_score": "bleu",
    "word_error_rate": "wer",
    "rouge_2_fscore": "rouge_2",
    "rouge_L_fscore": "rouge_l",
}


def best_metric(name: str) -> str:
    """keep_best_metric of a metric as T2T names it, e.g. "metrics-PROBLEM/targets/accuracy"."""
    found = _METRIC.fullmatch(name)
    metric = found["metric"] if found else name
    metric = _METRICS.get(metric, metric)
    return f"{found['problem']}/{metric}" if found else metric


def stop_early(values: flags.FlagValues, steps: int) -> None:
    evaluations = max(1, math.ceil(steps / values.local_eval_frequency))
    delta = values.eval_early_stopping_metric_delta
    delta = 0.1 if delta is None else delta
    add(
        values,
        "hparams",
        f"early_stopping_evals={evaluations},early_stopping_delta={delta}",
    )


def choose_metric(values: flags.FlagValues, name: str) -> None:
    add(values, "hparams", f"keep_best_metric={best_metric(name)}")


def check_direction(values: flags.FlagValues, minimize: bool) -> None:
    metric = best_metric(values.eval_early_stopping_metric or "loss").rpartition("/")[2]
    from t2t_mm.evaluation.metrics import find_metric
    from t2t_mm.registry import METRICS

    falls = metric.endswith("loss") or metric in ("mse", "mae")
    higher = find_metric(metric).higher_is_better if metric in METRICS else not falls
    if higher is minimize:
        raise UserError(
            f"--eval_early_stopping_metric_minimize={str(minimize).lower()}: of {metric}, "
            f"{'more' if higher else 'less'} is better, which is known here; leave the flag out."
        )


def half_precision(values: flags.FlagValues, on: bool) -> None:
    if on:
        add(values, "hparams", "precision=mixed_float16")
