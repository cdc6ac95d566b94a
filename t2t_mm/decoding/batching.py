"""Batches of inputs: similar lengths together, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.hparam import HParams
from t2t_mm.problem import Task

# What a batch of decoding holds at least, whatever that of training was: it keeps no gradients.
_TOKENS, _IMAGES, _SECONDS = 1024, 64, 60.0


def batches_by_length(
    sizes: Sequence[Mapping[str, int]], task: Task, hparams: HParams, settings: DecodeSettings
) -> Iterator[list[int]]:
    """Sorts and cuts, the longest first: memory that does not suffice fails at once.

    Args:
      sizes: of each example: input's name -> its size in its kind's unit.
      task: the problem.
      hparams: batch sizes of training, taken where the settings name none.
      settings: batch_size counts examples.

    Yields:
      Positions in `sizes`; each once. They follow from the arguments alone, so that a run that
      goes on after a kill makes the batches that it made before.
    """
    hparams = decoding_batch_sizes(hparams)
    kinds = {n: kind for n, kind in task.inputs.items() if kind.leads} or task.inputs
    columns = [
        kind.lengths(np.array([size[name] for size in sizes])) for name, kind in kinds.items()
    ]
    lengths = np.maximum(1, np.max(columns, axis=0))
    budgets = [b for kind in kinds.values() if (b := kind.budget(hparams)) is not None]
    most = [m for k in task.inputs.values() if (m := k.most_examples(hparams)) is not None]
    order = sorted(range(len(sizes)), key=lambda i: -lengths[i])
    while order:
        fitting = [int(budget // lengths[order[0]]) for budget in budgets]
        size = settings.batch_size or max(1, min([*fitting, *most] or [_IMAGES]))
        yield order[:size]
        order = order[size:]


def decoding_batch_sizes(hparams: HParams) -> HParams:
    """The hparams with the batch sizes of decoding, which keeps no gradients."""
    return hparams.replace(
        batch_size=max(hparams.batch_size, _TOKENS),
        batch_images=max(hparams.batch_images, _IMAGES),
        batch_audio_seconds=max(hparams.batch_audio_seconds, _SECONDS),
    )
