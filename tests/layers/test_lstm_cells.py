from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers.attention_lstm import MECHANISMS, AttentionLSTM
from t2t_mm.layers.lstm import LSTMCell, LSTMStack
from t2t_mm.layers.recording import recording
from t2t_mm.layers.recurrence import reverse_real, scan


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def cell_by_hand(cell: LSTMCell, x, h, c):
    gates = np.concatenate([x, h], -1) @ np.array(cell.kernel) + np.array(cell.bias)
    i, f, o, g = np.split(gates, 4, -1)
    c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def randomised(layer):
    for index, variable in enumerate(layer.trainable_variables):
        variable.assign(0.5 * random(*variable.shape, seed=index + 10))
    return layer


def stack(units: int = 4, layers: int = 2, width: int = 3, **arguments) -> LSTMStack:
    layer = LSTMStack(units, layers, seed=1, **arguments)
    layer.build((None, width))
    return randomised(layer)


def mask_of(lengths: list[int], size: int) -> np.ndarray:
    return (np.arange(size) < np.array(lengths)[:, None]).astype("float32")


def test_a_cell_is_the_equations():
    cell = LSTMCell(4)
    cell.build((None, 3))
    randomised(cell)
    x, h, c = random(2, 3), random(2, 4, seed=1), random(2, 4, seed=2)
    got = cell.step(cell.prepare(), x, (tf.constant(h), tf.constant(c)))
    for mine, expected in zip(got, cell_by_hand(cell, x, h, c), strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-5)


def test_it_has_the_parameters_of_the_formula_and_starts_with_their_variance():
    cell = LSTMCell(128, seed=3)
    cell.build((None, 256))
    assert cell.count_params() == 4 * ((256 + 128) * 128 + 128)
    assert np.std(cell.kernel) == pytest.approx((256 + 128) ** -0.5, rel=0.02)
    assert not np.any(cell.bias)


def test_a_stack_is_its_cells_position_by_position():
    layer, x = stack(), random(2, 5, 3)
    got, last = layer(x)
    states = [(np.zeros((2, 4)), np.zeros((2, 4))) for _ in layer.cells]
    for t in range(5):
        y = x[:, t]
        for number, cell in enumerate(layer.cells):
            states[number] = cell_by_hand(cell, y, *states[number])
            y = states[number][0]
        np.testing.assert_allclose(got[:, t], y, atol=1e-5)
    for mine, expected in zip(last, states, strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-5)


def test_a_row_stops_at_its_own_length():
    layer, x = stack(), random(3, 6, 3)
    y, state = layer(x, position_mask=mask_of([6, 2, 0], 6))
    alone, last = layer(x[1:2, :2])
    np.testing.assert_allclose(y[1:2, :2], alone, atol=1e-6)
    assert not np.any(y[1, 2:]) and not np.any(y[2])
    for (h, c), (own_h, own_c) in zip(state, last, strict=True):
        np.testing.assert_allclose(h[1:2], own_h, atol=1e-6)
        np.testing.assert_allclose(c[1:2], own_c, atol=1e-6)
        assert not np.any(h[2])


def test_it_goes_on_from_a_state():
    layer, x = stack(), random(2, 7, 3)
    whole, _ = layer(x)
    first, state = layer(x[:, :3])
    rest, _ = layer(x[:, 3:], state=state)
    np.testing.assert_allclose(np.concatenate([first, rest], 1), whole, atol=1e-6)


def test_dropout_is_on_the_inputs_and_draws_anew_at_each_position():
    layer = stack(1, 1, 1, dropout=0.5, seed_generator=keras.random.SeedGenerator(2))
    masks = layer.masks(3, 60, True)
    assert len(masks) == 1 and layer.masks(3, 60, False) == ()
    assert set(np.unique(masks[0])) == {0.0, 2.0}
    assert np.mean(masks[0]) == pytest.approx(1.0, abs=0.25)
    x = random(3, 60, 1)
    before = np.array(layer.dropout.seed_generator.state)
    y, _ = layer(x, training=True)
    layer.dropout.seed_generator.state.assign(before)
    dropped = x * np.transpose(layer.masks(3, 60, True)[0], (1, 0, 2))
    np.testing.assert_allclose(y, layer(dropped)[0], atol=1e-6)


