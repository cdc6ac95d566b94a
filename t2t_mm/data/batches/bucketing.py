"""Batches of examples of similar length: how many of which lengths go together.

Numbers only: no TensorFlow, no files. As in Tensor2Tensor the batch size is in tokens, so short
examples come in large batches. Images and sound have units of their own (see `buckets_for`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Kind
from t2t_mm.problem import Task


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

    def indices(self, lengths: np.ndarray) -> np.ndarray:
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
      text: `batch_size` tokens of the longest feature;
      images: `batch_images` images, and `batch_size` tokens of the other features;
      sound: `batch_audio_seconds` seconds;
    and at least one example, whatever its length.
    """
    bounds = boundaries(max(1, longest))
    kinds = _length_features(task).values()
    budgets = [budget for kind in kinds if (budget := kind.budget(hparams)) is not None]
    most = [m for kind in task.kinds.values() if (m := kind.most_examples(hparams)) is not None]
    sizes = [max(1, min([budget // bound for budget in budgets] + most)) for bound in bounds]
    return Buckets(bounds, tuple(sizes))


def bucketed_lengths(task: Task, sizes: Mapping[str, np.ndarray]) -> np.ndarray:
    """The lengths that examples are bucketed by.

    Args:
      task: the bound problem.
      sizes: feature -> its sizes [N], in its kind's unit.

    Returns:
      int64 [N]: the longest feature in tokens; what takes always the same room, as an image, does
      not count. Where there is sound, its duration alone, in tenths of a second, rounded up.
    """
    lengths = [kind.lengths(sizes[name]) for name, kind in _length_features(task).items()]
    return np.maximum(1, np.max(lengths, axis=0)).astype(np.int64)


def _length_features(task: Task) -> dict[str, Kind]:
    """The features whose lengths make batches."""
    leading = {name: kind for name, kind in task.kinds.items() if kind.leads}
    return leading or task.kinds


def split_into_batches(counts: np.ndarray, batch_sizes: tuple[int, ...]) -> np.ndarray:
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
