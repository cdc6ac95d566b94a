from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers import depthwise
from t2t_mm.layers.depthwise import depthwise_conv


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("float32")


def by_definition(x, kernel, before, after, dilation):
    """A sum of shifted sequences."""
    length = x.shape[1]
    pad = tf.pad if tf.is_tensor(x) else np.pad
    padded = pad(x, [[0, 0], [before * dilation, after * dilation], [0, 0]])
    return sum(
        kernel[tap] * padded[:, tap * dilation : tap * dilation + length]
        for tap in range(before + 1 + after)
    )


@pytest.mark.parametrize("before, after", [(14, 0), (7, 7)])
def test_dropped_taps_change_nothing_at_any_length(before, after):
    kernel = random(15, 4)

    # Of unknown length, as in training: the taps are chosen while it runs.
    @tf.function(input_signature=[tf.TensorSpec([None, None, 4])])
    def convolve(x):
        return depthwise_conv(x, tf.constant(kernel), before, after, 8)

    for length in range(1, 131):
        x = random(2, length, 4)
        expected = by_definition(x, kernel, before, after, 8)
        np.testing.assert_allclose(convolve(x), expected, atol=1e-5, err_msg=f"length {length}")


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("dilation", [1, 3, 8])
@pytest.mark.parametrize("before, after", [(2, 0), (1, 1), (14, 0), (7, 7), (1, 2)])
@pytest.mark.parametrize("length", [1, 7, 8, 12, 17, 120])
def test_values_and_gradients(monkeypatch, large, dilation, before, after, length):
    monkeypatch.setattr(depthwise, "LARGE_KERNEL", 0 if large else 10**9)
    x, kernel = tf.constant(random(2, length, 3)), tf.constant(random(before + 1 + after, 3))
    upstream = random(2, length, 3)[:, ::-1]
    results = []
    for function in (depthwise_conv, by_definition):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = function(x, kernel, before, after, dilation)
            loss = tf.reduce_sum(y * upstream)
        results.append([y, *tape.gradient(loss, [x, kernel])])
    for ours, expected in zip(*results, strict=True):
        np.testing.assert_allclose(ours, expected, atol=5e-5)
