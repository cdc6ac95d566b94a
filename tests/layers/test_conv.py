from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers.conv import ConvBlock, ConvStep
from t2t_mm.layers.separable_conv import SeparableConv


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def randomise(layer) -> None:
    for index, variable in enumerate(layer.trainable_variables):
        variable.assign(random(*variable.shape, seed=index))


def separable(x, conv: SeparableConv) -> np.ndarray:
    taps, pointwise = np.array(conv.depthwise_kernel), np.array(conv.pointwise_kernel)
    reach = (len(taps) - 1) * conv.dilation
    before = reach if conv.padding == "causal" else reach // 2
    padded = np.pad(x, [[0, 0], [before, reach - before], [0, 0]])
    length = x.shape[1]
    starts = [tap * conv.dilation for tap in range(len(taps))]
    y = sum(tap * padded[:, s : s + length] for tap, s in zip(taps, starts, strict=True))
    return y @ pointwise


def conv_step(x, step: ConvStep, mask) -> np.ndarray:
    y = separable(np.maximum(x, 0) * mask, step.conv)
    y = (y - y.mean(-1, keepdims=True)) / np.sqrt(y.var(-1, keepdims=True) + step.norm.epsilon)
    return y * np.array(step.norm.scale) + np.array(step.norm.bias)


def conv_block(x, block: ConvBlock, mask) -> np.ndarray:
    h1 = conv_step(x, block.steps[0], mask)
    h2 = x + conv_step(h1, block.steps[1], mask)
    h3 = conv_step(h2, block.steps[2], mask)
    return x + conv_step(h3, block.steps[3], mask)


@pytest.mark.parametrize("padding", ["same", "causal"])
def test_separable_conv_values(padding):
    conv = SeparableConv(5, 3, 2, padding)
    conv.build((None, None, 4))
    randomise(conv)
    x = random(2, 9, 4)
    np.testing.assert_allclose(conv(x), separable(x, conv), atol=1e-5)


def test_separable_conv_tells_what_decoding_must_keep():
    assert SeparableConv(4, 15, 8, "causal").past == 112
    assert SeparableConv(4, 15, 1, "same").past == 7


def test_a_wrong_padding_is_refused():
    with pytest.raises(ValueError, match="padding must be one of same, causal, got 'valid'"):
        SeparableConv(4, 3, padding="valid")


@pytest.mark.parametrize("padding", ["same", "causal"])
def test_conv_step_values(padding):
    step = ConvStep(6, 5, 2, padding)
    step.build((None, None, 4))
    randomise(step)
    x, mask = random(2, 12, 4), np.ones((2, 12, 1), "float32")
    mask[1, 8:] = 0
    np.testing.assert_allclose(step(x, position_mask=mask), conv_step(x, step, mask), atol=1e-4)
    np.testing.assert_allclose(step(x), conv_step(x, step, 1.0), atol=1e-4)


@pytest.mark.parametrize("padding", ["same", "causal"])
@pytest.mark.parametrize("length", [5, 30])
def test_conv_block_values(padding, length):
    block = ConvBlock(3, 15, 8, padding, dropout=0.5)
    block.build((None, None, 4))
    randomise(block)
    x, mask = random(2, length, 4), np.ones((2, length, 1), "float32")
    np.testing.assert_allclose(block(x, position_mask=mask), conv_block(x, block, mask), atol=2e-4)


def test_conv_block_windows():
    block = ConvBlock()
    block.build((None, None, 4))
    windows = [(step.kernel_size, step.dilation) for step in block.steps]
    assert windows == [(3, 1), (3, 1), (15, 1), (15, 8)]


def test_both_skips_start_at_the_input():
    """With steps that give zero, h2 = x and h4 = x, so the block is the identity."""
    block = ConvBlock()
    block.build((None, None, 4))
    for step in block.steps:
        step.norm.scale.assign(np.zeros(4))
    x = random(2, 9, 4)
    np.testing.assert_array_equal(block(x), x)


@pytest.mark.parametrize("length", [3, 20, 140])
def test_a_causal_block_never_sees_the_future(length):
    block = ConvBlock(padding="causal")
    block.build((None, None, 4))
    randomise(block)
    x = random(1, length, 4)
    y = np.array(block(x))
    for position in range(1, length, max(1, length // 7)):
        changed = x.copy()
        changed[:, position:] += 5
        np.testing.assert_allclose(block(changed)[:, :position], y[:, :position], atol=1e-5)
        assert not np.allclose(block(changed)[:, position], y[:, position], atol=1e-3)


@pytest.mark.parametrize("length", [3, 8, 20])
def test_padding_changes_nothing_in_an_encoder(length):
    block = ConvBlock(padding="same")
    block.build((None, None, 4))
    randomise(block)
    x = random(1, length, 4)
    y = block(x, position_mask=np.ones((1, length, 1), "float32"))
    for extra in (1, 5, 8, 130):
        padded = np.concatenate([x, 9 * random(1, extra, 4)], axis=1)
        mask = np.zeros((1, length + extra, 1), "float32")
        mask[:, :length] = 1
        np.testing.assert_allclose(block(padded, position_mask=mask)[:, :length], y, atol=1e-5)


def test_dropout_is_on_in_training_only():
    block = ConvBlock(dropout=0.5)
    block.build((None, None, 8))
    x = random(2, 9, 8)
    np.testing.assert_array_equal(block(x), block(x, training=False))
    share = np.mean(np.array(block(x, training=True)) == 0)
    assert 0.3 < share < 0.7


def test_every_variable_gets_a_gradient():
    block = ConvBlock()
    block.build((None, None, 4))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(block(random(2, 20, 4), training=True) * random(2, 20, 4, seed=1))
    variables = [variable.value for variable in block.trainable_variables]
    for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
        assert np.abs(gradient).max() > 0, variable.name


@pytest.mark.parametrize(
    "layer",
    [
        SeparableConv(5, 3, 2, "causal"),
        ConvStep(5, 3, 2, "causal"),
        ConvBlock(5, 9, 4, "causal", 0.3),
    ],
)
def test_config_round_trips(layer):
    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
