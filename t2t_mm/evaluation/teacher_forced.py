"""Teacher-forced evaluation: how well each next token is predicted from the true ones before it.

These figures guide training and choose the best checkpoint. What the model writes by itself is
scored by decoding/.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches.spec import Batch, batch_spec
from t2t_mm.errors import HParamError
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import TARGETS, Task
from t2t_mm.runs.cores import Cores

_ERRORS = frozenset({"mse", "mae"})  # of numbers
_COMMAND = tf.TensorSpec((), tf.int32)


class Evaluation:
    """Evaluates a model on batches; one trace per route, made when first needed.

    Args:
      model: built.
      label_smoothing: as in training, so that the two losses can be compared.
      cores: that take batches at the same time; None: one after another.
    """

    def __init__(self, model: JointModel, label_smoothing: float, cores: Cores | None = None):
        self._model = model
        self._label_smoothing = label_smoothing
        self._cores = cores
        self._traced: dict[Any, Any] = {}

    def __call__(self, task: Task, batches: Iterable[Batch]) -> dict[str, float]:
        """The metrics of one problem.

        Args:
          task: the problem.
          batches: a finite number.

        Returns:
          loss (as in training) and the modality's teacher-forced metrics, such as accuracy and
          neg_log_perplexity (natural logarithm, without label smoothing); {} without a batch.
        """
        command = np.int32(self._model.command_id(task))
        sums: dict[str, Any] = {}
        features = (self._features(task, batch) for batch in batches)
        calls = ((self._function(task, batch), batch) for batch in features)
        map_batches = self._cores.map_batches if self._cores else map
        for pairs in map_batches(lambda call: call[0](call[1], command), calls):
            for name, pair in pairs.items():
                sums[name] = sums.get(name, np.zeros(2)) + pair.numpy()
        return {name: _ratio(*pair) for name, pair in sums.items()}

    def _features(self, task: Task, batch: Batch) -> Batch:
        names = (*self._model.route(task).input_features, TARGETS)
        return {name: batch[name] for name in names}

    def _function(self, task: Task, batch: Batch) -> Any:
        route = self._model.route(task)
        if route not in self._traced:
            self._traced[route] = self._trace(
                lambda batch, command: self._sums(route, batch, command),
                [batch_spec(batch), _COMMAND],
            )
        return self._traced[route]

    def _trace(self, function: Callable[..., Any], specs: list[Any]) -> Any:
        if self._cores:
            return self._cores.trace(function, specs)
        traced = tf.function(function, input_signature=specs, autograph=False)
        return traced.get_concrete_function()

    def _sums(self, route: Any, batch: Batch, command: tf.Tensor) -> dict[str, tf.Tensor]:
        targets = batch["targets"]
        passed = self._model.forward_pass(
            route, batch, targets, command, label_smoothing=self._label_smoothing
        )
        loss = self._model.body.objectives()[0].sums(passed)
        metrics = self._model.teacher_forced_metrics(route, passed.outputs, targets)
        return {
            name: tf.stack([tf.cast(part, tf.float32) for part in pair])
            for name, pair in {"loss": loss, **metrics}.items()
        }


def _ratio(total: float, weight: float) -> float:
    return float(total / weight) if weight else math.nan


def mean_metric(metrics: Mapping[str, Mapping[str, float]], name: str) -> float:
    """The mean of one metric over the problems that have it.

    Raises:
      HParamError: if none has.
    """
    found = [values[name] for values in metrics.values() if name in values]
    if not found:
        known = sorted({known for values in metrics.values() for known in values})
        raise HParamError(
            f"hparam 'keep_best_metric' must be one of {', '.join(known)}, got '{name}'."
        )
    return sum(found) / len(found)


def lower_is_better(name: str) -> bool:
    """True for a loss and for errors; every other metric grows."""
    return name.endswith("loss") or name in _ERRORS
