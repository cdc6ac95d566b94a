"""Evaluation of all problems on their development splits, capped at some batches each.

Teacher-forced; where the best weights are chosen by a metric of decoded outputs, the same batches
are answered too, greedily, as at the end of a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow as tf

from t2t_mm.data.batches.pipeline import evaluation_batches
from t2t_mm.data.records.manifest import load_manifest
from t2t_mm.decoding.decoder import Decoder
from t2t_mm.decoding.settings import GREEDY
from t2t_mm.decoding.splits import decode_batches, readable
from t2t_mm.evaluation.metrics import flatten
from t2t_mm.evaluation.scoring import score
from t2t_mm.evaluation.teacher_forced import Evaluation
from t2t_mm.hparam import HParams
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Split, Task
from t2t_mm.training.best_metric import find_best_metric


class DevEvaluator:
    """Evaluates, when it is called, every problem that has the split.

    The input pipelines and the traces are made at the first call.

    Args:
      model: built.
      tasks: the problems.
      data_dir: where their data are.
      hparams: of the pipelines; label_smoothing.
      batches: of each problem at most; 0: no evaluation; None: all.
      vocabularies: by name, where outputs may have to be decoded.
      split: whose examples.

    Attributes:
      best: what hparams.keep_best_metric names.

    Raises:
      UserError: for a keep_best_metric that these problems do not have.
    """

    def __init__(
        self,
        model: JointModel,
        tasks: Sequence[Task],
        data_dir: Path,
        hparams: HParams,
        batches: int | None,
        vocabularies: Mapping[str, Vocabulary] | None = None,
        split: Split = Split.DEV,
    ):
        self._split = split
        self._tasks = tasks_with(split, tasks, data_dir) if batches != 0 else []
        self._data_dir = data_dir
        self._hparams = hparams
        self._batches = batches
        self._evaluation = Evaluation(model, hparams.label_smoothing)
        self._datasets: dict[str, tf.data.Dataset] = {}
        forced = {task.name: model.metric_names(task) for task in tasks}
        self.best = find_best_metric(hparams.keep_best_metric, self._tasks or tasks, forced)
        self._vocabularies = vocabularies or {}
        self._decoder = Decoder(model, hparams, self._vocabularies, GREEDY)

    def __call__(self) -> dict[str, dict[str, float]]:
        """Problem -> metrics; {} where evaluation is off."""
        found = {}
        for task in self._tasks:
            if task.name not in self._datasets:
                self._datasets[task.name] = evaluation_batches(
                    task, self._split, self._data_dir, self._hparams, self._batches
                )
            batches = readable(self._datasets[task.name], task, self._data_dir, self._split)
            found[task.name] = self._evaluation(task, batches)
            if task.name in self.best.decoded:
                found[task.name] |= self._decoded(task)
        return {name: metrics for name, metrics in found.items() if metrics}

    def _decoded(self, task: Task) -> dict[str, float]:
        """The best metric, and its parts, of what the model writes by itself."""
        batches = readable(self._datasets[task.name], task, self._data_dir, self._split)
        answers = decode_batches(self._decoder, task, batches, self._hparams, self._vocabularies)
        return flatten(score(task, answers, [self.best.metric]))


def development_tasks(tasks: Sequence[Task], data_dir: Path) -> list[Task]:
    """The problems that have a development split."""
    return tasks_with(Split.DEV, tasks, data_dir)


def tasks_with(split: Split, tasks: Sequence[Task], data_dir: Path) -> list[Task]:
    """The problems that have a split."""
    manifests = {task.name: load_manifest(task.data_name, data_dir) for task in tasks}
    return [
        task
        for task in tasks
        if (manifest := manifests[task.name]) and split.value in manifest.splits
    ]
