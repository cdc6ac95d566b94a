from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers.attention import causal_bias
from t2t_mm.layers.rep import Rep
from t2t_mm.layers.timing import timing_signal
from t2t_mm.models.transformer import Transformer, TransformerLayer
from t2t_mm.registry import HPARAMS, MODELS

WIDTH = 8


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def transformer(**arguments) -> Transformer:
    """A small body, built, with random weights."""
    body = Transformer(
        WIDTH, 12, 2, 2, 2, seed_generator=keras.random.SeedGenerator(1), **arguments
    )
    body.build()
    for index, variable in enumerate(body.trainable_variables):
        variable.assign(0.5 * random(*variable.shape, seed=index) + (variable.name == "scale"))
    return body


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, "float32")


def norm(layer, x):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + layer.epsilon)
    return x * np.array(layer.scale) + np.array(layer.bias)


def attend(layer, queries, keys, values, causal):
    size, outputs = queries.shape[-1] // layer.num_heads, []
    for part in (slice(h * size, (h + 1) * size) for h in range(layer.num_heads)):
        logits = queries[..., part] @ keys[..., part].transpose(0, 2, 1) / np.sqrt(size)
        if causal:
            logits = np.where(np.tril(np.ones(logits.shape[1:], bool)), logits, -np.inf)
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        outputs.append(weights / weights.sum(-1, keepdims=True) @ values[..., part])
    return np.concatenate(outputs, -1) @ np.array(layer.output_kernel)


def layer_by_hand(layer: TransformerLayer, x, causal, memory=None):
    parts = np.split(norm(layer.self_norm, x) @ np.array(layer.self_attention.joint_kernel), 3, -1)
    x = x + attend(layer.self_attention, *parts, causal)
    if memory is not None:
        attention = layer.memory_attention
        queries = norm(layer.memory_norm, x) @ np.array(attention.query_kernel)
        keys, values = np.split(memory @ np.array(attention.memory_kernel), 2, -1)
        x = x + attend(attention, queries, keys, values, False)
    network = layer.feed_forward
    hidden = norm(layer.feed_forward_norm, x) @ np.array(network.kernel_in)
    hidden = np.maximum(hidden + np.array(network.bias_in), 0)
    return x + hidden @ np.array(network.kernel_out) + np.array(network.bias_out)


def test_encode_and_decode_are_the_equations():
    body, x, shifted = transformer(), random(2, 7, WIDTH), random(2, 5, WIDTH, seed=5)
    expected = x + np.array(timing_signal(7, WIDTH))
    for layer in body.encoder:
        expected = layer_by_hand(layer, expected, causal=False)
    memory = norm(body.encoder_norm, expected)
    encoded = body.encode(Rep(x, ones(2, 7)))
    np.testing.assert_allclose(encoded.rep.x, memory, atol=1e-4)
    expected = shifted + np.array(timing_signal(5, WIDTH))
    for layer in body.decoder:
        expected = layer_by_hand(layer, expected, True, memory)
    y, loss = body.decode(encoded, shifted, ones(2, 5))
    np.testing.assert_allclose(y, norm(body.decoder_norm, expected), atol=1e-4)
    assert float(loss) == float(encoded.aux_loss) == 0


def test_an_output_never_sees_the_future():
    body, shifted = transformer(), random(2, 9, WIDTH, seed=5)
    encoded = body.encode(Rep(random(2, 7, WIDTH), ones(2, 7)))
    y = np.array(body.decode(encoded, shifted, ones(2, 9))[0])
    for position in range(1, 9):
        changed = shifted.copy()
        changed[:, position:] = random(2, 9 - position, WIDTH, seed=7)
        z = np.array(body.decode(encoded, changed, ones(2, 9))[0])
        np.testing.assert_allclose(z[:, :position], y[:, :position], atol=1e-5)
        assert not np.allclose(z[:, position], y[:, position], atol=1e-3)


