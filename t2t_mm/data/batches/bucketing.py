"""Batches of examples of similar length: how many of which lengths go together.

Numbers only: no TensorFlow, no files. As in Tensor2Tensor the batch size is in tokens, so short
examples come in large batches. Pictures and sound have units of their own (see `buckets_for`).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.problem import Task

TICKS_A_SECOND = 10  # sound is bucketed by its duration in tenths of a second


@dataclasses.dataclass(frozen=True)
class Buckets:
    """Lengths and batch sizes.

    Attributes:
      bounds: the longest length of each bucket, ascending; bucket i holds the lengths in
        (bounds[i - 1], bounds[i]].
      batch_sizes: examples of a full batch of each bucket, never ascending.
    """

    bounds: tuple[int, ...]
    batch_sizes: tuple[int, ...]

    def of(self, lengths: np.ndarray) -> np.ndarray:
        """The bucket of each length, int64 [N]."""
        return np.searchsorted(self.bounds, lengths, side="left")


def boundaries(longest: int, shortest: int = 8, growth: float = 1.1) -> tuple[int, ...]:
    """Tensor2Tensor's bucket boundaries: 8, 9, ..., 20, 22, 24, ..., `longest`.

    Each is 1.1 times the one before, rounded down, and at least one more.

    Raises:
      HParamError: if `longest` is not positive.
    """
    if longest < 1:
        raise HParamError(f"a largest length must be at least 1, got {longest}.")
    bounds = []
    bound = shortest
    while bound < longest:
        bounds.append(bound)
        bound = max(bound + 1, int(bound * growth))
    return (*bounds, longest)


def buckets_for(task: Task, hparams: HParams, longest: int) -> Buckets:
    """The buckets of a problem whose longest example has the bucketed length `longest`.

    The unit is that of `bucketed_lengths`. A batch holds, padding included, at most
      text: `batch_size` tokens of the longer side;
      pictures: `batch_images` pictures, and `batch_size` target tokens;
      sound: `batch_audio_seconds` seconds;
    and at least one example, whatever its length.
    """
    bounds = boundaries(max(1, longest))
    budget, most = hparams.batch_size, None
    if task.inputs.kind == "audio":
        budget = int(hparams.batch_audio_seconds * TICKS_A_SECOND)
    elif task.inputs.kind == "image":
        most = hparams.batch_images
    sizes = [max(1, budget // bound) for bound in bounds]
    return Buckets(bounds, tuple(sizes if most is None else [min(size, most) for size in sizes]))


def bucketed_lengths(task: Task, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """What examples are bucketed by.

    Args:
      task: the bound problem.
      inputs: sizes of the inputs [N]: tokens, samples of sound, or bytes of a picture.
      targets: tokens of the targets [N]; 1 for a label.

    Returns:
      int64 [N]: the longer side in tokens for text, the target's tokens for pictures (their
      inputs are all of one size), tenths of a second, rounded up, for sound.
    """
    if task.inputs.kind == "image":
        lengths = targets
    elif task.inputs.kind == "audio":
        lengths = seconds_to_ticks(inputs / (task.inputs.sample_rate or 1))
    else:
        lengths = np.maximum(inputs, targets)
    return np.maximum(1, lengths).astype(np.int64)


def seconds_to_ticks(seconds: np.ndarray | float) -> np.ndarray:
    """Tenths of a second, rounded up; 1e-6 forgives the rounding of a division."""
    return np.ceil(np.asarray(seconds) * TICKS_A_SECOND - 1e-6).astype(np.int64)


def lay_out(counts: np.ndarray, batch_sizes: tuple[int, ...]) -> np.ndarray:
    """Cuts the examples of an epoch, sorted by bucket, into batches.

    What is left of a bucket after its full batches opens a batch that the next bucket fills up
    to its own, smaller, batch size. So no epoch ends with a ragged batch per bucket, and a data
    set with few examples a bucket still gives full batches.

    Args:
      counts: examples per bucket.
      batch_sizes: examples of a full batch per bucket.

    Returns:
      int64 [batches + 1]: batch i is the sorted examples splits[i] to splits[i + 1].
    """
    splits, position = [0], 0
    for count, size in zip(counts.tolist(), batch_sizes, strict=True):
        end = position + count
        if count and position - splits[-1] >= size:
            splits.append(position)
        splits.extend(range(splits[-1] + size, end + 1, size) if count else ())
        position = end
    if splits[-1] != position:
        splits.append(position)
    return np.asarray(splits, np.int64)
