"""A model and a way to search, traced: batches of prepared inputs in, texts or labels out.

A batch is shared out over the cores of the processor; see cores.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches.spec import batch_spec
from t2t_mm.decoding import writing
from t2t_mm.decoding.cores import Cores, merge_shares
from t2t_mm.decoding.search.contract import Hypotheses
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.hparam import HParams
from t2t_mm.kinds.kind import Found
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.models.joint import JointModel, Route
from t2t_mm.problem import TARGETS, Task
from t2t_mm.tensor import Tensor

LIKELIEST = 5  # values that are shown of a target that is not written, where it has several

_COMMAND, _ROWS = tf.TensorSpec((), tf.int32), tf.TensorSpec([None], tf.int32)
_PREFIXES = tf.TensorSpec([None, None], tf.int32)


@dataclass(frozen=True)
class Prediction:
    """One possible answer.

    Attributes:
      output: the text, or the label.
      score: natural logarithm of its probability under the model.
    """

    output: str
    score: float

    @property
    def probability(self) -> float:
        """The probability of the whole answer, 0 to 1."""
        return float(np.exp(self.score))


@dataclass(frozen=True)
class Decoded(Prediction):
    """The best answer to an input.

    Attributes:
      alternatives: the best answers, best first: this one, and what else was asked for. Of labels
        the five likeliest; of texts those of the beam, with settings.return_beams.
    """

    alternatives: tuple[Prediction, ...] = ()


def unanswered() -> Decoded:
    """Stands for the answer to an input that is too large: empty, its score NaN."""
    return Decoded("", float("nan"))


class Decoder:
    """Answers batches; one trace per route, made when first needed.

    The model's weights may change between calls.

    Args:
      model: built.
      hparams: eval_max_length caps the outputs; the audio frames' step is read.
      vocabularies: by name, of the text targets.
      settings: how to search.
      cores: to share batches out over; None: all.
    """

    def __init__(
        self,
        model: JointModel,
        hparams: HParams,
        vocabularies: Mapping[str, Vocabulary],
        settings: DecodeSettings | None = None,
        cores: int | None = None,
    ):
        self._model = model
        self._hparams = hparams
        self._vocabularies = vocabularies
        self.settings = settings or DecodeSettings()
        self._cores = Cores(cores)
        self._traced: dict[Any, Callable] = {}

    def __call__(
        self, task: Task, batch: Mapping[str, tf.Tensor], rows: np.ndarray | None = None
    ) -> list[Decoded]:
        """Answers each example of a batch.

        Args:
          task: a problem that the model was made for.
          batch: at least the inputs and their lengths, as from the pipeline; and, under PREFIX,
            what outputs begin with, if they are to.
          rows: as for `write`.

        Returns:
          B answers, in the batch's order.
        """
        if not self._model.target(self._model.route(task)).autoregressive:
            return self._answer_by_values(task, batch)
        written = self.write(task, batch, rows)
        return [
            _best_first(
                Prediction(task.targets.from_prediction(ids, self._vocabularies, {}), float(score))
                for ids, score in zip(hypotheses[:count], scores[:count], strict=True)
            )
            for hypotheses, scores, count in zip(
                written.ids, written.scores, _counts(written), strict=True
            )
        ]

    def _answer_by_values(self, task: Task, batch: Mapping[str, tf.Tensor]) -> list[Decoded]:
        found = self.find(task, batch)
        inputs = {name: np.asarray(batch[name]) for name in task.inputs}
        return [
            _best_first(
                Prediction(
                    task.targets.from_prediction(
                        value, self._vocabularies, {n: column[row] for n, column in inputs.items()}
                    ),
                    float(score),
                )
                for value, score in zip(values, scores, strict=True)
            )
            for row, (values, scores) in enumerate(zip(found.values, found.scores, strict=True))
        ]

    def write(
        self, task: Task, batch: Mapping[str, tf.Tensor], rows: np.ndarray | None = None
    ) -> Hypotheses:
        """Writes texts.

        Args:
          task: the problem.
          batch: as for a call.
          rows: int [B], numbers that sampling draws from: an input of the same number gets the
            same answer in whatever batch it is; None: its place in this one.

        Returns:
          Ids and scores, as arrays.
        """
        features = self._features(task, batch)
        limits = writing.output_limits(task, features, self._hparams, self.settings.extra_length)
        rows = np.arange(len(limits)) if rows is None else rows
        rows = tf.convert_to_tensor(rows, tf.int32)
        arguments = [features, self._command(task), limits, rows]
        specs = [_COMMAND, _ROWS, _ROWS]
        if writing.PREFIX in batch:
            arguments.append(tf.convert_to_tensor(batch[writing.PREFIX], tf.int32))
            specs.append(_PREFIXES)
        name = f"write/{len(specs)}"
        function = self._function(name, self._write, task, features, *specs)
        return Hypotheses(*self._split_batch(function, *arguments))

    def find(self, task: Task, batch: Mapping[str, tf.Tensor]) -> Found:
        """The likeliest values of a target that is not written, as arrays."""
        features = self._features(task, batch)
        function = self._function("find", self._find, task, features, _COMMAND)
        return Found(*self._split_batch(function, features, self._command(task)))

    def score(self, task: Task, batch: Mapping[str, tf.Tensor]) -> np.ndarray:
        """The probability of given answers; see `forced`.

        Returns:
          The natural logarithm of each answer's probability, float32 [B].
        """
        return self.forced(task, batch).scores

    def forced(self, task: Task, batch: Mapping[str, tf.Tensor]) -> writing.TargetScores:
        """Scores given answers and each of their tokens.

        Args:
          task: the problem.
          batch: as for a call; and `targets` [B, ...], as their kind feeds them.

        Returns:
          Natural logarithms, as arrays.
        """
        features = self._features(task, batch)
        targets = tf.convert_to_tensor(batch[TARGETS])
        spec = tf.TensorSpec([None] * len(targets.shape), targets.dtype)
        function = self._function("score", self._score, task, features, spec, _COMMAND)
        return writing.TargetScores(
            *self._split_batch(function, features, targets, self._command(task))
        )

    def _write(
        self,
        route: Route,
        features: writing.Features,
        command: Tensor,
        limits: Tensor,
        rows: Tensor,
        prefix: Tensor | None = None,
    ) -> Hypotheses:
        model, settings = self._model, self.settings
        return writing.write(model, route, features, command, limits, settings, rows, prefix=prefix)

    def _find(self, route: Route, features: writing.Features, command: Tensor) -> Found:
        return writing.find(self._model, route, features, command, LIKELIEST)

    def _score(
        self, route: Route, features: writing.Features, targets: Tensor, command: Tensor
    ) -> writing.TargetScores:
        return writing.score(self._model, route, features, targets, command)

    def _features(self, task: Task, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {name: batch[name] for name in self._model.route(task).input_features}

    def _command(self, task: Task) -> tf.Tensor:
        return tf.constant(self._model.command_id(task), tf.int32)

    def _function(
        self, name: str, function: Callable, task: Task, features: writing.Features, *specs: Any
    ) -> Callable:
        """The trace of a graph function for a task's route."""
        key = (name, self._model.route(task))
        if key not in self._traced:
            self._traced[key] = self._cores.trace(
                lambda *args: function(key[1], *args), [batch_spec(features), *specs]
            )
        return self._traced[key]

    def _split_batch(self, function: Callable, *inputs: Any) -> list[np.ndarray]:
        """The function's outputs, rows first, for inputs with rows first; scalars are for all."""

        def call(share: slice) -> list[np.ndarray]:
            part = tf.nest.map_structure(lambda x: x[share] if len(x.shape) else x, inputs)
            return [output.numpy() for output in function(*part)]

        shares = self._cores.map_shares(call, len(tf.nest.flatten(inputs)[0]))
        return [merge_shares(outputs) for outputs in zip(*shares, strict=True)]


def _counts(written: Hypotheses) -> np.ndarray:
    """The number of hypotheses of each input; 1 even where a diverged model wrote nothing."""
    return np.maximum(1, np.sum(np.any(written.ids, axis=2), axis=1))


def _best_first(answers: Iterable[Prediction]) -> Decoded:
    alternatives = tuple(answers)
    return Decoded(alternatives[0].output, alternatives[0].score, alternatives)
