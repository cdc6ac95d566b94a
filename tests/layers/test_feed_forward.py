from __future__ import annotations

import numpy as np

from t2t_mm.layers.feed_forward import FeedForward


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_values():
    layer = FeedForward(5)
    layer.build((None, None, 3))
    for index, variable in enumerate(layer.trainable_variables):
        variable.assign(random(*variable.shape, seed=index))
    w1, b1, w2, b2 = (
        np.array(variable)
        for variable in (layer.kernel_in, layer.bias_in, layer.kernel_out, layer.bias_out)
    )
    x = random(2, 4, 3)
    np.testing.assert_allclose(layer(x), np.maximum(x @ w1 + b1, 0) @ w2 + b2, atol=1e-5)


def test_dropout_in_training_only():
    layer = FeedForward(50, dropout=0.5)
    layer.build((None, None, 3))
    x = random(2, 4, 3)
    np.testing.assert_array_equal(layer(x), layer(x, training=False))
    assert not np.allclose(layer(x), layer(x, training=True))


def test_config_round_trips():
    layer = FeedForward(5, 0.2)
    assert FeedForward.from_config(layer.get_config()).get_config() == layer.get_config()
