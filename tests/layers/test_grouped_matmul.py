from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers.grouped_matmul import grouped_matmul


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("sizes", [[3, 0, 4, 1], [0, 0, 8, 0], [2, 2, 2, 2], [0, 0, 0, 0]])
def test_each_group_meets_its_own_matrix(sizes):
    rows, weights = tf.constant(random(sum(sizes), 5)), tf.Variable(random(4, 5, 3, seed=1))
    upstream = random(sum(sizes), 3, seed=2)
    owners = np.repeat(np.arange(4), sizes)
    with tf.GradientTape() as tape:
        tape.watch(rows)
        y = grouped_matmul(rows, weights, tf.constant(sizes))
        loss = tf.reduce_sum(y * upstream)
    drows, dweights = tape.gradient(loss, [rows, weights])
    expected = [row @ weights.numpy()[e] for row, e in zip(rows.numpy(), owners, strict=True)]
    np.testing.assert_allclose(y, np.reshape(expected, (-1, 3)), atol=1e-5)
    backwards = [g @ weights.numpy()[e].T for g, e in zip(upstream, owners, strict=True)]
    np.testing.assert_allclose(drows, np.reshape(backwards, (-1, 5)), atol=1e-5)
    for expert in range(4):
        mine = owners == expert
        np.testing.assert_allclose(
            dweights[expert], rows.numpy()[mine].T @ upstream[mine], atol=1e-5
        )


def test_another_backend_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(NotImplementedError, match="tensorflow and jax, not on torch; set KERAS_"):
        grouped_matmul(None, None, None)
