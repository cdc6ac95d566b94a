"""Which examples of a split are used: the policy for the long ones, and its account."""

from __future__ import annotations

import dataclasses

import numpy as np

from t2t_mm.data.batches.bucketing import bucketed_lengths
from t2t_mm.errors import DataError, HParamError
from t2t_mm.hparam import HParams
from t2t_mm.problem import FeatureSpec, Task

POLICIES = ("drop", "trim")


@dataclasses.dataclass(frozen=True)
class ExampleCounts:
    """What became of a split's examples; `used` includes the trimmed ones."""

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
      inputs, targets: int64 [M], sizes of the two sides, after trimming.
      limits: the largest allowed sizes of inputs and targets; None where there is none.
      trim: sizes beyond the limits are cut off, not left out.
      counts: the account.
    """

    examples: np.ndarray
    lengths: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray
    limits: tuple[int | None, int | None]
    trim: bool
    counts: ExampleCounts


def select(
    task: Task, hparams: HParams, inputs: np.ndarray, targets: np.ndarray, training: bool
) -> Selection:
    """Applies `long_examples` in training; evaluation leaves out what exceeds eval_max_length.

    Args:
      task: the bound problem.
      hparams: max_length, max_audio_seconds, long_examples, eval_max_length are read.
      inputs: sizes of the inputs [N], tokens or samples.
      targets: sizes of the targets [N].
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
    limits = (
        _limit(task.inputs, hparams, training),
        _limit(task.targets, hparams, training),
    )
    trim = training and hparams.long_examples == "trim"
    sizes = [np.asarray(inputs, np.int64), np.asarray(targets, np.int64)]
    long = np.zeros(len(sizes[0]), bool)
    for side, limit in enumerate(limits):
        if limit is not None:
            long |= sizes[side] > limit
            if trim:
                sizes[side] = np.minimum(sizes[side], limit)
    examples = np.arange(len(long)) if trim else np.flatnonzero(~long)
    if not len(examples):
        raise DataError(_nothing_left(task, hparams, training))
    used = [side[examples] for side in sizes]
    number = int(long.sum())
    counts = ExampleCounts(
        len(long), len(examples), dropped=0 if trim else number, trimmed=number if trim else 0
    )
    lengths = bucketed_lengths(task, *used)
    return Selection(examples, lengths, *used, limits, trim, counts)


def _limit(spec: FeatureSpec, hparams: HParams, training: bool) -> int | None:
    """The largest allowed size. Evaluation stretches sound as much as it stretches text."""
    if spec.kind == "text":
        return hparams.max_length if training else hparams.eval_max_length
    if spec.kind == "audio":
        seconds = hparams.max_audio_seconds
        if not training:
            seconds *= max(1.0, hparams.eval_max_length / hparams.max_length)
        return int(seconds * (spec.sample_rate or 1))
    return None


def _nothing_left(task: Task, hparams: HParams, training: bool) -> str:
    name = "max_length" if training else "eval_max_length"
    limits = f"{name}={getattr(hparams, name)}"
    if task.inputs.kind == "audio":
        limits += f" or max_audio_seconds={hparams.max_audio_seconds}"
    what = "training" if training else "evaluation"
    return (
        f"problem '{task.name}': every {what} example is longer than {limits}; "
        "raise it in --hparams" + (", or set long_examples=trim." if training else ".")
    )
