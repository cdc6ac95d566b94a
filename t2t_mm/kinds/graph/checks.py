"""Refusals inside a graph: one sentence that names the row."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def require(good: Any, row: Any, *words: Any, of: str = "inputs") -> tf.Operation:
    """Fails with InvalidArgument unless `good`: "assertion failed: [inputs[2] is ...]".

    Args:
      good: bool [].
      row: int [], which input it is.
      words: what is wrong and what is allowed, after "inputs[2] "; strings without quotes, or
        int tensors [].
      of: the signature's argument.

    Returns:
      An operation; what depends on the condition must have it as control dependency.
    """
    parts = [word if isinstance(word, str) else tf.strings.as_string(word) for word in words]
    sentence = tf.strings.join([f"{of}[", tf.strings.as_string(row), "] ", *parts])
    return tf.debugging.Assert(good, [sentence])


def require_all(good: Any, *words: str, of: str = "inputs") -> tf.Operation:
    """`require` for every row of good [B]; names the first bad one."""
    first = tf.reduce_sum(tf.math.cumprod(tf.cast(good, tf.int32)))
    return require(tf.reduce_all(good), first, *words, of=of)
