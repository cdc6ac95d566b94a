"""Sampling: answers drawn from the model's distribution, or from its likeliest part.

Each token takes one uniform number, looked up in the cumulated probabilities. All numbers of an
output follow from the seed, the input's own number and the output's among those of the input, so
neither the batch that an input is in, nor its place there, nor how many outputs are drawn for it
changes any of them.
"""

from __future__ import annotations

import tensorflow as tf

from t2t_mm.decoding.search.conditions import UNCONDITIONAL, Conditions
from t2t_mm.decoding.search.contract import Hypotheses, Search, SearchRequest, Step
from t2t_mm.decoding.search.greedy import decode_loop
from t2t_mm.decoding.search.tensors import MINUS_INFINITY, log_probability
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.kinds.vocabulary import PAD
from t2t_mm.tensor import State

_SMALLEST = 1e-30  # a temperature that float32 can divide by


class Sampling(Search):
    """Draws num_decodes outputs of each input; see `sample`."""

    @property
    def beams(self) -> int:
        return self.settings.num_decodes

    def __call__(self, request: SearchRequest) -> Hypotheses:
        step, state, limits, rows = request.step, request.state, request.limits, request.rows
        rows = tf.range(tf.size(limits)) if rows is None else rows
        return sample(step, state, limits, self.settings, rows, request.conditions)


def sample(
    step: Step,
    state: State,
    limits: tf.Tensor,
    settings: DecodeSettings,
    rows: tf.Tensor,
    conditions: Conditions = UNCONDITIONAL,
) -> Hypotheses:
    """Draws outputs of each input, independently of one another; padding is never drawn.

    The scores are those of the model itself, whatever the temperature.

    Args:
      step: as for `greedy`; its R is B * num_decodes.
      state, limits, conditions: as for `greedy`.
      settings: seed, sampling_temp, sampling_keep_top_k, sampling_keep_top_p, num_decodes, alpha.
      rows: int32 [B], the number of each input.

    Returns:
      N = num_decodes, best first; two may be the same. A larger number only adds some.
    """
    count = settings.num_decodes
    if count > 1:
        limits, conditions = tf.repeat(limits, count), conditions.repeated(count)
    longest = tf.reduce_max(limits)
    if conditions.prefix is not None:
        longest += tf.shape(conditions.prefix)[1]
    numbers = _uniform(settings.seed, _numbers(rows, count), longest)

    def choose(
        logits: tf.Tensor, allowed: tf.Tensor, position: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        tokens = draw(allowed, numbers[position], settings)
        return tokens, log_probability(logits, tokens)

    found = decode_loop(step, state, limits, choose, settings.alpha, conditions)
    return found if count == 1 else _best_first(found, count)


def _numbers(rows: tf.Tensor, count: int) -> tf.Tensor:
    """A number for each output, int64 [B * N]: the input's, and above its 32 bits the output's."""
    rows = tf.cast(rows, tf.int64)
    if count == 1:
        return rows
    return tf.reshape(rows[:, None] + tf.range(count, dtype=tf.int64) * 2**32, [-1])


def _best_first(found: Hypotheses, count: int) -> Hypotheses:
    """Sorts the outputs of B * N rows, N of each input, best first."""
    ids, scores, ranks = (
        tf.reshape(part, tf.concat([[-1, count], tf.shape(part)[2:]], 0)) for part in found
    )
    ranks, order = tf.math.top_k(ranks, count)
    ids, scores = (tf.gather(part, order, batch_dims=1) for part in (ids, scores))
    return Hypotheses(ids, scores, ranks)


def _uniform(seed: int, rows: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Numbers in [0, 1), float32 [T, R] for int64 rows; a longer T only adds some."""
    first = tf.constant(seed % 2**63, tf.int64)

    def of(row: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_uniform([length], tf.stack([first, row]))

    spec = tf.TensorSpec([None], tf.float32)
    return tf.transpose(tf.map_fn(of, rows, fn_output_signature=spec))


def draw(logits: tf.Tensor, uniform: tf.Tensor, settings: DecodeSettings) -> tf.Tensor:
    """Draws a token of each row.

    Args:
      logits: float32 [R, V], -inf at what is never drawn.
      uniform: float32 [R], in [0, 1).
      settings: sampling_temp divides the logits; then the sampling_keep_top_k likeliest are kept,
        and of these the fewest that together have sampling_keep_top_p of their probability.

    Returns:
      int32 [R].
    """
    padding = tf.range(tf.shape(logits)[1]) == PAD
    logits = tf.where(padding, MINUS_INFINITY, logits)
    logits -= tf.reduce_max(logits, -1, keepdims=True)  # or a small temperature would overflow
    logits /= max(settings.sampling_temp, _SMALLEST)
    tokens = None
    if settings.sampling_keep_top_k > 0 or settings.sampling_keep_top_p < 1:
        logits, tokens = tf.math.top_k(logits, _kept(logits, settings))
    probabilities = tf.nn.softmax(logits)
    if settings.sampling_keep_top_p < 1:
        before = tf.cumsum(probabilities, -1, exclusive=True)
        probabilities = tf.where(before < settings.sampling_keep_top_p, probabilities, 0.0)
    cumulated = tf.cumsum(probabilities, -1)
    # The token whose stretch of the cumulated probabilities holds the number: none is of length 0.
    passed = cumulated <= (uniform * cumulated[:, -1])[:, None]
    place = tf.reduce_sum(tf.cast(passed, tf.int32), -1)
    return place if tokens is None else tf.gather(tokens, place, batch_dims=1)


def _kept(logits: tf.Tensor, settings: DecodeSettings) -> tf.Tensor:
    size = tf.shape(logits)[1]
    most = settings.sampling_keep_top_k
    return tf.minimum(most, size) if most > 0 else size
