"""From prepared features to answers, as graph functions.

The Decoder and the export call the same ones, so that a server answers token for token what
t2t-decoder writes. Features are those of data/batches/features.py: `inputs` and `inputs_length`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from t2t_mm.decoding.forced import TargetScores, forced
from t2t_mm.decoding.search.conditions import Conditions, prefix_lengths
from t2t_mm.decoding.search.constraints import constraints_of
from t2t_mm.decoding.search.contract import Hypotheses, Reorder, SearchRequest, Step
from t2t_mm.decoding.search.tensors import gather_rows
from t2t_mm.decoding.settings import GREEDY, DecodeSettings
from t2t_mm.hparam import HParams
from t2t_mm.layers.rep import Rep
from t2t_mm.models.body import Encoded
from t2t_mm.models.joint import JointModel, Signature
from t2t_mm.problem import Task
from t2t_mm.registry import SEARCHES

Features = Mapping[str, tf.Tensor]

# A tree has a bracket, a tag and a label about every word, each a token or more.
_TOKENS_PER_TOKEN, _TREE_TOKENS_PER_TOKEN = 2.0, 8.0
_TOKENS_PER_SECOND = 15.0  # of speech: three words, of some pieces each
_TOKENS_PER_PICTURE = 50


class Path(NamedTuple):
    """What a search is given of a model.

    Attributes:
      step: scores the next token.
      state: the step's first state.
      reorder: makes hypotheses go on from others.
    """

    step: Step
    state: Any
    reorder: Reorder = gather_rows


def write(
    model: JointModel,
    signature: Signature,
    features: Features,
    command: Any,
    limits: tf.Tensor,
    settings: DecodeSettings = GREEDY,
    rows: tf.Tensor | None = None,
    cached: bool = True,
    prefix: tf.Tensor | None = None,
) -> Hypotheses:
    """Writes outputs.

    Args:
      model: built.
      signature: the path to take; its target is text.
      features: a batch's inputs and inputs_length.
      command: int32 [], the command's number (`JointModel.command_id`).
      limits: int32 [B], tokens that each output may have after its prefix; see `output_limits`.
      settings: how to search.
      rows: int32 [B], a number for each input that sampling draws from, so that an input gets
        the same answer in whatever batch it is; None: its place in the batch.
      cached: False runs the decoder over the whole prefix for every token: what caches are
        measured against.
      prefix: int32 [B, P], token ids that each output begins with, padded with 0; None: none does.

    Returns:
      N = settings.num_outputs hypotheses for each input, the prefix being part of them.
    """
    encoded = model.encode(signature, features)
    search = SEARCHES.get(settings.strategy)(settings)
    longest = limits if prefix is None else limits + prefix_lengths(prefix)
    make = cached_path if cached else full_prefix_path
    path = make(model, signature, encoded, command, search.beams, longest)
    conditions = Conditions(constraints_of(settings), prefix, settings.score_prefix)
    return search(SearchRequest(path.step, path.state, limits, rows, path.reorder, conditions))


def cached_path(
    model: JointModel,
    signature: Signature,
    encoded: Encoded,
    command: Any,
    beams: int,
    limits: tf.Tensor,
) -> Path:
    """Each token costs one position: the body keeps what it needs of the earlier ones."""
    memory, state = model.start_decoding(signature, encoded, beams, tf.reduce_max(limits))

    def step(tokens: tf.Tensor, position: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
        return model.decode_step(signature, memory, state, tokens, position, command)

    return Path(step, state, model.reorder)


def full_prefix_path(
    model: JointModel,
    signature: Signature,
    encoded: Encoded,
    command: Any,
    beams: int,
    limits: tf.Tensor,
) -> Path:
    """Each token runs the decoder over all that was written; the state is that, int32 [R, T]."""
    rep = encoded.rep
    copies = Rep(tf.repeat(rep.x, beams, 0), tf.repeat(rep.mask, beams, 0), rep.grid)
    encoded = encoded._replace(rep=copies)

    def step(tokens: tf.Tensor, position: tf.Tensor, prefix: tf.Tensor) -> tuple[tf.Tensor, Any]:
        before = tf.range(tf.shape(prefix)[1])[None] == position - 1
        prefix = tf.where(before, tokens[:, None], prefix)
        written = prefix[:, :position]
        logits = model.decode_logits(signature, encoded, written, command, last_only=True)
        return logits[:, 0], prefix

    return Path(step, tf.zeros([tf.size(limits) * beams, tf.reduce_max(limits)], tf.int32))


def score(
    model: JointModel,
    signature: Signature,
    features: Features,
    targets: tf.Tensor,
    command: Any,
) -> TargetScores:
    """How probable given outputs are.

    Args:
      model, signature, features, command: as for `write`; the target may be a label too.
      targets: int32 [B, T], token ids with EOS, padded with 0; or labels, int32 [B].

    Returns:
      Natural logarithms of probabilities; a label is one token, T = 1.
    """
    targets = tf.cast(targets, tf.int32)
    if not model.modalities[signature.target_key].autoregressive:
        scores = tf.gather(class_scores(model, signature, features), targets, batch_dims=1)
        return TargetScores(scores, scores[:, None])
    logits, _ = model.forward(signature, features, targets, command)
    return forced(logits, targets)


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