def test_padding_changes_nothing():
    body, x, shifted = transformer(), random(2, 6, WIDTH), random(2, 4, WIDTH, seed=5)
    encoded = body.encode(Rep(x, ones(2, 6), (2, 3)))
    assert encoded.rep.grid == (2, 3)
    y, _ = body.decode(encoded, shifted, ones(2, 4))
    mask = np.pad(ones(2, 6), [[0, 0], [0, 5]])
    padded = np.concatenate([x, random(2, 5, WIDTH, seed=8)], 1)
    also = body.encode(Rep(padded, mask))
    np.testing.assert_allclose(also.rep.x[:, :6], encoded.rep.x, atol=1e-5)
    assert not np.any(also.rep.x[:, 6:])
    padded = np.concatenate([shifted, random(2, 3, WIDTH, seed=9)], 1)
    z, _ = body.decode(also, padded, np.pad(ones(2, 4), [[0, 0], [0, 3]]))
    np.testing.assert_allclose(z[:, :4], y, atol=1e-5)


def test_gradients_reach_every_variable():
    body = transformer(dropout=0.1, attention_dropout=0.1)
    variables = [variable.value for variable in body.trainable_variables]
    with tf.GradientTape() as tape:
        encoded = body.encode(Rep(random(2, 7, WIDTH), ones(2, 7)), training=True)
        y, _ = body.decode(encoded, random(2, 9, WIDTH, seed=5), ones(2, 9), training=True)
        loss = tf.reduce_sum(y * random(2, 9, WIDTH, seed=6))
    gradients = tape.gradient(loss, variables)
    for variable, gradient in zip(body.trainable_variables, gradients, strict=True):
        assert np.abs(gradient).max() > 0, variable.path


def test_build_makes_every_variable_and_one_random_state():
    body = transformer(dropout=0.1)
    before = {id(variable) for variable in body.variables}
    encoded = body.encode(Rep(random(2, 7, WIDTH), ones(2, 7)), training=True)
    y, _ = body.decode(encoded, random(2, 9, WIDTH), ones(2, 9), training=True)
    assert {id(variable) for variable in body.variables} == before
    assert before - {id(variable) for variable in body.trainable_variables} == {
        id(body.seed_generator.state)
    }
    assert not np.allclose(y, body.decode(encoded, random(2, 9, WIDTH), ones(2, 9))[0])


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision(dtype):
    body = Transformer(WIDTH, 12, 2, 1, 1, dtype=dtype)
    body.build()
    encoded = body.encode(Rep(random(2, 7, WIDTH), ones(2, 7)), training=True)
    y, loss = body.decode(encoded, random(2, 9, WIDTH), ones(2, 9), training=True)
    assert y.dtype == dtype.removeprefix("mixed_") and loss.dtype == "float32"
    assert np.isfinite(tf.cast(y, "float32")).all()


def test_from_hparams_and_the_registry():
    hparams = HPARAMS.get("transformer_tiny")()
    generator = keras.random.SeedGenerator(2)
    body = MODELS.get("transformer").from_hparams(hparams, generator)
    assert body.seed_generator is generator
    assert len(body.encoder) == hparams.encoder_layers
    assert body.decoder[0].feed_forward.filter_size == hparams.filter_size


def test_config_round_trips():
    body = transformer(dropout=0.3)
    assert Transformer.from_config(body.get_config()).get_config() == body.get_config()
    layer = TransformerLayer(12, 2, True, 0.1, 0.2)
    assert TransformerLayer.from_config(layer.get_config()).get_config() == layer.get_config()


def test_a_layer_without_memory_has_no_attention_to_it():
    layer = TransformerLayer(12, 2, reads_memory=False)
    layer.build((None, None, WIDTH))
    assert not hasattr(layer, "memory_attention")
    assert layer(random(1, 3, WIDTH), causal_bias(3)).shape == (1, 3, WIDTH)
