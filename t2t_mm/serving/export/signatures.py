"""The signatures of an export: from what users have to what they read, problem by problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from t2t_mm.decoding.bounds import input_bounds
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.decoding.writing import output_limits
from t2t_mm.errors import UserError
from t2t_mm.hparam import HParams
from t2t_mm.kinds.graph.text import GraphVocabulary
from t2t_mm.kinds.kind import Found, features_of
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import LENGTH, Task
from t2t_mm.serving.export.route_functions import RouteFunctions
from t2t_mm.serving.export.weights import FLOAT32

EXPLAIN = "explain_"
NO_SCORE = -1e9  # beside the empty output where a beam has fewer hypotheses than beam_size


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
      UserError: for a problem whose inputs no graph can read.
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
        self._bounds = input_bounds(hparams, settings)
        paths = RouteFunctions(model, tasks, settings, weights)
        self._paths = paths
        self.weights = paths.weights
        names = {name for task in tasks for name in task.text_vocabularies}
        self.vocabularies = {name: GraphVocabulary(vocabularies[name]) for name in sorted(names)}
        self.tasks = {task.name: task for task in tasks}

    def answers(self, name: str) -> Any:
        """The signature NAME: each input -> outputs, scores."""
        task = self.tasks[name]

        def answer(*contents: tf.Tensor) -> dict[str, tf.Tensor]:
            prompts = None
            if not task.has_inputs:
                prompts, contents = self._prompts(contents[0], task), (tf.zeros_like(contents[0]),)
            features = self._features(dict(zip(task.inputs, contents, strict=True)), task)
            answers = self._answers(task, features, prompts)
            return dict(zip(("outputs", "scores"), answers, strict=True))

        return _traced(answer, *map(_column, task.inputs))

    def explains(self, name: str) -> bool:
        """True if explain_NAME exists: where one input is read."""
        return len(self.tasks[name].inputs) == 1

    def explanations(self, name: str) -> Any:
        """The signature explain_NAME: its input, outputs -> what a forced pass looks at."""
        task = self.tasks[name]
        ((slot, kind),) = task.inputs.items()

        def explain(contents: tf.Tensor, outputs: tf.Tensor) -> dict[str, tf.Tensor]:
            with tf.control_dependencies([_require_pairs(contents, outputs)]):
                contents = tf.identity(contents)
            # What a language model is given is a prompt, and part of the output.
            contents = contents if task.has_inputs else tf.zeros_like(contents)
            features = self._features({slot: contents}, task)
            targets = None
            found = {"target_pieces": tf.zeros(tf.stack([tf.size(outputs), 0]), tf.string)}
            if kind.text_vocabulary:
                vocabulary = self.vocabularies[kind.text_vocabulary]
                found["source_pieces"] = vocabulary.pieces(features[slot])
            if task.targets.decoded_by_tokens:
                vocabulary = self._target_vocabulary(task)
                targets = vocabulary.encode_answers(outputs).to_tensor()
                found["target_pieces"] = vocabulary.pieces(targets)
            seen = self._paths.explain(task, features, targets)
            return {**found, **seen._asdict()}

        return _traced(explain, _column(slot), _column("outputs"))

    def _features(self, contents: Mapping[str, tf.Tensor], task: Task) -> dict[str, tf.Tensor]:
        batch = {}
        for name, kind in task.inputs.items():
            stored = kind.graph_read(contents[name], self.vocabularies)
            stored = kind.graph_bounded(stored, self._bounds)
            form = features_of(kind, self._hparams)
            batch[name], batch[name + LENGTH] = kind.feed(stored, self._hparams, form)
        return batch

    def _prompts(self, contents: tf.Tensor, task: Task) -> tf.Tensor:
        """The prompts that the outputs of a language model begin with, int32 [B, P]."""
        rules = task.targets.rules_for_graph[1]
        ids = self._target_vocabulary(task).encode_answers(contents, rules)
        ids = task.targets.graph_bounded(ids, self._bounds)
        return ids[:, :-1].to_tensor()  # without the ends

    def _target_vocabulary(self, task: Task) -> GraphVocabulary:
        name = task.targets.text_vocabulary
        if name is None:
            raise ValueError(f"the targets of '{task.name}' have no vocabulary of text")
        return self.vocabularies[name]

    def _answers(
        self, task: Task, features: Mapping[str, tf.Tensor], prompts: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if task.targets.decoded_by_tokens:
            limits = output_limits(task, features, self._hparams, self._settings.extra_length)
            written = self._paths.write(task, features, limits, prompts)
            found = Found(written.ids, written.scores)
        else:
            found = self._paths.find(task, features)
        outputs = task.targets.graph_predictions(found, features, self.vocabularies)
        return outputs, tf.where(tf.math.is_finite(found.scores), found.scores, NO_SCORE)


def is_exportable(task: Task) -> bool:
    """True if an exported graph can read the problem's inputs."""
    return all(kind.can_be_exported for kind in task.inputs.values())


def _check(tasks: Sequence[Task]) -> None:
    if not tasks:
        raise UserError("this model has no problem whose inputs an export can read.")
    for task in tasks:
        if not is_exportable(task):
            raise UserError(
                f"problem '{task.name}' cannot be exported: an export reads no "
                f"{' and '.join(k.plural for k in task.inputs.values() if not k.can_be_exported)}; "
                "leave it out with --problems."
            )


def _require_pairs(inputs: tf.Tensor, outputs: tf.Tensor) -> tf.Operation:
    words = "explain_NAME takes as many outputs as inputs."
    return tf.debugging.Assert(tf.equal(tf.size(inputs), tf.size(outputs)), [words])


def _column(name: str) -> tf.TensorSpec:
    return tf.TensorSpec([None], tf.string, name=name)


def _traced(function: Any, *specs: tf.TensorSpec) -> Any:
    return tf.function(function, input_signature=specs, autograph=False).get_concrete_function()
