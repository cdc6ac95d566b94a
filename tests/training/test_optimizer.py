"""The optimizers against numpy, over several groups and steps."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.registry import OPTIMIZERS
from t2t_mm.runs.groups import parts, sizes
from t2t_mm.training import flat_groups
from t2t_mm.training.optimizer import Adam, Momentum

RATE = 0.01


def numpy_adam(
    gradients: list[np.ndarray], start: np.ndarray, b1: float, b2: float, eps: float
) -> np.ndarray:
    x, m, v = start.astype(np.float64), 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        x = x - RATE * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + eps)
    return x


def test_adam_is_adam_and_groups_count_their_own_steps() -> None:
    hparams = HParams()
    rng = np.random.default_rng(0)
    adam = Adam(hparams)
    slots = adam.build({"a": 5, "b": 3})
    assert set(slots) == {"a/m", "a/v", "a/steps", "b/m", "b/v", "b/steps"}
    update = tf.function(adam.update)
    start = {"a": rng.normal(size=5), "b": rng.normal(size=3)}
    now = {name: tf.Variable(value, dtype=tf.float32) for name, value in start.items()}
    seen: dict[str, list[np.ndarray]] = {"a": [], "b": []}
    for group in "aababbbaaa":
        gradient = rng.normal(size=now[group].shape).astype(np.float32)
        seen[group].append(gradient)
        now[group].assign_add(update(group, tf.constant(gradient), tf.constant(RATE)))
    for group, gradients in seen.items():
        wanted = numpy_adam(
            gradients, start[group], hparams.adam_beta1, hparams.adam_beta2, hparams.adam_epsilon
        )
        np.testing.assert_allclose(now[group].numpy(), wanted, rtol=1e-5, atol=1e-6)
        assert slots[f"{group}/steps"].numpy() == len(gradients)


def test_momentum() -> None:
    momentum = Momentum(HParams().replace(adam_beta1=0.5))
    momentum.build({"a": 1})
    changes = [
        float(momentum.update("a", tf.constant([g]), tf.constant(0.1))[0]) for g in (1.0, 1.0, 0.0)
    ]
    assert changes == pytest.approx([-0.1, -0.15, -0.075])


def test_declared_names_and_range() -> None:
    assert {"adam", "momentum"} <= set(OPTIMIZERS.names())
    with pytest.raises(HParamError, match="'adam_beta1' must be at least 0 and below 1, got 1.0"):
        Adam(HParams().replace(adam_beta1=1.0))


def ones(*shape: int) -> keras.Variable:
    return keras.Variable(np.ones(shape), dtype="float32")


def variables() -> dict[str, list[keras.Variable]]:
    return {"a": [ones(2, 3), ones(4)], "b": [ones(2)]}


def test_join_flattens_densifies_and_leaves_untouched_groups_out() -> None:
    groups = variables()
    rows = tf.IndexedSlices(tf.constant([[1.0, 2, 3], [10, 20, 30]]), tf.constant([1, 1]), (2, 3))
    joined = flat_groups.join(groups, {"a": [rows, None], "b": [None]})
    assert set(joined) == {"a"}
    np.testing.assert_array_equal(joined["a"], [0, 0, 0, 11, 22, 33, 0, 0, 0, 0])


@pytest.mark.parametrize(("clip", "length"), [(2.0, 2.0), (100.0, 5.0)])
def test_clipping_by_global_norm(clip: float, length: float) -> None:
    joined = {"a": tf.constant([3.0, 0.0]), "b": tf.constant([0.0, 4.0])}
    norm = flat_groups.global_norm(joined)
    assert float(norm) == pytest.approx(5.0)
    clipped = flat_groups.scale(joined, flat_groups.clip_factor(norm, clip))
    assert float(flat_groups.global_norm(clipped)) == pytest.approx(length)
    np.testing.assert_allclose(clipped["a"][0] / clipped["b"][1], 0.75, rtol=1e-6)


def test_add_splits_and_decays_matrices_alone() -> None:
    group = variables()["a"]
    delta = tf.range(10, dtype=tf.float32)
    flat_groups.add(group, delta, tf.constant(0.5), 0.2)
    np.testing.assert_allclose(group[0].numpy(), 1 + np.arange(6).reshape(2, 3) - 0.1)
    np.testing.assert_allclose(group[1].numpy(), 1 + np.arange(6, 10))


def test_parts_are_touched_as_a_whole_or_not_at_all() -> None:
    groups = variables()
    first, second = groups["a"]
    other = groups["b"][0]
    found = parts(groups, [[first, other], [first, second, other]], staged="body")
    assert {name: len(part) for name, part in found.items()} == {"a/0": 1, "a/1": 1, "b": 1}
    assert found["a/0"] == [first] and found["a/1"] == [second]
    assert sizes(found) == {"a/0": 6, "a/1": 4, "b": 2}
