"""A model and a search, traced: batches of prepared inputs in, ids and scores out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.data.batch_spec import batch_spec
from t2t_mm.data.vocabulary import Vocabulary
from t2t_mm.decoding.search import Written, greedy
from t2t_mm.hparam import HParams
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Task

FEATURES = ("inputs", "inputs_length")

# A tree has a bracket, a tag and a label about every word, each a token or more.
_TOKENS_PER_TOKEN, _TREE_TOKENS_PER_TOKEN = 2, 8
_TOKENS_PER_SECOND = 15  # of speech: three words, of some pieces each
_TOKENS_PER_PICTURE = 50


@dataclass(frozen=True)
class Decoded:
    """One answer.

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


class Decoder:
    """Answers batches; one trace per signature, made when first needed.

    The model's weights may change between calls.

    Args:
      model: built.
      hparams: eval_max_length caps the outputs; the audio frames' step is read.
      vocabularies: by name, of the text targets.
      extra_length: tokens that an output may have beyond what its input suggests.
    """

    def __init__(
        self,
        model: JointModel,
        hparams: HParams,
        vocabularies: Mapping[str, Vocabulary],
        extra_length: int = 50,
    ):
        self._model = model
        self._hparams = hparams
        self._vocabularies = vocabularies
        self._extra_length = extra_length
        self._traced: dict[Any, Any] = {}

    def __call__(self, task: Task, batch: Mapping[str, tf.Tensor]) -> list[Decoded]:
        """Answers each example of a batch.

        Args:
          task: a problem that the model was made for.
          batch: at least inputs and inputs_length, as from the pipeline.

        Returns:
          B answers, in the batch's order.
        """
        features = {name: batch[name] for name in FEATURES}
        if task.targets.kind == "label":
            return self._classify(task, features)
        written = self.write(task, features)
        vocabulary = self._vocabularies[task.targets.vocabulary or ""]
        return [
            Decoded(vocabulary.decode(ids.tolist()), float(score))
            for ids, score in zip(written.ids, written.scores, strict=True)
        ]

    def write(self, task: Task, features: Mapping[str, tf.Tensor]) -> Written:
        """The ids and scores of text answers, as arrays."""
        limits = output_limits(
            task, features["inputs_length"].numpy(), self._hparams, self._extra_length
        )
        command = np.int32(self._model.command_id(task))
        found = self._function(task, features, self._write)(features, command, limits)
        return Written(*(part.numpy() for part in found))

    def _classify(self, task: Task, features: Mapping[str, tf.Tensor]) -> list[Decoded]:
        scores = self._function(task, features, self._class_scores)(features).numpy()
        best = scores.argmax(-1)
        return [Decoded(task.labels[i], float(row[i])) for i, row in zip(best, scores, strict=True)]

    def _function(self, task: Task, features: Mapping[str, tf.Tensor], function: Any) -> Any:
        signature = self._model.signature(task)
        if signature not in self._traced:
            spec: list[Any] = [batch_spec(features)]
            if function == self._write:
                spec += [tf.TensorSpec((), tf.int32), tf.TensorSpec([None], tf.int32)]
            self._traced[signature] = tf.function(
                lambda *args: function(signature, *args), input_signature=spec, autograph=False
            )
        return self._traced[signature]

    def _write(
        self, signature: Any, features: Any, command: tf.Tensor, limits: tf.Tensor
    ) -> Written:
        encoded = self._model.encode(signature, features)

        def step(prefix: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
            logits = self._model.decode_logits(signature, encoded, prefix, command, last_only=True)
            return logits[:, 0], state

        return greedy(step, (), limits)

    def _class_scores(self, signature: Any, features: Any) -> tf.Tensor:
        encoded = self._model.encode(signature, features)
        logits = self._model.class_logits(signature, encoded)
        return tf.nn.log_softmax(tf.cast(logits, tf.float32))


def output_limits(
    task: Task, lengths: np.ndarray, hparams: HParams, extra_length: int
) -> np.ndarray:
    """How many tokens each output may have, its EOS included.

    It bounds the cost of outputs that a half-trained model never ends. No target of the training
    data is known here, so it is generous.

    Args:
      task: the problem.
      lengths: of the inputs [B]: tokens, samples or frames; not used for pictures.
      hparams: eval_max_length is the most for all.
      extra_length: added to each.

    Returns:
      int32 [B].
    """
    if task.inputs.kind == "audio":
        suggested = _TOKENS_PER_SECOND * seconds(task, lengths, hparams)
    elif task.inputs.kind == "image":
        suggested = np.full(len(lengths), _TOKENS_PER_PICTURE)
    else:
        trees = "bracket_f1" in task.metrics
        suggested = lengths * (_TREE_TOKENS_PER_TOKEN if trees else _TOKENS_PER_TOKEN)
    most = max(1, hparams.eval_max_length)
    return np.clip(suggested + extra_length, 1, most).astype(np.int32)


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
