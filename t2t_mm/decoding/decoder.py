"""A model and a way to search, traced: batches of prepared inputs in, texts or labels out.

A batch is shared out over the cores of the processor; see cores.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches.spec import batch_spec
from t2t_mm.decoding import writing
from t2t_mm.decoding.cores import Cores, interleaved
from t2t_mm.decoding.forced import TargetScores
from t2t_mm.decoding.search.contract import Hypotheses
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.hparam import HParams
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Task

FEATURES = ("inputs", "inputs_length")
LIKELIEST_LABELS = 5

_COMMAND, _ROWS = tf.TensorSpec((), tf.int32), tf.TensorSpec([None], tf.int32)


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
        """Of the whole answer, 0 to 1."""
        return float(np.exp(self.score))


@dataclass(frozen=True)
class Decoded(Prediction):
    """The best answer to an input.

    Attributes:
      alternatives: the best answers, best first: this one, and what else was asked for. Of labels
        the five likeliest; of texts those of the beam, with settings.return_beams.
    """

    alternatives: tuple[Prediction, ...] = ()


class Decoder:
    """Answers batches; one trace per signature, made when first needed.

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
          batch: at least inputs and inputs_length, as from the pipeline.
          rows: as for `write`.

        Returns:
          B answers, in the batch's order.
        """
        if task.targets.kind == "label":
            return [_likeliest_labels(task, row) for row in self.class_scores(task, batch)]
        written = self.write(task, batch, rows)
        vocabulary = self._vocabularies[task.targets.vocabulary or ""]
        return [
            _best_first(
                Prediction(vocabulary.decode(ids.tolist()), float(score))
                for ids, score in zip(hypotheses[:count], scores[:count], strict=True)
            )
            for hypotheses, scores, count in zip(
                written.ids, written.scores, _counts(written), strict=True
            )
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
        features = _features(batch)
        limits = writing.output_limits(
            task, features["inputs_length"], self._hparams, self.settings.extra_length
        )
        rows = np.arange(len(limits)) if rows is None else rows
        function = self._function("write", self._write, task, features, _COMMAND, _ROWS, _ROWS)
        rows = tf.convert_to_tensor(rows, tf.int32)
        return Hypotheses(*self._share_out(function, features, self._command(task), limits, rows))

    def class_scores(self, task: Task, batch: Mapping[str, tf.Tensor]) -> np.ndarray:
        """The natural logarithm of the probability of each label, float32 [B, C]."""
        features = _features(batch)
        (scores,) = self._share_out(
            self._function("classify", self._classify, task, features), features
        )
        return scores

    def score(self, task: Task, batch: Mapping[str, tf.Tensor]) -> np.ndarray:
        """How probable given answers are; see `forced`.

        Returns:
          The natural logarithm of each answer's probability, float32 [B].
        """
        return self.forced(task, batch).scores

    def forced(self, task: Task, batch: Mapping[str, tf.Tensor]) -> TargetScores:
        """Scores given answers and each of their tokens.

        Args:
          task: the problem.
          batch: as for a call; and `targets`, int32 [B, T], token ids with EOS, padded with 0, or
            labels, int32 [B].

        Returns:
          Natural logarithms, as arrays.
        """
        features = _features(batch)
        targets = tf.cast(batch["targets"], tf.int32)
        spec = tf.TensorSpec([None] * len(targets.shape), tf.int32)
        function = self._function("score", self._score, task, features, spec, _COMMAND)
        return TargetScores(*self._share_out(function, features, targets, self._command(task)))

    def _write(
        self, signature: Any, features: Any, command: Any, limits: Any, rows: Any
    ) -> Hypotheses:
        return writing.write(self._model, signature, features, command, limits, self.settings, rows)

    def _classify(self, signature: Any, features: Any) -> tuple[tf.Tensor]:
        return (writing.class_scores(self._model, signature, features),)

    def _score(self, signature: Any, features: Any, targets: Any, command: Any) -> TargetScores:
        return writing.score(self._model, signature, features, targets, command)

    def _command(self, task: Task) -> tf.Tensor:
        return tf.constant(self._model.command_id(task), tf.int32)

    def _function(
        self, name: str, function: Callable, task: Task, features: Any, *specs: Any
    ) -> Callable:
        """The trace of a graph function for a task's signature."""
        key = (name, self._model.signature(task))
        if key not in self._traced:
            self._traced[key] = self._cores.trace(
                lambda *args: function(key[1], *args), [batch_spec(features), *specs]
            )
        return self._traced[key]

    def _share_out(self, function: Callable, *inputs: Any) -> list[np.ndarray]:
        """The function's outputs, rows first, for inputs with rows first; scalars are for all."""

        def call(share: slice) -> list[np.ndarray]:
            part = tf.nest.map_structure(lambda x: x[share] if len(x.shape) else x, inputs)
            return [output.numpy() for output in function(*part)]

        shares = self._cores.share_out(call, len(tf.nest.flatten(inputs)[0]))
        return [interleaved(outputs) for outputs in zip(*shares, strict=True)]


def _features(batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: batch[name] for name in FEATURES}


def _counts(written: Hypotheses) -> np.ndarray:
    """How many hypotheses of each input there are; 1 even where a diverged model wrote nothing."""
    return np.maximum(1, np.sum(np.any(written.ids, axis=2), axis=1))


def _best_first(answers: Any) -> Decoded:
    alternatives = tuple(answers)
    return Decoded(alternatives[0].output, alternatives[0].score, alternatives)


def _likeliest_labels(task: Task, scores: np.ndarray) -> Decoded:
    order = np.argsort(-scores, kind="stable")[:LIKELIEST_LABELS]
    return _best_first(Prediction(task.labels[i], float(scores[i])) for i in order)


def seconds(task: Task, lengths: np.ndarray, hparams: HParams) -> np.ndarray:
    """The duration of sounds of these lengths: samples, or frames of a spectrogram."""
    if task.inputs.modality == "audio_spectral":
        return lengths * hparams.audio_step_ms / 1000
    return lengths / (task.inputs.sample_rate or 1)


def target_text(task: Task, targets: np.ndarray, vocabularies: Mapping[str, Vocabulary]) -> str:
    """The text of one target: ids [T] or a label's number []."""
    if task.targets.kind == "label":
        return task.labels[int(targets)]
    return vocabularies[task.targets.vocabulary or ""].decode(targets.tolist())
