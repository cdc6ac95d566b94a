"""Cross-entropy and metrics against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.modalities import loss as losses


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def log_softmax(z):
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def smoothed_labels(targets, classes, eps):
    labels = np.full((len(targets), classes), eps / (classes - 1), "float32")
    labels[np.arange(len(targets)), targets] = 1 - eps
    return labels


@pytest.mark.parametrize("eps", [0.0, 0.1])
def test_cross_entropy_and_its_gradient(eps):
    z, targets = tf.constant(5 * random(6, 11)), np.array([0, 3, 10, 3, 7, 1])
    labels = smoothed_labels(targets, 11, eps)
    weights = np.array([1, 0, 2, 1, 1, 0.5], "float32")
    with tf.GradientTape() as tape:
        tape.watch(z)
        got = losses.smoothed_cross_entropy(z, targets, eps)
        total = tf.reduce_sum(got * weights)
    np.testing.assert_allclose(got, -(labels * log_softmax(z.numpy())).sum(-1), rtol=1e-5)
    want = (np.exp(log_softmax(z.numpy())) - labels) * weights[:, None]
    np.testing.assert_allclose(tape.gradient(total, z), want, atol=1e-6)


@pytest.mark.parametrize("eps", [0.0, 0.1])
def test_other_backends_formula_gives_the_same(monkeypatch, eps):
    z, targets = 5 * random(6, 11), np.array([0, 3, 10, 3, 7, 1])
    want = losses.smoothed_cross_entropy(z, targets, eps)
    monkeypatch.setattr(losses.keras.backend, "backend", lambda: "jax")
    np.testing.assert_allclose(losses.smoothed_cross_entropy(z, targets, eps), want, rtol=1e-5)


def test_large_logits_and_half_precision_stay_finite():
    z = tf.constant([[1e4, -1e4, 0.0], [0.0, 1e4, -1e4]])
    np.testing.assert_allclose(losses.smoothed_cross_entropy(z, [0, 1], 0.0), [0, 0], atol=1e-6)
    half = losses.smoothed_cross_entropy(tf.cast(random(2, 8), "bfloat16"), [0, 1], 0.1)
    assert half.dtype == tf.float32 and np.isfinite(half).all()


def test_one_class_has_no_other_to_smooth_over():
    np.testing.assert_allclose(losses.smoothed_cross_entropy(random(2, 1), [0, 0], 0.0), [0, 0])


def test_metrics_by_hand():
    logits = np.array(
        [[9, 0, 1, 2, 3, 4, 5], [9, 8, 7, 6, 5, 4, 3], [1, 2, 3, 4, 5, 6, 7]], "float32"
    )
    targets = np.array([0, 5, 2])  # first; sixth; fifth
    found = losses.classification_metrics(logits, targets, np.array([1.0, 1.0, 1.0]))
    assert [float(v) for v in found["accuracy"]] == [1, 3]
    assert [float(v) for v in found["accuracy_top5"]] == [2, 3]
    want = log_softmax(logits)[np.arange(3), targets].sum()
    np.testing.assert_allclose(found["neg_log_perplexity"], [want, 3], rtol=1e-5)
    only_first = losses.classification_metrics(logits, targets, np.array([1.0, 0.0, 0.0]))
    assert [float(v) for v in only_first["accuracy_top5"]] == [1, 1]
