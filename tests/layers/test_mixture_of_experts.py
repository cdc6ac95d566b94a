from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers import moe as mixture_of_experts
from t2t_mm.layers.moe import (
    MixtureOfExperts,
    cv_squared,
    prob_in_top_k,
)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def mixture(experts: int = 6, k: int = 2, width: int = 4, **arguments) -> MixtureOfExperts:
    """A built mixture with random weights."""
    layer = MixtureOfExperts(
        experts, 8, k, seed_generator=keras.random.SeedGenerator(1), **arguments
    )
    layer.build((None, None, width))
    for index, variable in enumerate(layer.trainable_variables):
        variable.assign(random(*variable.shape, seed=index))
    return layer


def over_all_experts(layer: MixtureOfExperts, x, mask):
    """The mixture without sparsity: every expert on every position, times its gate or zero."""
    logits = tf.einsum("bld,de->ble", x, layer.gate_kernel.value)
    best, chosen = tf.math.top_k(logits, layer.k)
    gates = tf.einsum("blk,blke->ble", tf.nn.softmax(best), tf.one_hot(chosen, layer.num_experts))
    hidden = tf.nn.relu(tf.einsum("bld,edf->blef", x, layer.expert_in.value))
    outputs = tf.einsum("blef,efd->bled", hidden, layer.expert_out.value)
    return tf.einsum("bled,ble->bld", outputs, gates * mask[:, :, None])


