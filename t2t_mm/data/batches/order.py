"""The order of a split's examples, and their batches: data sets of positions in the split.

What is shuffled are positions, never records, so an iterator's state stays a few numbers.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches.bucketing import Buckets, split_into_batches
from t2t_mm.data.batches.selection import Selection

_FOREVER = 2**62  # epochs


def shuffled(selection: Selection, buckets: Buckets, key: int) -> tf.data.Dataset:
    """Endless batches: each epoch holds every selected example once, in an order of its own.

    Args:
      selection: the examples and their lengths.
      buckets: which lengths go together.
      key: the seed.

    Returns:
      A data set of int64 [B].
    """
    bucket = buckets.indices(selection.lengths)
    order = np.argsort(bucket, kind="stable")
    examples = tf.constant(selection.examples[order])
    high_bits = tf.constant(bucket[order].astype(np.int64) << 32)
    splits = tf.constant(_splits(bucket, buckets))

    @tf.autograph.experimental.do_not_convert  # nothing to convert, and looking takes long
    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        # Sorting by (bucket, random number) shuffles within each bucket. How many examples a
        # bucket has never changes, so neither do the splits.
        within = tf.argsort(high_bits + _random_bits(tf.size(examples), key, 2 * number))
        epoch_examples = tf.gather(examples, within)
        batches = tf.argsort(_random_bits(tf.size(splits) - 1, key, 2 * number + 1))
        return tf.data.Dataset.from_tensor_slices(batches).map(
            lambda i: epoch_examples[splits[i] : splits[i + 1]]
        )

    return tf.data.Dataset.range(_FOREVER).flat_map(epoch)


def longest_first(selection: Selection, buckets: Buckets, most: int | None) -> tf.data.Dataset:
    """Every selected example once, sorted by length: the batch that needs most memory comes first.

    Args:
      selection: the examples and their lengths.
      buckets: which lengths go together.
      most: at most this number of batches, evenly spread over the lengths; None: all.

    Returns:
      A data set of int64 [B].
    """
    order = np.argsort(selection.lengths, kind="stable")
    splits = _splits(buckets.indices(selection.lengths), buckets)
    chosen = np.arange(len(splits) - 1)[::-1]
    if most is not None and most < len(chosen):
        chosen = chosen[np.arange(most) * len(chosen) // most]
    examples, splits = tf.constant(selection.examples[order]), tf.constant(splits)

    @tf.autograph.experimental.do_not_convert
    def batch(i: tf.Tensor) -> tf.Tensor:
        return examples[splits[i] : splits[i + 1]]

    return tf.data.Dataset.from_tensor_slices(chosen).map(batch)


def _splits(bucket: np.ndarray, buckets: Buckets) -> np.ndarray:
    counts = np.bincount(bucket, minlength=len(buckets.bounds))
    return split_into_batches(counts, buckets.batch_sizes)


def _random_bits(count: tf.Tensor, key: int, number: tf.Tensor) -> tf.Tensor:
    """int64 [count] in [0, 2^32)."""
    return tf.random.stateless_uniform(
        tf.reshape(count, [1]),
        tf.stack([tf.constant(key, tf.int64), number]),
        minval=0,
        maxval=2**32,
        dtype=tf.int64,
        alg="philox",
    )
