"""Two-dimensional convolutions and pooling against numpy, and what padding must not change."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers.conv2d import (
    ConvRes,
    ConvStep2D,
    depthwise_conv,
    grid_timing,
    max_pool,
    stride_mask,
)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def randomise(layer) -> None:
    for index, variable in enumerate(layer.trainable_variables):
        variable.assign(random(*variable.shape, seed=index))


def windows(x, window, strides, border=0.0):
    """Yields (output row, output column, window values), windows centred on strided inputs."""
    (h, w), (sh, sw) = window, strides
    pad = [[0, 0], [h // 2, h // 2], [w // 2, w // 2], [0, 0]]
    padded = np.pad(x, pad, constant_values=border)
    for row in range(0, x.shape[1], sh):
        for column in range(0, x.shape[2], sw):
            yield row // sh, column // sw, padded[:, row : row + h, column : column + w]


def slid(x, window, strides, channels, function, border=0.0):
    sides = [-(-n // s) for n, s in zip(x.shape[1:3], strides, strict=True)]
    y = np.zeros((len(x), *sides, channels), "float32")
    for row, column, values in windows(x, window, strides, border):
        y[:, row, column] = function(values)
    return y


def normal(x, norm):
    y = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + norm.epsilon)
    return y * np.array(norm.scale) + np.array(norm.bias)


def conv_step(x, step, mask):
    x = (x if step.raw else np.maximum(x, 0)) * mask
    size, strides = step.kernel_size, step.strides
    if step.kernel is not None:
        kernel = np.array(step.kernel)
        y = slid(x, size, strides, step.filters, partial(np.einsum, "hwcf,bhwc->bf", kernel))
    else:
        if step.depthwise is not None:
            taps = np.array(step.depthwise)[..., 0]
            x = slid(x, size, strides, x.shape[-1], partial(np.einsum, "hwc,bhwc->bc", taps))
        else:
            x = x[:, :: strides[0], :: strides[1]]
        y = x @ np.array(step.pointwise)
    return normal(y if step.bias is None else y + np.array(step.bias), step.norm)


def pooled(x, window, strides, mask):
    x = np.where(mask > 0, x, -np.inf)
    y = slid(x, window, strides, x.shape[-1], lambda v: v.max((1, 2)), -np.inf)
    return np.where(mask[:, :: strides[0], :: strides[1]] > 0, y, 0)


@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
@pytest.mark.parametrize("kernel,strides", [((3, 3), (1, 1)), ((3, 3), (2, 2)), ((3, 3), (2, 1)),
                                            ((1, 1), (2, 2)), ((5, 3), (2, 2))])  # fmt: skip
@pytest.mark.parametrize("raw", [False, True])
def test_conv_step_values(size, kernel, strides, raw):
    x = random(2, *size, 3)
    step = ConvStep2D(5, kernel, strides, raw)
    step.build(x.shape)
    randomise(step)
    mask = np.ones((2, size[0], 1, 1), "float32")
    mask[1, 5:] = 0
    got = step(x, mask)
    want = conv_step(x, step, mask)
    assert got.shape == step.compute_output_shape(x.shape) == want.shape
    np.testing.assert_allclose(got, want, atol=2e-4)


@pytest.mark.parametrize("strides", [(2, 2), (2, 1)])
@pytest.mark.parametrize("raw", [False, True])
def test_conv_res_values(strides, raw):
    x = random(2, 7, 6, 3)
    block = ConvRes(4, strides=strides, raw=raw)
    block.build(x.shape)
    randomise(block)
    mask = np.ones((2, 7, 1, 1), "float32")
    mask[0, 4:] = 0
    h = conv_step(conv_step(x, block.first, mask), block.second, mask)
    want = pooled(h, (3, 3), strides, mask) + conv_step(x, block.skip, mask)
    np.testing.assert_allclose(block(x, mask), want, atol=3e-4)


def test_raw_input_keeps_negative_values():
    x = -np.abs(random(1, 4, 4, 3))
    step, late = ConvStep2D(4, raw=True), ConvStep2D(4)
    assert np.std(step(x)) > 0.1
    np.testing.assert_allclose(late(x), 0, atol=1e-6)


def test_max_pool_sees_neither_border_nor_padding():
    x = -1 - np.abs(random(2, 6, 4, 3))
    mask = np.ones((2, 6, 4, 1), "float32")
    mask[0, 3:] = 0
    got = max_pool(x, (3, 3), (2, 2), mask)
    np.testing.assert_allclose(got, pooled(x, (3, 3), (2, 2), mask), rtol=1e-4)
    assert (np.array(got[1]) < -1 + 1e-3).all()
    np.testing.assert_allclose(
        max_pool(x, (3, 3), (2, 2)), pooled(x, (3, 3), (2, 2), np.ones((2, 6, 4, 1))), rtol=1e-4
    )


@pytest.mark.parametrize("length", [5, 6, 7, 8])
def test_padding_changes_nothing(length):
    x = random(1, length, 4, 3)
    block = ConvRes(6, raw=True)
    block.build(x.shape)
    randomise(block)
    want = block(x)
    for more in (1, 2, 3):
        padded = np.concatenate([x, 100 * random(1, more, 4, 3)], 1)
        mask = np.ones((1, length + more, 1, 1), "float32")
        mask[:, length:] = 0
        got = np.array(block(padded, mask))
        kept = np.array(stride_mask(mask, (2, 2)))
        assert kept.sum() == want.shape[1]
        np.testing.assert_allclose(got[:, : want.shape[1]], want, atol=1e-5)


def test_unequal_strides_of_a_depthwise_convolution():
    x, kernel = random(1, 7, 5, 2), random(3, 3, 2, 1, seed=1)
    full = np.array(depthwise_conv(x, kernel, (1, 1)))
    np.testing.assert_allclose(depthwise_conv(x, kernel, (2, 1)), full[:, ::2], atol=1e-6)


def test_unknown_sides():
    block = ConvRes(4)
    block.build((None, None, None, 3))
    traced = tf.function(block, input_signature=[tf.TensorSpec([None, None, None, 3])])
    for size in ((5, 6), (8, 3)):
        x = random(2, *size, 3)
        np.testing.assert_allclose(traced(x), block(x), atol=1e-5)


def test_grid_timing_tells_rows_from_columns():
    signal = np.array(grid_timing(3, 5, 10))
    assert signal.shape == (3, 5, 10)
    np.testing.assert_allclose(signal[:, 0, :4], signal[:, 4, :4])  # rows: first half
    np.testing.assert_allclose(signal[0, :, 4:8], signal[2, :, 4:8])  # columns: second half
    want = [np.sin(2), np.cos(2), np.sin(3), np.cos(3)]  # the first of two rates is 1
    np.testing.assert_allclose(signal[2, 3, [0, 2, 4, 6]], want, atol=1e-6)
    assert not signal[..., 8:].any()


@pytest.mark.parametrize(
    "layer", [ConvStep2D(5, (3, 1), (2, 1), True, 7), ConvRes(5, (3, 1), (2, 1), True, 7)]
)
def test_config_round_trip_gives_the_same_initial_values(layer):
    other = type(layer).from_config(layer.get_config())
    for each in (layer, other):
        each.build((None, None, None, 3))
    assert len(layer.variables) == len(other.variables) > 0
    for mine, theirs in zip(layer.variables, other.variables, strict=True):
        np.testing.assert_array_equal(mine, theirs)