def test_it_runs_with_unknown_sizes_and_repeats_to_the_bit():
    layer = stack(8, 2, 3)

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3]), tf.TensorSpec([None, None])])
    def step(x, mask):
        with tf.GradientTape() as tape:
            y, state = layer(x, position_mask=mask)
            loss = tf.reduce_sum(y**2) + tf.reduce_sum(state[0][1])
        return y, *tape.gradient(loss, [v.value for v in layer.trainable_variables])

    x, mask = random(5, 9, 3), mask_of([9, 3, 5, 1, 8], 9)
    first, second = step(x, mask), step(x, mask)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert first[0].shape == (5, 9, 8) and step(x[:2, :4], mask[:2, :4])[0].shape == (2, 4, 8)


def test_reversing_keeps_padding_at_the_end(monkeypatch):
    x, mask = random(3, 5, 2), mask_of([5, 2, 0], 5)
    expected = x.copy()
    expected[0], expected[1, :2] = x[0, ::-1], x[1, 1::-1]
    np.testing.assert_array_equal(reverse_real(x, mask), expected)
    np.testing.assert_array_equal(reverse_real(reverse_real(x, mask), mask), x)
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    np.testing.assert_array_equal(reverse_real(x, mask), expected)


def test_scan_hands_nested_states_on():
    xs = {"a": tf.constant(random(4, 2, 3)), "b": (tf.constant(random(4, 2, 3, seed=1)),)}

    def step(state, x):
        total = state["total"][0] + x["a"] * x["b"][0]
        return {"total": (total,)}, total

    ys, last = scan(step, {"total": (tf.zeros((2, 3)),)}, xs, 3, "float32")
    np.testing.assert_allclose(ys, np.cumsum(xs["a"] * xs["b"][0], 0), atol=1e-5)
    np.testing.assert_array_equal(last["total"][0], ys[-1])


def attend_by_hand(mechanism, kind, query, source, mask):
    keys = source @ np.array(mechanism.memory_kernel)
    if kind == "bahdanau":
        hidden = np.tanh(keys + (query @ np.array(mechanism.query_kernel))[:, None])
        scores = hidden @ np.array(mechanism.v)
    else:
        scores = np.einsum("bd,bsd->bs", query, keys)
    scores = np.where(mask > 0, scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return np.einsum("bs,bsd->bd", weights, source), weights


@pytest.mark.parametrize("kind", MECHANISMS)
@pytest.mark.parametrize("heads,output_attention", [(1, True), (2, True), (2, False)])
def test_attention_is_the_equations_and_is_fed_back(kind, heads, output_attention):
    layer = AttentionLSTM(4, 2, kind, heads, 4 if heads == 1 else 3, output_attention)
    layer.build((3, 5))
    randomised(layer)
    x, source, mask = random(2, 6, 3), random(2, 7, 5, seed=1), mask_of([7, 4], 7)
    start = [(random(2, 4, seed=n), random(2, 4, seed=n + 2)) for n in (3, 4)]
    state = tuple(tuple(tf.constant(part) for part in pair) for pair in start)
    with recording() as seen:
        got = layer(x, source, mask, state)
    ((_, weights),) = seen.attention
    attention = np.zeros((2, layer.attention_size))
    for t in range(6):
        y = np.concatenate([x[:, t], attention], -1)
        for number, cell in enumerate(layer.stack.cells):
            start[number] = cell_by_hand(cell, y, *start[number])
            y = start[number][0]
        vectors = []
        for number, mechanism in enumerate(layer.mechanisms):
            context, looked = attend_by_hand(mechanism, kind, y, source, mask)
            np.testing.assert_allclose(weights[:, number, t], looked, atol=1e-5)
            both = np.concatenate([y, context], -1)
            vectors.append(both @ np.array(layer.kernels[number]))
        attention = np.concatenate(vectors, -1)
        if output_attention:
            y = attention
        if layer.projection is not None:
            kernel, bias = map(np.array, layer.projection)
            y = attention @ kernel + bias
        np.testing.assert_allclose(got[:, t], y, atol=1e-4)


def test_configs_round_trip():
    for layer in (
        LSTMCell(3, 0.5, 1),
        stack(dropout=0.2),
        AttentionLSTM(4, 1, "luong", 2, 5, False, 0.1, 7),
    ):
        assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
