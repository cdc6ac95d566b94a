"""The two-stage choice of tokens is tf.math.top_k, value for value and token for token."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.search.top_tokens import top_tokens


@pytest.mark.parametrize("size", [7, 640, 1000, 8192])
@pytest.mark.parametrize("count", [1, 2, 6])
def test_equals_top_k(size, count):
    logits = np.random.default_rng(size).normal(size=(5, size)).astype("float32")
    values, tokens = top_tokens(tf.constant(logits), count)
    expected = tf.math.top_k(logits, count)
    np.testing.assert_array_equal(values, expected.values)
    np.testing.assert_array_equal(tokens, expected.indices)


@pytest.mark.parametrize("size", [1000, 8192])
def test_equal_logits_are_taken_in_the_order_of_tokens(size):
    random = np.random.default_rng(0)
    logits = random.integers(0, 3, (20, size)).astype("float32")
    logits[0] = 1.0
    logits[1, :-3] = -np.inf  # fewer than asked for
    values, tokens = top_tokens(tf.constant(logits), 6)
    expected = tf.math.top_k(logits, 6)
    np.testing.assert_array_equal(values, expected.values)
    np.testing.assert_array_equal(tokens, expected.indices)
