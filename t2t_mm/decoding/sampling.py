"""Sampling: answers drawn from the model's distribution, or from its likeliest part.

Each token takes one uniform number, looked up in the cumulated probabilities. All numbers of an
input follow from the seed and the input's own number, so neither the batch that it is in nor its
place there changes what is drawn for it.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from t2t_mm.decoding.search import NEVER, Hypotheses, Step, log_total, one_by_one
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.kinds.vocabulary import PAD

_SMALLEST = 1e-30  # a temperature that float32 can divide by


def sample(
    step: Step, state: Any, limits: tf.Tensor, settings: DecodeSettings, rows: tf.Tensor
) -> Hypotheses:
    """Draws one output for each input; padding is never drawn.

    The scores are those of the model itself, whatever the temperature.

    Args:
      step, state, limits: as for `search.greedy`.
      settings: seed, sampling_temp, sampling_keep_top_k, sampling_keep_top_p, alpha.
      rows: int32 [B], the number of each input.

    Returns:
      N = 1.
    """
    numbers = _uniform(settings.seed, rows, tf.reduce_max(limits))

    def choose(logits: tf.Tensor, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        tokens = draw(logits, numbers[position], settings)
        largest = tf.reduce_max(logits, -1, keepdims=True)
        chosen = tf.gather(logits, tokens, batch_dims=1)
        return tokens, chosen - largest[:, 0] - log_total(logits, largest)

    return one_by_one(step, state, limits, choose, settings.alpha)


def _uniform(seed: int, rows: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Numbers in [0, 1), float32 [T, B]; a longer T only adds some."""

    seed = tf.constant(seed % 2**63, tf.int64)

    def of(row: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_uniform([length], tf.stack([seed, row]))

    spec = tf.TensorSpec([None], tf.float32)
    return tf.transpose(tf.map_fn(of, tf.cast(rows, tf.int64), fn_output_signature=spec))


def draw(logits: tf.Tensor, uniform: tf.Tensor, settings: DecodeSettings) -> tf.Tensor:
    """Draws a token of each row.

    Args:
      logits: float32 [R, V].
      uniform: float32 [R], in [0, 1).
      settings: sampling_temp divides the logits; then the sampling_keep_top_k likeliest are kept,
        and of these the fewest that together have sampling_keep_top_p of their probability.

    Returns:
      int32 [R].
    """
    padding = tf.range(tf.shape(logits)[1]) == PAD
    logits = tf.where(padding, NEVER, logits)
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
