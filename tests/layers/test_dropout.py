from __future__ import annotations

import keras
import numpy as np
import pytest

from t2t_mm.layers.dropout import Dropout


@pytest.mark.parametrize("shape", [(50, 40, 30), (7, 33, 9)])
def test_a_share_is_dropped_and_the_mean_is_kept(shape):
    y = np.array(Dropout(0.3)(np.ones(shape, "float32"), training=True))
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-4)
    deviation = (0.3 * 0.7 / np.prod(shape)) ** 0.5
    assert abs(np.mean(y == 0) - 0.3) < 5 * deviation


def test_nothing_happens_in_evaluation_or_at_rate_zero():
    x = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    np.testing.assert_array_equal(Dropout(0.5)(x, training=False), x)
    np.testing.assert_array_equal(Dropout(0.0)(x, training=True), x)


def test_draws_differ_and_repeat_with_the_generator():
    def draws() -> list[np.ndarray]:
        layer = Dropout(0.5, keras.random.SeedGenerator(3))
        return [np.array(layer(np.ones((8, 8), "float32"), training=True)) for _ in range(2)]

    first, second = draws(), draws()
    np.testing.assert_array_equal(first, second)
    assert (first[0] != first[1]).any()


def test_two_layers_share_one_state():
    generator = keras.random.SeedGenerator(3)
    one, two = Dropout(0.5, generator), Dropout(0.5, generator)
    x = np.ones((8, 8), "float32")
    assert (np.array(one(x, training=True)) != np.array(two(x, training=True))).any()
    assert one.seed_generator is two.seed_generator


def test_half_precision():
    y = Dropout(0.5, dtype="mixed_float16")(np.ones((8, 8), "float16"), training=True)
    assert y.dtype == "float16" and set(np.unique(y)) == {0.0, 2.0}


def test_a_rate_of_one_is_refused():
    with pytest.raises(ValueError, match=r"a dropout rate must lie in \[0, 1\), got 1"):
        Dropout(1)
