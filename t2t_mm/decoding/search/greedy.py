"""Greedy search, and the loop that writes one token of every output after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from t2t_mm.decoding.search.conditions import UNCONDITIONAL, Conditions, Guide
from t2t_mm.decoding.search.contract import Hypotheses, Search, SearchRequest, Step
from t2t_mm.decoding.search.tensors import (
    as_tensors,
    length_penalty,
    log_probability,
    shifted_log_sum_exp,
    with_static_shapes,
    write_at,
)
from t2t_mm.decoding.search.top_tokens import top_tokens
from t2t_mm.kinds.vocabulary import EOS, PAD
from t2t_mm.tensor import State

Choose = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class Greedy(Search):
    """The likeliest token at every position; see `greedy`."""

    def __call__(self, request: SearchRequest) -> Hypotheses:
        return greedy(
            request.step, request.state, request.limits, self.settings.alpha, request.conditions
        )


def greedy(
    step: Step,
    state: State,
    limits: tf.Tensor,
    alpha: float = 0.0,
    conditions: Conditions = UNCONDITIONAL,
) -> Hypotheses:
    """Writes the likeliest token at every position until all sequences have ended.

    Padding is never written. Of equally likely tokens the one with the lowest id is taken. A row
    does not depend on the others of its batch.

    Args:
      step: scores the next token.
      state: the step's first state, () for none.
      limits: int32 [B], tokens that each sequence may have at most after its prefix, the EOS
        included; >= 1.
      alpha: of the length penalty in `normalized`.
      conditions: what outputs have to meet.

    Returns:
      N = 1.
    """

    def choose(logits: tf.Tensor, allowed: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return likeliest(logits, allowed)

    return decode_loop(step, state, limits, choose, alpha, conditions)


class _TokenLoop(NamedTuple):
    position: tf.Tensor  # int32 []
    tokens: tf.Tensor  # int32 [B], the last ones
    ids: tf.Tensor  # int32 [T, B]
    scores: tf.Tensor  # float32 [B]
    ended: tf.Tensor  # bool [B]
    state: State
    carried: State  # for the constraints


def decode_loop(
    step: Step,
    state: State,
    limits: tf.Tensor,
    choose: Choose,
    alpha: float = 0.0,
    conditions: Conditions = UNCONDITIONAL,
) -> Hypotheses:
    """Writes one token of every sequence after the other; see `greedy`.

    Args:
      step, state, limits, alpha, conditions: as for greedy.
      choose: from logits [B, V] (float32), those of tokens that may be written (the same tensor, or
        one with -inf at what is forbidden) and the position to tokens, int32 [B], and their
        log-probabilities, float32 [B].
    """
    batch = tf.size(limits)
    guide = Guide(conditions, limits)

    def go_on(loop: _TokenLoop) -> tf.Tensor:
        return ~tf.reduce_all(loop.ended)

    def body(loop: _TokenLoop) -> tuple[_TokenLoop]:
        logits, state = step(loop.tokens, loop.position, loop.state)
        logits = tf.cast(logits, tf.float32)
        allowed, carried = guide.allowed(logits, loop.tokens, loop.position, loop.carried)
        tokens, scores = choose(logits, allowed, loop.position)
        ends = tokens == EOS
        if guide.begin is not None:
            tokens, scores, ends = _forced(guide, loop.position, logits, tokens, scores, ends)
        tokens = tf.where(loop.ended, PAD, tokens)
        ids = write_at(loop.ids, loop.position, tokens)
        scores = loop.scores + tf.where(loop.ended, 0.0, scores)
        ended = loop.ended | ends | (loop.position + 1 >= guide.limits)
        after = _TokenLoop(loop.position + 1, tokens, ids, scores, ended, state, carried)
        return (with_static_shapes(after, loop),)

    none = tf.zeros([batch], tf.int32)
    ids = tf.zeros([tf.reduce_max(guide.limits), batch], tf.int32)
    start = _TokenLoop(
        tf.constant(0), none, ids, tf.zeros([batch]), none > 0, as_tensors(state), guide.start()
    )
    (end,) = tf.while_loop(go_on, body, (start,))
    ids = tf.transpose(end.ids[: end.position])
    lengths = tf.reduce_sum(tf.cast(ids != PAD, tf.int32), -1)
    if guide.begin_counting is not None:
        lengths -= guide.begin_counting
    normalized = end.scores / length_penalty(lengths, alpha)
    return Hypotheses(ids[:, None], end.scores[:, None], normalized[:, None])


def _forced(
    guide: Guide,
    position: tf.Tensor,
    logits: tf.Tensor,
    tokens: tf.Tensor,
    scores: tf.Tensor,
    ends: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Tokens, scores and ends, with the prefix's where an output is inside of it."""
    inside, given = guide.forced(position)
    given_scores = log_probability(logits, given) if guide.scored else 0.0
    tokens = tf.where(inside, given, tokens)
    return tokens, tf.where(inside, given_scores, scores), ends & ~inside


def likeliest(logits: tf.Tensor, allowed: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
    """The likeliest token that may be written and is not padding, and its log-probability.

    Args:
      logits: float32 [R, V].
      allowed: the same with -inf at what is forbidden; None: nothing is.

    Returns:
      int32 [R] and float32 [R].
    """
    allowed = logits if allowed is None else allowed
    free = allowed is logits
    values, tokens = top_tokens(allowed, 2)  # of two, one is not padding
    largest = values[:, :1] if free else tf.reduce_max(logits, -1, keepdims=True)
    total = shifted_log_sum_exp(logits, largest)
    first, second = tf.unstack(values, axis=1)
    token, other = tf.unstack(tokens, axis=1)
    is_padding = token == PAD
    rest = tf.where(is_padding, second - first, 0.0)
    if not free:
        rest += first - largest[:, 0]
    return tf.where(is_padding, other, token), rest - total