@pytest.mark.parametrize("experts, k", [(6, 2), (3, 1), (4, 4), (30, 2)])
def test_sparse_equals_dense_forward_and_backward(experts, k):
    layer = mixture(experts, k, loss_coef=0.0)
    x, mask = tf.constant(random(3, 7, 4)), np.ones((3, 7), "float32")
    mask[1, 4:], mask[2, 1:] = 0, 0
    upstream = random(3, 7, 4, seed=9)
    variables = [layer.expert_in.value, layer.expert_out.value]
    if k > 1:  # with one expert its gate is 1, and learns from noise and balance alone
        variables.append(layer.gate_kernel.value)
    results = []
    for function in (lambda: layer(x, mask)[0], lambda: over_all_experts(layer, x, mask)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function()
            loss = tf.reduce_sum(y * upstream)
        results.append([y, *tape.gradient(loss, [x, *variables])])
    for ours, expected in zip(*results, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-3, rtol=1e-4)


def test_it_runs_in_a_graph_of_unknown_shape():
    layer = mixture()

    @tf.function(input_signature=[tf.TensorSpec([None, None, 4]), tf.TensorSpec([None, None])])
    def run(x, mask):
        return layer(x, mask)[0]

    for length in (1, 5):
        x, mask = random(2, length, 4), np.ones((2, length), "float32")
        np.testing.assert_allclose(run(x, mask), over_all_experts(layer, x, mask), atol=1e-4)


def test_all_padding_is_no_error():
    y, _ = mixture()(random(2, 3, 4), np.zeros((2, 3), "float32"))
    np.testing.assert_array_equal(y, np.zeros((2, 3, 4)))


@pytest.mark.parametrize("experts", [3, 40])
def test_experts_compute_k_rows_a_real_position_however_many_they_are(monkeypatch, experts):
    rows = []
    plain = mixture_of_experts.grouped_matmul

    def counting(sent, weights, sizes):
        rows.append((int(sent.shape[0]), int(tf.reduce_sum(sizes))))
        return plain(sent, weights, sizes)

    monkeypatch.setattr(mixture_of_experts, "grouped_matmul", counting)
    mask = np.ones((2, 10), "float32")
    mask[1, 6:] = 0
    mixture(experts)(random(2, 10, 4), mask, training=True)
    assert rows == [(32, 32), (32, 32)]


def test_no_position_is_dropped_when_all_choose_one_expert():
    layer = mixture(5, 1)
    layer.gate_kernel.assign(np.eye(4, 5) * [0, 0, 9, 0, 0])
    x = np.abs(random(2, 50, 4))
    y, _ = layer(x, np.ones((2, 50)))
    hidden = np.maximum(x @ np.array(layer.expert_in)[2], 0)
    np.testing.assert_allclose(y, hidden @ np.array(layer.expert_out)[2], atol=1e-4)


def test_padding_changes_neither_outputs_nor_losses():
    layer = mixture()
    x, mask = random(2, 6, 4), np.ones((2, 6), "float32")
    y, loss = layer(x, mask)
    padded = np.concatenate([x, 9 * random(2, 5, 4)], axis=1)
    z, padded_loss = layer(padded, np.pad(mask, [[0, 0], [0, 5]]))
    np.testing.assert_allclose(z[:, :6], y, atol=1e-6)
    np.testing.assert_array_equal(z[:, 6:], np.zeros((2, 5, 4)))
    np.testing.assert_allclose(padded_loss, loss, rtol=1e-5)


def test_gating_starts_at_zero():
    layer = MixtureOfExperts(6, 8)
    layer.build((None, None, 4))
    assert not np.any(layer.gate_kernel) and not np.any(layer.noise_kernel)
    gating = layer.gate(random(5, 4), np.ones(5, "float32"), training=False)
    np.testing.assert_allclose(gating.gates, np.full((5, 2), 0.5))


def test_gates_are_a_softmax_over_the_k_best_logits():
    layer = mixture(6, 3)
    rows = random(20, 4)
    gating = layer.gate(rows, np.ones(20, "float32"), training=False)
    for row, experts, gates in zip(rows, gating.experts, gating.gates, strict=True):
        logits = row @ np.array(layer.gate_kernel)
        best = np.argsort(-logits)[:3]
        np.testing.assert_array_equal(experts, best)
        np.testing.assert_allclose(gates, np.exp(logits[best]) / np.exp(logits[best]).sum(), 1e-4)


def test_noise_is_drawn_in_training_only_with_the_deviation_of_the_paper():
    layer = mixture(2, 1)
    rows, mask = np.ones((20000, 4), "float32"), np.ones(20000, "float32")
    layer.gate_kernel.assign(np.zeros((4, 2)))
    layer.noise_kernel.assign(np.tile([[0.1, 0.1]], (4, 1)))
    quiet = layer.gate(rows, mask, training=False)
    assert np.ptp(quiet.experts) == 0
    noisy = layer.gate(rows, mask, training=True)
    assert 0.48 < np.mean(noisy.experts) < 0.52
    deviation = math.log1p(math.exp(0.4)) + 1e-2
    layer.gate_kernel.assign([[deviation, 0], [0, 0], [0, 0], [0, 0]])
    # Expert 0 wins where deviation + n0 > n1, with n1 - n0 of deviation sqrt(2) * deviation.
    wins = np.mean(np.array(layer.gate(rows, mask, training=True).experts) == 0)
    assert abs(wins - 0.5 * (1 + math.erf(0.5))) < 0.02


def test_importance_is_the_sum_of_gates_and_load_the_count():
    layer = mixture(5, 2)
    rows, mask = random(12, 4), np.ones(12, "float32")
    mask[9:] = 0
    gating = layer.gate(rows, mask, training=False)
    importance, load = np.zeros(5), np.zeros(5)
    for experts, gates in zip(gating.experts[:9], gating.gates[:9], strict=True):
        for expert, gate in zip(experts.numpy(), gates.numpy(), strict=True):
            importance[expert] += gate
            load[expert] += 1
    np.testing.assert_allclose(gating.importance, importance, atol=1e-5)
    np.testing.assert_array_equal(gating.load, load)


def test_chance_of_top_k_by_hand():
    clean, noisy = random(30, 6), random(30, 6, seed=1)
    deviation = np.exp(random(30, 6, seed=2))
    best = -np.sort(-noisy, axis=-1)[:, :3]
    expected = np.zeros((30, 6))
    for n in range(30):
        for e in range(6):
            others = np.sort(np.delete(noisy[n], e))
            threshold = others[-2]  # the k-th largest among the others, k = 2
            score = (clean[n, e] - threshold) / deviation[n, e]
            expected[n, e] = 0.5 * (1 + math.erf(score / math.sqrt(2)))
    np.testing.assert_allclose(prob_in_top_k(clean, noisy, deviation, best, 2), expected, atol=1e-5)


def test_load_in_training_is_the_sum_of_chances_over_real_positions(monkeypatch):
    layer = mixture(6, 2)
    chances = []
    plain = mixture_of_experts.prob_in_top_k

    def keeping(*arguments):
        chances.append(np.array(plain(*arguments)))
        return chances[-1]

    monkeypatch.setattr(mixture_of_experts, "prob_in_top_k", keeping)
    mask = np.ones(10, "float32")
    mask[7:] = 0
    gating = layer.gate(random(10, 4), mask, training=True)
    np.testing.assert_allclose(gating.load, chances[0][:7].sum(0), rtol=1e-5)
    assert chances[0].min() >= 0 and chances[0].max() <= 1


def test_squared_variation_by_hand():
    assert float(cv_squared(np.array([1.0, 3.0]))) == pytest.approx(1 / 4)
    assert float(cv_squared(np.array([2.0, 2.0, 2.0]))) == 0
    assert float(cv_squared(np.zeros(3))) == 0


def test_the_loss_is_both_variations_times_the_coefficient():
    layer = mixture(5, 2, loss_coef=0.5)
    x, mask = random(2, 6, 4), np.ones((2, 6), "float32")
    gating = layer.gate(x.reshape(12, 4), mask.reshape(12), training=False)
    importance, load = np.array(gating.importance), np.array(gating.load)
    variations = [values.var() / (values.mean() ** 2 + 1e-10) for values in (importance, load)]
    np.testing.assert_allclose(layer(x, mask)[1], 0.5 * sum(variations), rtol=1e-4)


def test_training_balances_the_experts():
    """Gradient descent on the balance losses alone evens out a lopsided gate."""
    layer = mixture(4, 1, loss_coef=1.0)
    layer.gate_kernel.assign(np.tile([[1.0, 0.0, 0.0, 0.0]], (4, 1)))
    layer.noise_kernel.assign(np.zeros((4, 4)))
    x, mask = np.abs(random(8, 16, 4)), np.ones((8, 16), "float32")
    variables = [layer.gate_kernel.value, layer.noise_kernel.value]

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = layer(x, mask, training=True)[1]
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(0.1 * gradient)
        return loss

    losses = [float(step()) for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.3 * np.mean(losses[:5])


def test_every_variable_gets_a_gradient():
    layer = mixture(4, 2)
    variables = [variable.value for variable in layer.trainable_variables]
    with tf.GradientTape() as tape:
        y, loss = layer(random(4, 20, 4), np.ones((4, 20)), training=True)
        total = tf.reduce_sum(y * random(4, 20, 4, seed=3)) + loss
    for variable, gradient in zip(variables, tape.gradient(total, variables), strict=True):
        assert np.abs(gradient).max() > 0, variable.name


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_routes_in_float32(dtype):
    layer = MixtureOfExperts(5, 8, dtype=dtype)
    y, loss = layer(random(2, 3, 4), np.ones((2, 3)), training=True)
    assert y.dtype == dtype.removeprefix("mixed_") and loss.dtype == "float32"
    assert layer.gate(random(2, 4), np.ones(2, "float32"), False).gates.dtype == "float32"


@pytest.mark.parametrize("k", [0, 5])
def test_an_impossible_k_is_refused(k):
    with pytest.raises(ValueError, match=rf"k must lie in \[1, 4\], .* got {k}"):
        MixtureOfExperts(4, 8, k)


def test_config_round_trips():
    layer = MixtureOfExperts(7, 8, 3, 0.1, 0.2)
    assert MixtureOfExperts.from_config(layer.get_config()).get_config() == layer.get_config()
