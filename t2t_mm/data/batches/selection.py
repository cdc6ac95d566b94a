"""The examples of a split that are used: the policy for the long ones, and its account."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from t2t_mm.data.batches.bucketing import bucketed_lengths
from t2t_mm.errors import DataError, HParamError
from t2t_mm.hparam import HParams
from t2t_mm.problem import Task

POLICIES = ("drop", "trim")


@dataclasses.dataclass(frozen=True)
class ExampleCounts:
    """Counts of a split's examples by what became of them; `used` includes the trimmed ones."""

    total: int
    used: int
    dropped: int
    trimmed: int

    def __str__(self) -> str:
        long = [f"{self.dropped} dropped"] * (self.dropped > 0)
        long += [f"{self.trimmed} trimmed"] * (self.trimmed > 0)
        return f"{self.used} of {self.total} examples" + (
            f" ({', '.join(long)}: too long)" if long else ""
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Selection:
    """The examples that are used.

    Attributes:
      examples: int64 [M], their positions in the split, ascending.
      lengths: int64 [M], what they are bucketed by, after trimming (see bucketed_lengths).
      sizes: feature -> int64 [M], in its kind's unit, after trimming.
      limits: feature -> the largest allowed size; None where there is none.
      trim: sizes beyond the limits are cut off, not left out.
      counts: the account.
    """

    examples: np.ndarray
    lengths: np.ndarray
    sizes: dict[str, np.ndarray]
    limits: dict[str, int | None]
    trim: bool
    counts: ExampleCounts


def select(
    task: Task, hparams: HParams, sizes: Mapping[str, np.ndarray], training: bool
) -> Selection:
    """Applies `long_examples` in training; evaluation leaves out what exceeds eval_max_length.

    Args:
      task: the bound problem.
      hparams: max_length, max_audio_seconds, long_examples, eval_max_length are read.
      sizes: feature -> its sizes [N], in its kind's unit: tokens, samples.
      training: whether this is for training.

    Raises:
      HParamError: for an unknown policy.
      DataError: if no example is left.
    """
    if hparams.long_examples not in POLICIES:
        raise HParamError(
            f"hparam 'long_examples' must be one of {', '.join(POLICIES)}, "
            f"got '{hparams.long_examples}'; change it in --hparams."
        )
    limits = {name: kind.limit(hparams, training) for name, kind in task.kinds.items()}
    trim = training and hparams.long_examples == "trim"
    sizes = {name: np.asarray(values, np.int64) for name, values in sizes.items()}
    long = np.zeros(len(next(iter(sizes.values()))), bool)
    for name, limit in limits.items():
        if limit is not None:
            long |= sizes[name] > limit
            if trim:
                sizes[name] = np.minimum(sizes[name], limit)
    examples = np.arange(len(long)) if trim else np.flatnonzero(~long)
    if not len(examples):
        raise DataError(_nothing_left(task, hparams, training))
    used = {name: values[examples] for name, values in sizes.items()}
    number = int(long.sum())
    counts = ExampleCounts(
        len(long), len(examples), dropped=0 if trim else number, trimmed=number if trim else 0
    )
    return Selection(examples, bucketed_lengths(task, used), used, limits, trim, counts)


def _nothing_left(task: Task, hparams: HParams, training: bool) -> str:
    name = "max_length" if training else "eval_max_length"
    limits = f"{name}={getattr(hparams, name)}"
    if any(kind.leads for kind in task.inputs.values()):
        limits += f" or max_audio_seconds={hparams.max_audio_seconds}"
    what = "training" if training else "evaluation"
    return (
        f"problem '{task.name}': every {what} example is longer than {limits}; "
        "raise it in --hparams" + (", or set long_examples=trim." if training else ".")
    )
