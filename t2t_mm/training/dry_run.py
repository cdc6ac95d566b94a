"""Tries a problem's largest batch before its first step: memory runs out at once or never.

A run that meets its longest examples after hours and dies of them is what Tensor2Tensor's users
feared (issues #581, #1464).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches.pipeline import largest_batch
from t2t_mm.errors import UserError
from t2t_mm.hparam import HParams
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import LENGTH, Task
from t2t_mm.training.step import TrainStep

# A loss that is not finite changes nothing, so a step with this loss weight is a rehearsal.
_REHEARSAL = math.nan


class DryRun:
    """Takes a step of the largest batch that changes nothing.

    Args:
      model: whose random states are put back afterwards, so that a resumed run stays exact.
      step: the training step.
      devices: batches per step.
      data_dir: where the data are.
      hparams: of the pipeline.
    """

    def __init__(
        self, model: JointModel, step: TrainStep, devices: int, data_dir: Path, hparams: HParams
    ):
        self._model = model
        self._step = step
        self._devices = devices
        self._data_dir = data_dir
        self._hparams = hparams

    def __call__(self, task: Task) -> None:
        """Tries one problem.

        Raises:
          UserError: if the memory does not suffice.
        """
        shapes = largest_batch(task, self._data_dir, self._hparams)
        batch = random_batch(task, shapes)
        states = [variable.value for variable in self._model.non_trainable_variables]
        before = [state.numpy() for state in states]
        try:
            self._step(task, [batch] * self._devices, _REHEARSAL, 0.0)
        except tf.errors.ResourceExhaustedError as cause:
            raise UserError(
                f"out of memory on the largest batch of problem '{task.name}' "
                f"({_words(task, shapes)}); lower the hparams batch_size, batch_images, "
                "batch_audio_seconds or max_length."
            ) from cause
        for state, value in zip(states, before, strict=True):
            state.assign(value)


def _words(task: Task, shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shapes[name]}" for name in task.kinds)


def random_batch(task: Task, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tf.Tensor]:
    """A batch of random values without padding.

    Args:
      task: the problem.
      shapes: of the features and of the inputs' lengths.
    """
    rng = np.random.default_rng(0)
    batch = {n: tf.constant(k.random_batch(rng, shapes[n])) for n, k in task.kinds.items()}
    for name, kind in task.inputs.items():
        batch[name + LENGTH] = tf.fill(shapes[name + LENGTH], kind.positions(shapes[name]))
    return batch
