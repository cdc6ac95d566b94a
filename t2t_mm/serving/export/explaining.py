"""Explanations: the attention and the experts of a forced pass over an input and an answer."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from t2t_mm.layers.attention import SelfAttention
from t2t_mm.layers.recording import Recorder, recording
from t2t_mm.layers.rep import Encoded, Rep
from t2t_mm.models.joint import JointModel, Route
from t2t_mm.tensor import Size


class ExpertChoice(NamedTuple):
    """The experts that positions were sent to.

    Attributes:
      experts: int32 [B, L, k]; several MoE layers side by side, [B, L, 0] without one.
      gates: float32 [B, L, k], 0 at padding.
    """

    experts: tf.Tensor
    gates: tf.Tensor


class Explanation(NamedTuple):
    """The outputs of `explain_NAME`, its pieces left out; see docs/architecture.md.

    Attributes:
      attention: float32 [B, T, L], the mean over heads and over all attentions of the decoder to
        the source; [B, 0, L] for a label and for a body without attention.
      grid: int32 [2], rows and columns of the source positions; [0, 0] for text.
      experts: int32 [B, T, k], of the decoder's MoE layers.
      gates: float32 [B, T, k].
      source_experts: int32 [B, L, k], of the encoder's MoE layers.
      source_gates: float32 [B, L, k].
    """

    attention: tf.Tensor
    grid: tf.Tensor
    experts: tf.Tensor
    gates: tf.Tensor
    source_experts: tf.Tensor
    source_gates: tf.Tensor


def explanation_without_targets(
    timeline: bool, encoded: Encoded, source: ExpertChoice
) -> Explanation:
    """The explanation of an answer that is not written: it never looks back at the source."""
    batch, length = tf.unstack(tf.shape(encoded.rep.x)[:2])
    attention = tf.zeros(tf.stack([batch, 0, length]))
    return Explanation(
        attention, _grid(timeline, encoded.rep), *expert_choice(Recorder(), batch, 0), *source
    )


def explanation_of_targets(
    model: JointModel,
    route: Route,
    timeline: bool,
    encoded: Encoded,
    source: ExpertChoice,
    command: tf.Tensor,
    targets: tf.Tensor,
) -> Explanation:
    """The explanation of targets [B, T], ids with EOS: position t decided on the t-th of them."""
    with recording() as seen:
        model.decode_logits(route, encoded, targets[:, :-1], command)
    batch, length = tf.unstack(tf.shape(encoded.rep.x)[:2])
    shown = tf.cast(targets > 0, tf.float32)[:, :, None]
    experts, gates = expert_choice(seen, batch, tf.shape(targets)[1])
    attention = _attention(seen, batch, length)
    grid = _grid(timeline, encoded.rep)
    return Explanation(attention * shown, grid, experts, gates * shown, *source)


def _attention(seen: Recorder, batch: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    weights = [
        tf.reduce_mean(tf.cast(weights, tf.float32), axis=1)
        for layer, weights in seen.attention
        if not isinstance(layer, SelfAttention)
    ]
    if not weights:  # a body that never looks back, such as an LSTM without attention
        return tf.zeros(tf.stack([batch, 1, length]))
    return tf.add_n(weights) / len(weights)


def expert_choice(seen: Recorder, batch: Size, length: Size) -> ExpertChoice:
    """The experts that the MoE layers chose for B times L positions."""
    empty = tf.stack([batch, length, 0])
    shape = tf.stack([batch, length, -1])
    experts = [tf.reshape(gating.experts, shape) for _, gating in seen.gating]
    gates = [tf.reshape(gating.gates, shape) for _, gating in seen.gating]
    return ExpertChoice(
        tf.concat([tf.zeros(empty, tf.int32), *experts], -1),
        tf.concat([tf.zeros(empty), *(tf.cast(gate, tf.float32) for gate in gates)], -1),
    )


def _grid(timeline: bool, rep: Rep) -> tf.Tensor:
    """Sound without a grid is a column: its rows are times."""
    if rep.grid is not None:
        return tf.stack([tf.cast(side, tf.int32) for side in rep.grid])
    if timeline:
        return tf.stack([tf.shape(rep.x)[1], 1])
    return tf.zeros([2], tf.int32)
