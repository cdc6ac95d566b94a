"""The ways through a joint model, traced once each and shared by the problems that take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.data.batch_spec import batch_spec
from t2t_mm.decoding import writing
from t2t_mm.decoding.search import Written
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.models.joint import JointModel, Signature
from t2t_mm.problem import Task
from t2t_mm.serving.export_explaining import Seen, decoded_pass, encoded_pass
from t2t_mm.serving.export_weights import StoredWeights

Features = Mapping[str, tf.Tensor]
_COMMAND, _LIMITS = tf.TensorSpec((), tf.int32), tf.TensorSpec([None], tf.int32)
_TARGETS = tf.TensorSpec([None, None], tf.int32)


class Paths:
    """Graph functions of a model with stored weights.

    Problems of one signature call one inner function, with their command as an argument: eight
    problems over four paths put four decoders into the SavedModel. The function is not inlined, so
    that a server, too, optimises it once.

    Args:
      model: built.
      tasks: the problems that are exported; commands of others are left out.
      settings: how to search.
      kind: of the weights; see `StoredWeights`.
    """

    def __init__(
        self, model: JointModel, tasks: Sequence[Task], settings: DecodeSettings, kind: str
    ):
        self._model = model
        self._settings = settings.replace(return_beams=True)
        ids = sorted({model.command_id(task) for task in tasks})
        self._commands = {number: place for place, number in enumerate(ids)}
        replaced = {}
        if model.commands is not None:
            replaced[id(model.commands)] = np.asarray(model.commands)[ids]
        self.weights = StoredWeights(kind, replaced)
        self._traced: dict[Any, Any] = {}

    def write(self, task: Task, features: Features, limits: tf.Tensor) -> Written:
        """Writes texts; see `writing.write`."""

        def write(signature: Signature, *args: Any) -> Written:
            return writing.write(self._model, signature, *args, self._settings)

        specs = (_COMMAND, _LIMITS)
        return self._call(write, task, specs, features, self._command(task), limits)

    def classify(self, task: Task, features: Features) -> tf.Tensor:
        """Log-probabilities of labels; see `writing.class_scores`."""

        def classify(signature: Signature, features: Features) -> tf.Tensor:
            return writing.class_scores(self._model, signature, features)

        return self._call(classify, task, (), features)

    def explain(self, task: Task, features: Features, targets: tf.Tensor | None) -> Seen:
        """What a forced pass looks at; see `export_explaining`."""
        if targets is None:

            def explain_label(signature: Signature, features: Features) -> Seen:
                return encoded_pass(self._model, signature, features)

            return self._call(explain_label, task, (), features)

        def explain(signature: Signature, *args: Any) -> Seen:
            return decoded_pass(self._model, signature, *args)

        specs = (_COMMAND, _TARGETS)
        return self._call(explain, task, specs, features, self._command(task), targets)

    def _command(self, task: Task) -> tf.Tensor:
        return tf.constant(self._commands[self._model.command_id(task)], tf.int32)

    def _call(
        self, function: Callable, task: Task, specs: tuple[Any, ...], features: Features, *args: Any
    ) -> Any:
        key = (function.__name__, self._model.signature(task))
        if key not in self._traced:

            def path(*args: Any) -> Any:
                with self.weights.scope():
                    return function(key[1], *args)

            self._traced[key] = tf.function(
                path,
                input_signature=[batch_spec(features), *specs],
                autograph=False,
                experimental_attributes={"_noinline": True},
            )
        return self._traced[key](dict(features), *args)
