from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers.normalization import LayerNorm


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.fixture
def norm() -> LayerNorm:
    layer = LayerNorm(epsilon=1e-3)
    layer.build((None, None, 6))
    layer.scale.assign(np.arange(6) + 0.5)
    layer.bias.assign(np.arange(6) - 2.0)
    return layer


def test_values_are_those_of_the_equation(norm):
    x = random(2, 3, 6) * 3 + 1
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    expected = (x - mean) / np.sqrt(variance + 1e-3) * (np.arange(6) + 0.5) + np.arange(6) - 2.0
    np.testing.assert_allclose(norm(x), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 6), (2, 3, 6), (2, 3, 2, 6)])
def test_gradient_is_that_of_automatic_differentiation(norm, shape):
    x, upstream = tf.constant(random(*shape)), tf.constant(random(*shape)[::-1].copy())

    def plain(x):
        centred = x - tf.reduce_mean(x, -1, keepdims=True)
        variance = tf.reduce_mean(centred**2, -1, keepdims=True)
        return centred / tf.sqrt(variance + 1e-3) * norm.scale + norm.bias

    gradients = []
    for function in (norm, plain):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(upstream * function(x))
        gradients.append(tape.gradient(loss, [x, norm.scale.value, norm.bias.value]))
    for ours, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, expected, atol=2e-5)


def test_statistics_are_float32_under_a_float16_policy():
    layer = LayerNorm(dtype="mixed_float16")
    x = random(4, 8) * 10000  # its square overflows float16
    y = layer(x.astype("float16"))
    assert y.dtype == "float16"
    expected = (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)
    np.testing.assert_allclose(y, expected, atol=5e-3)


def test_config_round_trips():
    layer = LayerNorm(epsilon=0.25, name="n")
    twin = LayerNorm.from_config(layer.get_config())
    assert twin.epsilon == 0.25 and twin.name == "n"
    assert isinstance(twin, keras.layers.Layer)
