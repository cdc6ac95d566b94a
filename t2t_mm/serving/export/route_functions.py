"""The ways through a joint model, traced once each and shared by the problems that take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches.spec import batch_spec
from t2t_mm.decoding import writing
from t2t_mm.decoding.decoder import LIKELIEST
from t2t_mm.decoding.search.contract import Hypotheses
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.kinds.kind import Found
from t2t_mm.layers.recording import recording
from t2t_mm.layers.rep import Encoded, Rep
from t2t_mm.models.joint import JointModel, Route
from t2t_mm.problem import Task
from t2t_mm.serving.export.explaining import (
    ExpertChoice,
    Explanation,
    expert_choice,
    explanation_of_targets,
    explanation_without_targets,
)
from t2t_mm.serving.export.weights import StoredWeights

Features = Mapping[str, tf.Tensor]
_COMMAND, _LIMITS = tf.TensorSpec((), tf.int32), tf.TensorSpec([None], tf.int32)
_TARGETS = tf.TensorSpec([None, None], tf.int32)


class RouteFunctions:
    """Graph functions of a model with stored weights.

    Problems of one route call one inner function, with their command as an argument, and all
    that read one kind of input share its encoder: eight problems over four paths put four decoders
    and three encoders into the SavedModel. The functions are not inlined, so that a server, too,
    optimises each once.

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
        self._encoders = _Encoders(model, self.weights)
        self._traced: dict[Any, Any] = {}

    def write(
        self, task: Task, features: Features, limits: tf.Tensor, prefix: tf.Tensor | None = None
    ) -> Hypotheses:
        """Writes texts; see `writing.write`."""

        def write(
            route: Route,
            features: Features,
            command: tf.Tensor,
            limits: tf.Tensor,
            prefix: tf.Tensor | None = None,
        ) -> Hypotheses:
            return writing.write(
                self._model,
                route,
                features,
                command,
                limits,
                self._settings,
                prefix=prefix,
                encode=self._encoders.encode,
            )

        command = self._command(task)
        if prefix is None:
            return self._call(write, task, (_COMMAND, _LIMITS), features, command, limits)
        specs = (_COMMAND, _LIMITS, _TARGETS)
        return self._call(write, task, specs, features, command, limits, prefix)

    def find(self, task: Task, features: Features) -> Found:
        """The likeliest values of targets that are not written; see `writing.find`."""

        def find(route: Route, features: Features, command: tf.Tensor) -> Found:
            encode = self._encoders.encode
            return writing.find(self._model, route, features, command, LIKELIEST, encode)

        return self._call(find, task, (_COMMAND,), features, self._command(task))

    def explain(self, task: Task, features: Features, targets: tf.Tensor | None) -> Explanation:
        """Explains a forced pass; see explaining. A target that is not written needs none."""
        route, timeline = self._model.route(task), task.input.is_timeline
        if targets is None:
            encoded = self._encoders.encode_recorded(route, features)
            return explanation_without_targets(timeline, *encoded)

        def explain(route: Route, features: Features, *args: Any) -> Explanation:
            encoded = self._encoders.encode_recorded(route, features)
            return explanation_of_targets(self._model, route, timeline, *encoded, *args)

        specs = (_COMMAND, _TARGETS)
        return self._call(explain, task, specs, features, self._command(task), targets)

    def _command(self, task: Task) -> tf.Tensor:
        return tf.constant(self._commands[self._model.command_id(task)], tf.int32)

    def _call(
        self, function: Callable, task: Task, specs: tuple[Any, ...], features: Features, *args: Any
    ) -> Any:
        key = (function.__name__, len(specs), self._model.route(task))
        if key not in self._traced:
            shared = _shared(function, key[2], self.weights)
            self._traced[key] = shared(input_signature=[batch_spec(features), *specs])
        return self._traced[key](dict(features), *args)


class _Encoders:
    """The model's encoder as a graph function of its own for each kind of input."""

    def __init__(self, model: JointModel, weights: StoredWeights):
        self._model = model
        self._weights = weights
        self._traced: dict[Any, Any] = {}
        self._grids: dict[Any, Any] = {}

    def encode(self, route: Route, features: Features) -> Encoded:
        """`JointModel.encode`, traced."""
        return self.encode_recorded(route, features)[0]

    def encode_recorded(self, route: Route, features: Features) -> tuple[Encoded, ExpertChoice]:
        """`encode`, and the experts that the encoder sent each position to."""
        key = (route.slots, route.inputs)
        if key not in self._traced:
            shared = _shared(self._encode, route, self._weights)
            self._traced[key] = shared(input_signature=[batch_spec(features)])
        x, mask, state, sides, source = self._traced[key](dict(features))
        grid = self._grids[key]
        if grid is not None:  # sides that are known when it is traced stay plain numbers
            grid = tuple(side if isinstance(side, int) else sides[i] for i, side in enumerate(grid))
        return Encoded(Rep(x, mask, grid), tf.zeros(()), state), source

    def _encode(self, route: Route, features: Features) -> tuple[Any, ...]:
        with recording() as seen:
            encoded = self._model.encode(route, features)
        rep = encoded.rep
        self._grids[route.slots, route.inputs] = rep.grid
        sides = tf.stack([tf.cast(side, tf.int32) for side in rep.grid or (0, 0)])
        batch, length = tf.unstack(tf.shape(rep.x)[:2])
        return rep.x, rep.mask, encoded.state, sides, expert_choice(seen, batch, length)


def _shared(function: Callable, route: Route, weights: StoredWeights) -> Callable:
    """The decorator's half of a tf.function that reads stored weights and is not inlined."""

    def path(*args: Any) -> Any:
        with weights.scope():
            return function(route, *args)

    def traced(input_signature: Sequence[Any]) -> Any:
        attributes = {"_noinline": True}
        return tf.function(
            path,
            input_signature=input_signature,
            autograph=False,
            experimental_attributes=attributes,
        )

    return traced
