"""Evaluation of all problems on their development splits, capped at some batches each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from t2t_mm.data.manifest import load_manifest
from t2t_mm.data.pipeline import evaluation_batches
from t2t_mm.hparam import HParams
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Split, Task
from t2t_mm.training.evaluation import Evaluation


class Development:
    """Called without arguments, evaluates every problem that has a development split.

    The input pipelines and the traces are made at the first call.

    Args:
      model: built.
      tasks: the problems.
      data_dir: where their data are.
      hparams: of the pipelines; label_smoothing.
      batches: of each problem at most; 0: no evaluation; None: all.
    """

    def __init__(
        self,
        model: JointModel,
        tasks: Sequence[Task],
        data_dir: Path,
        hparams: HParams,
        batches: int | None,
    ):
        self._tasks = tasks if batches != 0 else ()
        self._data_dir = data_dir
        self._hparams = hparams
        self._batches = batches
        self._evaluation = Evaluation(model, hparams.label_smoothing)
        self._datasets: dict[str, tf.data.Dataset] = {}

    def __call__(self) -> dict[str, dict[str, float]]:
        """Problem -> metrics; {} where evaluation is off."""
        found = {}
        for task in self._tasks:
            if not self._has_split(task):
                continue
            if task.name not in self._datasets:
                self._datasets[task.name] = evaluation_batches(
                    task, Split.DEV, self._data_dir, self._hparams, self._batches
                )
            found[task.name] = self._evaluation(task, self._datasets[task.name])
        return {name: metrics for name, metrics in found.items() if metrics}

    def _has_split(self, task: Task) -> bool:
        manifest = load_manifest(task.data_name, self._data_dir)
        return manifest is not None and Split.DEV.value in manifest.splits
