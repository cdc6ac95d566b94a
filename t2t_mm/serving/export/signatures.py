"""The signatures of an export: from what users have to what they read, problem by problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from t2t_mm.data.batches.features import prepare
from t2t_mm.decoding.decoder import LIKELIEST_LABELS
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.decoding.writing import output_limits
from t2t_mm.errors import UserError
from t2t_mm.hparam import HParams
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import FeatureSpec, Task
from t2t_mm.serving.export.paths import Paths
from t2t_mm.serving.export.weights import FLOAT32
from t2t_mm.serving.graph.images import stored_pictures
from t2t_mm.serving.graph.sounds import stored_sounds
from t2t_mm.serving.graph.text import GraphVocabulary

EXPLAIN = "explain_"
NO_SCORE = -1e9  # beside the empty output where a beam has fewer hypotheses than beam_size

_INPUTS = tf.TensorSpec([None], tf.string, name="inputs")
_OUTPUTS = tf.TensorSpec([None], tf.string, name="outputs")
_READABLE = ("text", "image", "audio")


class Exportable(tf.Module):
    """Holds all that is saved: weights and vocabularies; the functions are its `signatures`.

    Args:
      model: built, with its trained weights.
      tasks: the problems to export.
      hparams: that the model was trained with.
      vocabularies: by name.
      settings: how to search.
      weights: how they are stored; see export_weights.

    Raises:
      UserError: for a problem whose inputs are neither text, pictures nor sounds.
    """

    def __init__(
        self,
        model: JointModel,
        tasks: Sequence[Task],
        hparams: HParams,
        vocabularies: Mapping[str, Vocabulary],
        settings: DecodeSettings,
        weights: str = FLOAT32,
    ):
        super().__init__()
        _check(tasks)
        self._hparams = hparams
        self._settings = settings
        paths = Paths(model, tasks, settings, weights)
        self._paths = paths
        self.weights = paths.weights
        names = {
            spec.vocabulary or ""
            for task in tasks
            for spec in (task.inputs, task.targets)
            if spec.kind == "text"
        }
        self.vocabularies = {name: GraphVocabulary(vocabularies[name]) for name in sorted(names)}
        self.tasks = {task.name: task for task in tasks}

    def answers(self, name: str) -> Any:
        """The signature NAME: inputs -> outputs, scores."""
        task = self.tasks[name]

        def answer(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            features = self._features(inputs, task.inputs)
            answers = self._label(task, features) if _is_label(task) else self._text(task, features)
            return dict(zip(("outputs", "scores"), answers, strict=True))

        return _traced(answer, _INPUTS)

    def explanations(self, name: str) -> Any:
        """The signature explain_NAME: inputs, outputs -> what a forced pass looks at."""
        task = self.tasks[name]

        def explain(inputs: tf.Tensor, outputs: tf.Tensor) -> dict[str, tf.Tensor]:
            with tf.control_dependencies([_require_pairs(inputs, outputs)]):
                features = self._features(tf.identity(inputs), task.inputs)
            targets = None
            found = {"target_pieces": tf.zeros(tf.stack([tf.size(outputs), 0]), tf.string)}
            if task.inputs.kind == "text":
                vocabulary = self._vocabulary(task.inputs)
                found["source_pieces"] = vocabulary.pieces(features["inputs"])
            if not _is_label(task):
                vocabulary = self._vocabulary(task.targets)
                targets = vocabulary.encode_answers(outputs).to_tensor()
                found["target_pieces"] = vocabulary.pieces(targets)
            seen = self._paths.explain(task, features, targets)
            return {**found, **seen._asdict()}

        return _traced(explain, _INPUTS, _OUTPUTS)

    def _features(self, inputs: tf.Tensor, spec: FeatureSpec) -> dict[str, tf.Tensor]:
        if spec.kind == "text":
            vocabulary = self._vocabulary(spec)
            stored = vocabulary.encode_nothing(inputs) if spec.absent else vocabulary.encode(inputs)
        elif spec.kind == "image":
            stored = stored_pictures(inputs)
        else:
            stored = stored_sounds(inputs, spec.sample_rate or 16_000)
        values, lengths = prepare(stored, spec, self._hparams)
        return {"inputs": values, "inputs_length": lengths}

    def _text(self, task: Task, features: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        lengths = features["inputs_length"]
        limits = output_limits(task, lengths, self._hparams, self._settings.extra_length)
        written = self._paths.write(task, features, limits)
        shape = tf.shape(written.ids)
        texts = self._vocabulary(task.targets).decode(tf.reshape(written.ids, [-1, shape[2]]))
        scores = tf.where(tf.math.is_finite(written.scores), written.scores, NO_SCORE)
        return tf.reshape(texts, shape[:2]), scores

    def _label(self, task: Task, features: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        scores = self._paths.classify(task, features)
        best = tf.math.top_k(scores, min(LIKELIEST_LABELS, len(task.labels)))
        return tf.gather(tf.constant(task.labels), best.indices), best.values

    def _vocabulary(self, spec: FeatureSpec) -> GraphVocabulary:
        return self.vocabularies[spec.vocabulary or ""]


def readable(task: Task) -> bool:
    """Whether users have inputs of the problem's kind."""
    return task.inputs.kind in _READABLE


def _check(tasks: Sequence[Task]) -> None:
    if not tasks:
        raise UserError("this model has no problem that reads text, pictures or sounds.")
    for task in tasks:
        if not readable(task):
            raise UserError(
                f"problem '{task.name}' cannot be exported: its inputs are of modality "
                f"'{task.inputs.modality}', not text, pictures or sounds; leave it out with "
                "--problems."
            )


def _is_label(task: Task) -> bool:
    return task.targets.kind == "label"


def _require_pairs(inputs: tf.Tensor, outputs: tf.Tensor) -> tf.Operation:
    words = "explain_NAME takes as many outputs as inputs."
    return tf.debugging.Assert(tf.equal(tf.size(inputs), tf.size(outputs)), [words])


def _traced(function: Any, *specs: tf.TensorSpec) -> Any:
    return tf.function(function, input_signature=specs, autograph=False).get_concrete_function()
