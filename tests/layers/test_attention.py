from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers.attention import (
    MultiHeadAttention,
    SelfAttention,
    causal_bias,
    padding_bias,
)
from t2t_mm.layers.attention_block import AttentionBlock
from t2t_mm.layers.timing import timing_signal


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def randomise(layer) -> None:
    for index, variable in enumerate(layer.trainable_variables):
        variable.assign(0.5 * random(*variable.shape, seed=index))


def attention(queries, keys, values, heads: int, visible) -> np.ndarray:
    """Head by head; visible [B, T, S] says which key each query may look at."""
    size = queries.shape[-1] // heads
    outputs = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        logits = np.einsum("btd,bsd->bts", queries[..., part], keys[..., part]) / np.sqrt(size)
        logits = np.where(visible, logits, -np.inf)
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        outputs.append(np.einsum("bts,bsd->btd", weights, values[..., part]))
    return np.concatenate(outputs, -1)


def test_attention_values():
    layer = MultiHeadAttention(2)
    layer.build((None, None, 6))
    randomise(layer)
    x, source = random(2, 4, 6), random(2, 5, 6, seed=1)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], "float32")
    keys, values = np.split(source @ np.array(layer.memory_kernel), 2, axis=-1)
    visible = np.broadcast_to(mask[:, None, :] > 0, (2, 4, 5))
    expected = attention(x @ np.array(layer.query_kernel), keys, values, 2, visible)
    np.testing.assert_allclose(
        layer(x, source, padding_bias(mask)),
        expected @ np.array(layer.output_kernel),
        atol=1e-5,
    )


def test_self_attention_values():
    layer = SelfAttention(3)
    layer.build((None, None, 6))
    randomise(layer)
    x = random(2, 5, 6)
    parts = np.split(x @ np.array(layer.joint_kernel), 3, axis=-1)
    visible = np.broadcast_to(np.tril(np.ones((5, 5), bool)), (2, 5, 5))
    expected = attention(*parts, 3, visible) @ np.array(layer.output_kernel)
    np.testing.assert_allclose(layer(x, causal_bias(5)), expected, atol=1e-5)


def test_memory_can_be_computed_once():
    layer = MultiHeadAttention(2)
    layer.build((None, None, 6))
    x, source = random(2, 4, 6), random(2, 5, 6, seed=1)
    keys, values = layer.memory(source)
    assert keys.shape == values.shape == (2, 2, 5, 3)
    for position in range(4):
        one = layer.attend(layer.queries(x[:, position : position + 1]), keys, values, None, False)
        np.testing.assert_allclose(one[:, 0], layer(x, source)[:, position], atol=1e-5)


def test_heads_must_divide_the_width():
    for layer in (MultiHeadAttention(4), SelfAttention(4)):
        with pytest.raises(ValueError, match="4 heads do not divide a width of 6"):
            layer.build((None, None, 6))


def test_dropout_of_weights_in_training_only():
    layer = MultiHeadAttention(2, dropout=0.5)
    layer.build((None, None, 6))
    x = random(2, 4, 6)
    np.testing.assert_array_equal(layer(x, x), layer(x, x, training=False))
    assert not np.allclose(layer(x, x), layer(x, x, training=True))


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_keeps_masks_exact(dtype):
    layer = SelfAttention(2, dtype=dtype)
    layer.build((None, None, 8))
    x = random(1, 6, 8)
    changed = x.copy()
    changed[:, 4:] = 50
    first, second = layer(x, causal_bias(6)), layer(changed, causal_bias(6))
    assert first.dtype == dtype.removeprefix("mixed_")
    np.testing.assert_array_equal(
        tf.cast(first, "float32")[:, :4], tf.cast(second, "float32")[:, :4]
    )


def test_an_input_of_padding_alone_gives_numbers():
    layer = MultiHeadAttention(2, dtype="mixed_float16")
    layer.build((None, None, 6))
    y = layer(random(1, 3, 6), random(1, 2, 6), padding_bias(np.zeros((1, 2))))
    assert np.isfinite(y).all()


@pytest.fixture
def block() -> AttentionBlock:
    layer = AttentionBlock(2)
    layer.build((None, None, 6))
    randomise(layer)
    return layer


def test_attention_block_is_its_parts_in_order(block):
    target, source = random(2, 7, 6), random(2, 5, 6, seed=1)
    masks = padding_bias(np.ones((2, 5))), causal_bias(7)
    h = target + np.array(timing_signal(7, 6))
    h = block.blocks[1](block.blocks[0](h))
    h = block.norm(h + block.self_attention(h, masks[1]))
    expected = block.source_attention(h, source, masks[0])
    np.testing.assert_allclose(block(target, source, *masks), expected, atol=1e-5)


def test_attention_block_never_sees_the_future_of_the_target(block):
    target, source = random(1, 12, 6), random(1, 5, 6, seed=1)
    masks = padding_bias(np.ones((1, 5))), causal_bias(12)
    y = np.array(block(target, source, *masks))
    for position in range(1, 12, 3):
        changed = target.copy()
        changed[:, position:] += 3
        z = np.array(block(changed, source, *masks))
        np.testing.assert_allclose(z[:, :position], y[:, :position], atol=1e-5)


def test_gradients_reach_every_variable(block):
    target, source = random(2, 12, 6), random(2, 5, 6, seed=1)
    variables = [variable.value for variable in block.trainable_variables]
    with tf.GradientTape() as tape:
        y = block(target, source, padding_bias(np.ones((2, 5))), causal_bias(12))
        loss = tf.reduce_sum(y * random(2, 12, 6, seed=2))
    for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
        assert np.abs(gradient).max() > 0, variable.name


@pytest.mark.parametrize(
    "layer",
    [
        MultiHeadAttention(2, 0.1),
        SelfAttention(2, 0.1),
        AttentionBlock(2, 5, 9, 4, 0.1, 0.2),
    ],
)
def test_config_round_trips(layer):
    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
