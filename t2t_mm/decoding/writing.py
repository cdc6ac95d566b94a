"""From prepared features to answers, as graph functions.

The Decoder and the export call the same ones, so that a server answers token for token what
t2t-decoder writes. Features are those of data/features.py: `inputs` and `inputs_length`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from t2t_mm.decoding.search import Step, Written, greedy
from t2t_mm.decoding.settings import GREEDY, DecodeSettings
from t2t_mm.hparam import HParams
from t2t_mm.models.joint import JointModel, Signature
from t2t_mm.problem import Task

Features = Mapping[str, tf.Tensor]

# A tree has a bracket, a tag and a label about every word, each a token or more.
_TOKENS_PER_TOKEN, _TREE_TOKENS_PER_TOKEN = 2.0, 8.0
_TOKENS_PER_SECOND = 15.0  # of speech: three words, of some pieces each
_TOKENS_PER_PICTURE = 50


def write(
    model: JointModel,
    signature: Signature,
    features: Features,
    command: Any,
    limits: tf.Tensor,
    settings: DecodeSettings = GREEDY,
    rows: tf.Tensor | None = None,
) -> Written:
    """Writes outputs.

    Args:
      model: built.
      signature: the path to take; its target is text.
      features: a batch's inputs and inputs_length.
      command: int32 [], the command's number (`JointModel.command_id`).
      limits: int32 [B], tokens that each output may have; see `output_limits`.
      settings: how to search.
      rows: int32 [B], a number for each input that sampling draws from, so that an input gets
        the same answer in whatever batch it is; None: its place in the batch.

    Returns:
      N = 1 hypothesis for each input, or the beam_size ones of settings.return_beams.
    """
    encoded = model.encode(signature, features)
    step, state = full_prefix_step(model, signature, encoded, command, limits)
    return greedy(step, state, limits, settings.alpha)


def full_prefix_step(
    model: JointModel, signature: Signature, encoded: Any, command: Any, limits: tf.Tensor
) -> tuple[Step, Any]:
    """A step that runs the decoder over the whole prefix again, and its first state.

    Returns:
      The step and its state: the prefixes, int32 [R, T].
    """

    def step(tokens: tf.Tensor, position: tf.Tensor, prefix: tf.Tensor) -> tuple[tf.Tensor, Any]:
        before = tf.range(tf.shape(prefix)[1])[None] == position - 1
        prefix = tf.where(before, tokens[:, None], prefix)
        logits = model.decode_logits(
            signature, encoded, prefix[:, :position], command, last_only=True
        )
        return logits[:, 0], prefix

    return step, tf.zeros([tf.size(limits), tf.reduce_max(limits)], tf.int32)


def class_scores(model: JointModel, signature: Signature, features: Features) -> tf.Tensor:
    """The natural logarithm of every class's probability, float32 [B, C]."""
    encoded = model.encode(signature, features)
    logits = model.class_logits(signature, encoded)
    return tf.nn.log_softmax(tf.cast(logits, tf.float32))


def output_limits(task: Task, lengths: tf.Tensor, hparams: HParams, extra_length: int) -> tf.Tensor:
    """How many tokens each output may have, its EOS included.

    It bounds the cost of outputs that a half-trained model never ends. No target of the training
    data is known here, so it is generous.

    Args:
      task: the problem.
      lengths: int32 [B] of the inputs: tokens, samples or frames; not used for pictures.
      hparams: eval_max_length is the most for all; the audio frames' step is read.
      extra_length: added to each.

    Returns:
      int32 [B].
    """
    lengths = tf.convert_to_tensor(lengths)
    if task.inputs.kind == "image":
        suggested = tf.fill(tf.shape(lengths), _TOKENS_PER_PICTURE)
    else:
        tokens = tf.cast(lengths, tf.float64) * _tokens_per_position(task, hparams)
        suggested = tf.cast(tf.round(tokens), tf.int32)
    most = max(1, hparams.eval_max_length)
    return tf.clip_by_value(suggested + extra_length, 1, most)


def _tokens_per_position(task: Task, hparams: HParams) -> float:
    """Tokens of output for a token, sample or frame of input."""
    if task.inputs.kind != "audio":
        trees = "bracket_f1" in task.metrics
        return _TREE_TOKENS_PER_TOKEN if trees else _TOKENS_PER_TOKEN
    if task.inputs.modality == "audio_spectral":
        return _TOKENS_PER_SECOND * hparams.audio_step_ms / 1000
    return _TOKENS_PER_SECOND / (task.inputs.sample_rate or 1)
