"""Search: which tokens to write, given a function that scores the next one. Graph functions.

A search knows neither model nor vocabulary. It asks a `Step` for logits and hands it the state
that the step gave before. Here are the contract, greedy search and the loop that writes one
hypothesis for each input; beam.py keeps several, sampling.py draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from t2t_mm.decoding.top_tokens import top_tokens
from t2t_mm.kinds.vocabulary import EOS, PAD

NEVER = -float("inf")  # the log-probability of what does not exist


class Step(Protocol):
    """Scores the next token of every hypothesis."""

    def __call__(self, tokens: tf.Tensor, position: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
        """Scores what may stand at a position.

        Args:
          tokens: int32 [R], what stands before it; 0 at position 0, and after an EOS. R counts
            hypotheses, those of one input side by side.
          position: int32 [], 0 for the first token.
          state: any structure of tensors [R, ...] whose shapes stay the same.

        Returns:
          The logits of the token at `position`, [R, V], and the next state.
        """


class Hypotheses(NamedTuple):
    """What a search found: N hypotheses for each of B inputs, best first.

    Attributes:
      ids: int32 [B, N, T], each row with its EOS unless it was cut at its limit; then 0. A row
        without any token is no hypothesis: there were fewer than N.
      scores: float32 [B, N], natural logarithm of each hypothesis's probability; -inf for none.
      normalised: float32 [B, N], what they are ranked by: scores / length_penalty.
    """

    ids: tf.Tensor
    scores: tf.Tensor
    normalised: tf.Tensor


Reorder = Callable[[Any, tf.Tensor], Any]
Choose = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def length_penalty(length: tf.Tensor, alpha: float) -> tf.Tensor:
    """GNMT's ((5 + length) / 6) ** alpha (arXiv 1609.08144, equation 14), float32.

    As in Tensor2Tensor, the length counts the tokens written, EOS included: 1 for an empty output.
    """
    return ((5.0 + tf.cast(length, tf.float32)) / 6.0) ** alpha


def greedy(step: Step, state: Any, limits: tf.Tensor, alpha: float = 0.0) -> Hypotheses:
    """Writes the likeliest token at every position until all sequences have ended.

    Padding is never written. Of equally likely tokens the one with the lowest id is taken. A row
    does not depend on the others of its batch.

    Args:
      step: scores the next token.
      state: the step's first state, () for none.
      limits: int32 [B], tokens that each sequence may have at most, the EOS included; >= 1.
      alpha: of the length penalty in `normalised`.

    Returns:
      N = 1.
    """
    return one_by_one(step, state, limits, lambda logits, _: likeliest(logits), alpha)


class _Loop(NamedTuple):
    position: tf.Tensor  # int32 []
    tokens: tf.Tensor  # int32 [B], the last ones
    ids: tf.Tensor  # int32 [T, B]
    scores: tf.Tensor  # float32 [B]
    ended: tf.Tensor  # bool [B]
    state: Any


def one_by_one(
    step: Step, state: Any, limits: tf.Tensor, choose: Choose, alpha: float = 0.0
) -> Hypotheses:
    """Writes one token of every sequence after the other; see `greedy`.

    Args:
      step, state, limits, alpha: as for greedy.
      choose: from logits [B, V] (float32) and the position to tokens, int32 [B], and their
        log-probabilities, float32 [B].
    """
    batch = tf.size(limits)

    def go_on(loop: _Loop) -> tf.Tensor:
        return ~tf.reduce_all(loop.ended)

    def body(loop: _Loop) -> tuple[_Loop]:
        logits, state = step(loop.tokens, loop.position, loop.state)
        tokens, scores = choose(tf.cast(logits, tf.float32), loop.position)
        tokens = tf.where(loop.ended, PAD, tokens)
        ids = write_at(loop.ids, loop.position, tokens)
        scores = loop.scores + tf.where(loop.ended, 0.0, scores)
        ended = loop.ended | (tokens == EOS) | (loop.position + 1 >= limits)
        after = _Loop(loop.position + 1, tokens, ids, scores, ended, state)
        return (same_shapes(after, loop),)

    none = tf.zeros([batch], tf.int32)
    ids = tf.zeros([tf.reduce_max(limits), batch], tf.int32)
    start = _Loop(tf.constant(0), none, ids, tf.zeros([batch]), none > 0, as_tensors(state))
    (end,) = tf.while_loop(go_on, body, (start,))
    ids = tf.transpose(end.ids[: end.position])
    lengths = tf.reduce_sum(tf.cast(ids != PAD, tf.int32), -1)
    normalised = end.scores / length_penalty(lengths, alpha)
    return Hypotheses(ids[:, None], end.scores[:, None], normalised[:, None])


def gather_rows(state: Any, rows: tf.Tensor) -> Any:
    """The state in which row i goes on from the past of row rows[i], int32 [R]."""
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), state)


def as_tensors(state: Any) -> Any:
    """A structure of tensors, for a loop's start."""
    return tf.nest.map_structure(tf.convert_to_tensor, state)


def same_shapes(after: Any, before: Any) -> Any:
    """What a loop's body gives, with the static shapes that it was given: it may know less."""

    def fix(new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
        new = tf.convert_to_tensor(new)
        new.set_shape(old.shape)
        return new

    return tf.nest.map_structure(fix, after, before)


def likeliest(logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The likeliest token that is not padding, and its log-probability.

    Args:
      logits: float32 [R, V].

    Returns:
      int32 [R] and float32 [R].
    """
    values, tokens = top_tokens(logits, 2)  # of two, one is not padding
    total = log_total(logits, values[:, :1])
    first, second = tf.unstack(values, axis=1)
    token, other = tf.unstack(tokens, axis=1)
    is_padding = token == PAD
    rest = tf.where(is_padding, second - first, 0.0)
    return tf.where(is_padding, other, token), rest - total


def log_total(logits: tf.Tensor, largest: tf.Tensor) -> tf.Tensor:
    """log sum exp(logits - largest): logits [R, V], largest [R, 1] -> [R], never below 0."""
    return tf.math.log(tf.reduce_sum(tf.exp(logits - largest), -1))


def write_at(buffer: tf.Tensor, position: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """The buffer [T, ...] with values [...] at a position."""
    return tf.tensor_scatter_nd_update(buffer, tf.reshape(position, [1, 1]), values[None])
