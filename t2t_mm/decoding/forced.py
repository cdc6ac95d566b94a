"""TargetScores scoring: how probable given outputs are, in one pass over all of their positions."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from t2t_mm.kinds.vocabulary import PAD


class TargetScores(NamedTuple):
    """What a model thinks of given outputs.

    Attributes:
      scores: float32 [B], natural logarithm of each output's probability.
      tokens: float32 [B, T], that of each token given the ones before it; 0 at padding.
    """

    scores: tf.Tensor
    tokens: tf.Tensor


def forced(logits: tf.Tensor, targets: tf.Tensor) -> TargetScores:
    """Scores targets.

    Args:
      logits: [B, T, V]; those of each position have seen the targets before it.
      targets: int32 [B, T], padded with 0.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, tf.cast(logits, tf.float32))
    tokens = tf.where(targets == PAD, 0.0, -losses)
    return TargetScores(tf.reduce_sum(tokens, -1), tokens)
