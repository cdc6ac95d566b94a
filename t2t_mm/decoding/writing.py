"""From prepared features to answers, as graph functions.

The Decoder and the export call the same ones, so that a server answers token for token what
t2t-decoder writes. Features are those of the pipeline: each input and its lengths.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf

from t2t_mm.decoding.search.conditions import Conditions, prefix_lengths
from t2t_mm.decoding.search.constraints import constraints_of
from t2t_mm.decoding.search.contract import Hypotheses, Reorder, SearchRequest, Step
from t2t_mm.decoding.search.tensors import gather_rows
from t2t_mm.decoding.settings import GREEDY, DecodeSettings
from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.kinds.kind import Found, features_of
from t2t_mm.layers.rep import Encoded
from t2t_mm.models.joint import JointModel, Route
from t2t_mm.problem import LENGTH, Task
from t2t_mm.registry import SEARCHES
from t2t_mm.tensor import State, Tensor

Features = Mapping[str, tf.Tensor]
Encode = Callable[[Route, Features], Encoded]

PREFIX = "prefix"  # in a batch: int32 [B, P], token ids that outputs begin with, padded with 0


class DecodingPath(NamedTuple):
    """A way to decode: a step, its first state, and how to reorder it.

    Attributes:
      step: scores the next token.
      state: the step's first state.
      reorder: makes hypotheses go on from others.
    """

    step: Step
    state: State
    reorder: Reorder = gather_rows


def write(
    model: JointModel,
    route: Route,
    features: Features,
    command: Tensor,
    limits: tf.Tensor,
    settings: DecodeSettings = GREEDY,
    rows: tf.Tensor | None = None,
    cached: bool = True,
    prefix: tf.Tensor | None = None,
    encode: Encode | None = None,
) -> Hypotheses:
    """Writes outputs.

    Args:
      model: built.
      route: the way to take; its target is written token by token.
      features: a batch's inputs and their lengths.
      command: int32 [], the command's number (`JointModel.command_id`).
      limits: int32 [B], tokens that each output may have after its prefix; see `output_limits`.
      settings: how to search.
      rows: int32 [B], a number for each input that sampling draws from, so that an input gets
        the same answer in whatever batch it is; None: its place in the batch.
      cached: False runs the decoder over the whole prefix for every token: what caches are
        measured against.
      prefix: int32 [B, P], token ids that each output begins with, padded with 0; None: none does.
      encode: what takes the place of `model.encode`; None: nothing does.

    Returns:
      N = settings.num_outputs hypotheses for each input, the prefix being part of them.
    """
    encoded = (encode or model.encode)(route, features)
    search = SEARCHES.get(settings.strategy)(settings)
    longest = limits if prefix is None else limits + prefix_lengths(prefix)
    make = cached_path if cached else full_prefix_path
    path = make(model, route, encoded, command, search.beams, longest)
    constraints = constraints_of(settings, lambda: _text_lengths(model, route, features))
    conditions = Conditions(constraints, prefix, settings.score_prefix, settings.eos_penalty)
    return search(SearchRequest(path.step, path.state, limits, rows, path.reorder, conditions))


def _text_lengths(model: JointModel, route: Route, features: Features) -> tf.Tensor:
    """The tokens of each input, int32 [B]: of its texts, if it has several parts."""
    texts = [
        slot
        for slot, key in zip(route.slots, route.inputs, strict=True)
        if model.modalities[key].decodes  # what can be written token by token is read so too
    ]
    if not texts:
        raise HParamError(
            "decoding hparam 'min_length_ratio' is of texts, and these inputs have none; give "
            "min_length, in tokens, in --decode_hparams."
        )
    return tf.add_n([tf.cast(features[slot + LENGTH], tf.int32) for slot in texts])


def cached_path(
    model: JointModel,
    route: Route,
    encoded: Encoded,
    command: Tensor,
    beams: int,
    limits: tf.Tensor,
) -> DecodingPath:
    """A path whose tokens cost a position each: the body keeps what it needs of earlier ones."""
    memory, state = model.start_decoding(route, encoded, beams, tf.reduce_max(limits))

    def step(tokens: tf.Tensor, position: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        return model.decode_step(route, memory, state, tokens, position, command)

    return DecodingPath(step, state, model.reorder)


def full_prefix_path(
    model: JointModel,
    route: Route,
    encoded: Encoded,
    command: Tensor,
    beams: int,
    limits: tf.Tensor,
) -> DecodingPath:
    """A path whose tokens run the decoder over all that was written: the state, int32 [R, T]."""
    encoded = encoded.repeat(beams)

    def step(tokens: tf.Tensor, position: tf.Tensor, prefix: tf.Tensor) -> tuple[tf.Tensor, State]:
        before = tf.range(tf.shape(prefix)[1])[None] == position - 1
        prefix = tf.where(before, tokens[:, None], prefix)
        written = prefix[:, :position]
        logits = model.decode_logits(route, encoded, written, command, last_only=True)
        return logits[:, 0], prefix

    return DecodingPath(step, tf.zeros([tf.size(limits) * beams, tf.reduce_max(limits)], tf.int32))


class TargetScores(NamedTuple):
    """The log-probabilities that a model gives to targets.

    Attributes:
      scores: float32 [B], natural logarithm of each target's probability.
      tokens: float32 [B, T], that of each element given the ones before it; 0 at padding.
    """

    scores: tf.Tensor
    tokens: tf.Tensor


def score(
    model: JointModel, route: Route, features: Features, targets: tf.Tensor, command: Tensor
) -> TargetScores:
    """Computes the log-probabilities of given targets.

    Args:
      model, route, features, command: as for `write`; the target may be of any kind.
      targets: [B, ...], as the target's kind feeds them.
    """
    outputs, _ = model.forward(route, features, targets, command)
    tokens = model.target(route).scores(outputs, targets)
    return TargetScores(tf.reduce_sum(tokens, -1), tokens)


def find(
    model: JointModel,
    route: Route,
    features: Features,
    command: Tensor,
    count: int,
    encode: Encode | None = None,
) -> Found:
    """The `count` likeliest values of a target that is not written token by token.

    Args:
      model, route, features, command, encode: as for `write`.
      count: of values, at most.
    """
    encoded = (encode or model.encode)(route, features)
    outputs, _ = model.read_out(route, encoded, None, command)
    return model.target(route).found(outputs, count)


def output_limits(task: Task, features: Features, hparams: HParams, extra_length: int) -> tf.Tensor:
    """The most tokens that each output may have, EOS included: see `Kind.suggested_tokens`.

    Args:
      task: the problem.
      features: a batch's inputs and their lengths.
      hparams: eval_max_length is the most for all.
      extra_length: added to each.

    Returns:
      int32 [B].
    """
    suggested = [
        kind.suggested_tokens(
            tf.convert_to_tensor(features[name + LENGTH]),
            task.targets,
            hparams,
            features_of(kind, hparams),
        )
        for name, kind in task.inputs.items()
    ]
    most = max(1, hparams.eval_max_length)
    return tf.clip_by_value(functools.reduce(tf.maximum, suggested) + extra_length, 1, most)
