"""Search: which tokens to write, given a function that scores the next one. Graph functions.

A search knows neither model nor vocabulary. It asks a `Step` for logits and hands it the state
that the step gave before: nothing for a step that reads the whole prefix again, caches for one
that does not.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from t2t_mm.data.vocabulary import EOS, PAD


class Step(Protocol):
    """Scores the next token of every sequence."""

    def __call__(self, prefix: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
        """Scores what may follow.

        Args:
          prefix: int32 [B, t], all tokens written so far; padded with 0 after an EOS.
          state: any structure of tensors whose shapes stay the same.

        Returns:
          The logits of the next token [B, V], and the next state.
        """


class Written(NamedTuple):
    """What a search found.

    Attributes:
      ids: int32 [B, T], each row with its EOS unless it was cut at its limit; then 0.
      scores: float32 [B], natural logarithm of each row's probability.
    """

    ids: tf.Tensor
    scores: tf.Tensor


class _Loop(NamedTuple):
    ids: tf.Tensor  # int32 [B, t]
    scores: tf.Tensor  # float32 [B]
    ended: tf.Tensor  # bool [B]
    state: Any


def greedy(step: Step, state: Any, limits: tf.Tensor) -> Written:
    """Writes the likeliest token at every position until all sequences have ended.

    Padding is never written. A row does not depend on the others of its batch.

    Args:
      step: scores the next token.
      state: the step's first state, () for none.
      limits: int32 [B], tokens that each sequence may have at most, the EOS included; >= 1.

    Returns:
      Ids and scores.
    """
    batch = tf.size(limits)
    start = _Loop(
        tf.zeros([batch, 0], tf.int32), tf.zeros([batch]), tf.zeros([batch], tf.bool), state
    )

    def go_on(loop: _Loop) -> tf.Tensor:
        return ~tf.reduce_all(loop.ended)

    def body(loop: _Loop) -> tuple[_Loop]:
        logits, state = step(loop.ids, loop.state)
        token, score = _likeliest(logits)
        token = tf.where(loop.ended, PAD, token)
        ids = tf.concat([loop.ids, token[:, None]], 1)
        scores = loop.scores + tf.where(loop.ended, 0.0, score)
        ended = loop.ended | (token == EOS) | (tf.shape(ids)[1] >= limits)
        return (_Loop(ids, scores, ended, state),)

    shapes = tf.nest.map_structure(lambda tensor: tf.convert_to_tensor(tensor).shape, start)
    shapes = shapes._replace(ids=tf.TensorShape([None, None]))
    (end,) = tf.while_loop(go_on, body, (start,), shape_invariants=(shapes,))
    return Written(end.ids, end.scores)


def _likeliest(logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The likeliest token of logits [B, V] that is not padding, int32 [B]; its log-probability."""
    scores = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    token = tf.argmax(scores[:, PAD + 1 :], -1, tf.int32) + (PAD + 1)
    return token, tf.gather(scores, token, batch_dims=1)
