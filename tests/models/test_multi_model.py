from __future__ import annotations

import inspect
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers.rep import Rep
from t2t_mm.models.body import Body
from t2t_mm.models.multi_model import MultiModel
from t2t_mm.registry import HPARAMS, MODELS

WIDTH = 8


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def multi_model(**arguments) -> MultiModel:
    """A small body with every part, built, with random weights."""
    sizes = {"filter_size": 12, "num_heads": 2, "encoder_blocks": 2, "decoder_blocks": 2}
    generator = keras.random.SeedGenerator(1)
    body = MultiModel(WIDTH, **sizes, num_experts=5, seed_generator=generator, **arguments)
    body.build()
    for index, variable in enumerate(body.trainable_variables):
        variable.assign(0.5 * random(*variable.shape, seed=index) + (variable.name == "scale"))
    return body


def batch(inputs: int = 13, outputs: int = 9) -> tuple[Rep, np.ndarray, np.ndarray]:
    """Two inputs, the second one shorter, and shifted outputs with their mask."""
    mask, target_mask = np.ones((2, inputs), "float32"), np.ones((2, outputs), "float32")
    mask[1, inputs // 2 :] = 0
    target_mask[0, outputs - 2 :] = 0
    return Rep(random(2, inputs, WIDTH), mask), random(2, outputs, WIDTH, seed=5), target_mask


class Numpy:
    """MultiModel's equations (docs/multimodel.md), with the weights of a body; no padding."""

    @staticmethod
    def norm(layer, x):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
        return x * np.array(layer.scale) + np.array(layer.bias)

    def step(self, layer, x):
        taps, dilation, length = np.array(layer.conv.depthwise_kernel), layer.dilation, x.shape[1]
        reach = (len(taps) - 1) * dilation
        before = reach if layer.padding == "causal" else reach // 2
        x = np.pad(np.maximum(x, 0), [[0, 0], [before, reach - before], [0, 0]])
        x = sum(tap * x[:, i * dilation : i * dilation + length] for i, tap in enumerate(taps))
        return self.norm(layer.norm, x @ np.array(layer.conv.pointwise_kernel))

    def block(self, layer, x):
        h = x + self.step(layer.steps[1], self.step(layer.steps[0], x))
        return x + self.step(layer.steps[3], self.step(layer.steps[2], h))

    @staticmethod
    def heads(layer, queries, keys, values, causal):
        size, outputs = queries.shape[-1] // layer.num_heads, []
        for part in (slice(h * size, (h + 1) * size) for h in range(layer.num_heads)):
            logits = queries[..., part] @ keys[..., part].transpose(0, 2, 1) / np.sqrt(size)
            if causal:
                logits = np.where(np.tril(np.ones(logits.shape[1:], bool)), logits, -np.inf)
            weights = np.exp(logits - logits.max(-1, keepdims=True))
            weights /= weights.sum(-1, keepdims=True)
            outputs.append(weights @ values[..., part])
        return np.concatenate(outputs, -1) @ np.array(layer.output_kernel)

    def attention(self, layer, x, source):
        keys, values = np.split(source @ np.array(layer.memory_kernel), 2, -1)
        return self.heads(layer, x @ np.array(layer.query_kernel), keys, values, False)

    def mixture(self, layer, x):
        rows = x.reshape(-1, WIDTH)
        logits = rows @ np.array(layer.gate_kernel)
        y = np.zeros_like(rows)
        for n, row in enumerate(rows):
            best = np.argsort(-logits[n])[: layer.k]
            gates = np.exp(logits[n, best]) / np.exp(logits[n, best]).sum()
            for expert, gate in zip(best, gates, strict=True):
                hidden = np.maximum(row @ np.array(layer.expert_in)[expert], 0)
                y[n] += gate * (hidden @ np.array(layer.expert_out)[expert])
        return y.reshape(x.shape)

    @staticmethod
    def timed(x):
        t, channels = np.arange(x.shape[1])[:, None], np.arange(WIDTH)
        angles = t / 10000.0 ** (2 * (channels // 2) / WIDTH)
        return x + np.where(channels % 2, np.cos(angles), np.sin(angles))

    def encode(self, body, x):
        x = self.block(body.encoder_before[0], self.timed(x))
        x = memory = self.norm(body.encoder_mixture_norm, x + self.mixture(body.encoder_mixture, x))
        x = self.block(body.encoder_after[0], x)
        attended = self.attention(body.encoder_attention, x, memory)
        return self.norm(body.encoder_attention_norm, x + attended)

    def decode(self, body, encoded, shifted):
        block = body.mixer_attention
        h = self.block(block.blocks[1], self.block(block.blocks[0], self.timed(shifted)))
        parts = np.split(h @ np.array(block.self_attention.joint_kernel), 3, -1)
        h = self.norm(block.norm, h + self.heads(block.self_attention, *parts, True))
        attended = self.attention(block.source_attention, h, encoded)
        x = self.step(body.mixer_merge, np.concatenate([attended, shifted], -1))
        for conv in body.mixer_convs:
            x = self.block(conv, x)
        inputs = self.attention(body.decoder_inputs_attention, x, encoded)
        x = self.step(body.decoder_merge, np.concatenate([x, inputs], -1))
        for index in (0, 1):
            if index == 1:
                mixture = self.mixture(body.decoder_mixture, x)
                x = self.norm(body.decoder_mixture_norm, x + mixture)
            x = self.block(body.decoder_convs[index], x)
            attended = self.attention(body.decoder_attentions[index], x, encoded)
            x = self.norm(body.decoder_norms[index], x + attended)
        return x


def test_encode_and_decode_are_the_equations():
    body, x, shifted = multi_model(), random(2, 20, WIDTH), random(2, 11, WIDTH, seed=5)
    encoded = body.encode(Rep(x, np.ones((2, 20), "float32")))
    expected = Numpy().encode(body, x)
    np.testing.assert_allclose(encoded.rep.x, expected, atol=2e-3)
    y, _ = body.decode(encoded, shifted, np.ones((2, 11), "float32"))
    np.testing.assert_allclose(y, Numpy().decode(body, expected, shifted), atol=5e-3)


def test_the_contract():
    body = multi_model()
    rep, shifted, mask = batch()
    encoded = body.encode(rep._replace(grid=(1, 13)), training=True)
    assert isinstance(body, Body)
    assert encoded.rep.grid == (1, 13) and encoded.rep.mask is rep.mask
    assert encoded.rep.x.shape == (2, 13, WIDTH) and encoded.aux_loss.shape == ()
    assert not np.any(np.array(encoded.rep.x)[rep.mask == 0])
    y, loss = body.decode(encoded, shifted, mask, training=True)
    assert y.shape == (2, 9, WIDTH) and float(loss) > 0 and float(encoded.aux_loss) > 0


@pytest.mark.parametrize("outputs", [6, 30, 130])
@pytest.mark.parametrize("use_attention", [True, False])
def test_an_output_never_sees_the_future(outputs, use_attention):
    body = multi_model(use_attention=use_attention)
    rep, shifted, _ = batch(outputs=outputs)
    mask = np.ones((2, outputs), "float32")
    encoded = body.encode(rep)
    y = np.array(body.decode(encoded, shifted, mask)[0])
    for position in {1, outputs // 2, outputs - 1}:
        changed = shifted.copy()
        changed[:, position:] = random(2, outputs - position, WIDTH, seed=7)
        z = np.array(body.decode(encoded, changed, mask)[0])
        np.testing.assert_allclose(z[:, :position], y[:, :position], atol=1e-5)
        assert not np.allclose(z[:, position], y[:, position], atol=1e-3)


@pytest.mark.parametrize("use_attention", [True, False])
@pytest.mark.parametrize("inputs, outputs", [(3, 2), (7, 9), (20, 16)])
def test_padding_changes_nothing(inputs, outputs, use_attention):
    body = multi_model(use_attention=use_attention)
    x, shifted = random(2, inputs, WIDTH), random(2, outputs, WIDTH, seed=5)
    mask, target_mask = np.ones((2, inputs), "float32"), np.ones((2, outputs), "float32")
    encoded = body.encode(Rep(x, mask))
    y, loss = body.decode(encoded, shifted, target_mask)
    for extra in (1, 8, 115):
        more = [[0, 0], [0, extra]]
        padded = np.concatenate([x, 5 * random(2, extra, WIDTH, seed=8)], 1)
        also = body.encode(Rep(padded, np.pad(mask, more)))
        np.testing.assert_allclose(also.rep.x[:, :inputs], encoded.rep.x, atol=1e-5)
        np.testing.assert_allclose(also.aux_loss, encoded.aux_loss, rtol=1e-4)
        padded = np.concatenate([shifted, 5 * random(2, extra, WIDTH, seed=9)], 1)
        z, padded_loss = body.decode(also, padded, np.pad(target_mask, more))
        np.testing.assert_allclose(z[:, :outputs], y, atol=1e-5)
        np.testing.assert_allclose(padded_loss, loss, rtol=1e-4)


@pytest.mark.parametrize("use_attention", [True, False])
@pytest.mark.parametrize("use_moe", [True, False])
def test_outputs_depend_on_inputs_in_every_ablation(use_attention, use_moe):
    body = multi_model(use_attention=use_attention, use_moe=use_moe)
    rep, shifted, mask = batch()
    names = {variable.path for variable in body.trainable_variables}
    assert any("expert_in" in name for name in names) == use_moe
    assert any("query_kernel" in name for name in names) == use_attention
    y, loss = body.decode(body.encode(rep), shifted, mask)
    z, _ = body.decode(body.encode(rep._replace(x=rep.x[::-1].copy())), shifted, mask)
    assert not np.allclose(y, z, atol=1e-3)
    assert (float(loss) > 0) == use_moe


@pytest.mark.parametrize("use_attention", [True, False])
def test_gradients_reach_every_variable(use_attention):
    body = multi_model(use_attention=use_attention)
    rep, shifted, mask = batch(40, 40)
    variables = [variable.value for variable in body.trainable_variables]
    with tf.GradientTape() as tape:
        encoded = body.encode(rep, training=True)
        y, loss = body.decode(encoded, shifted, mask, training=True)
        total = tf.reduce_sum(y * random(2, 40, WIDTH, seed=6)) + loss + encoded.aux_loss
    gradients = tape.gradient(total, variables)
    for variable, gradient in zip(body.trainable_variables, gradients, strict=True):
        assert np.abs(gradient).max() > 0, variable.path


def test_build_makes_every_variable_and_calls_make_none():
    body = multi_model()
    before = {id(variable): variable.path for variable in body.variables}
    rep, shifted, mask = batch()
    body.decode(body.encode(rep, training=True), shifted, mask, training=True)
    assert {id(variable): variable.path for variable in body.variables} == before
    assert len(set(before.values())) == len(before)


def test_all_randomness_is_one_variable():
    body = multi_model(dropout=0.2, attention_dropout=0.2)
    assert {id(variable) for variable in body.non_trainable_variables} == {
        id(body.seed_generator.state)
    }
    rep, shifted, mask = batch()
    state = body.seed_generator.state

    def run():
        return np.array(body.decode(body.encode(rep, True), shifted, mask, True)[0])

    start = np.array(state)
    first, second = run(), run()
    state.assign(start)
    np.testing.assert_array_equal(run(), first)
    assert not np.allclose(first, second)
    quiet = [np.array(body.encode(rep).rep.x) for _ in range(2)]
    np.testing.assert_array_equal(*quiet)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_is_near_full_precision(dtype):
    generator = keras.random.SeedGenerator(1)
    sizes = {"num_heads": 2, "encoder_blocks": 2, "decoder_blocks": 2, "use_moe": False}
    bodies = [
        MultiModel(WIDTH, 12, seed_generator=generator, dtype=policy, **sizes)
        for policy in (dtype, "float32")
    ]
    for body in bodies:
        body.build()
    for half, full in zip(bodies[0].variables, bodies[1].variables, strict=True):
        half.assign(full)
    rep, shifted, mask = batch()
    outputs = []
    for body in bodies:
        y, loss = body.decode(body.encode(rep), shifted, mask)
        outputs.append(np.array(tf.cast(y, "float32")))
        assert loss.dtype == "float32"
    assert y.dtype == "float32" and np.abs(outputs[0] - outputs[1]).mean() < 0.1


def test_from_hparams_and_the_registry():
    hparams = HPARAMS.get("multimodel_tiny")()
    generator = keras.random.SeedGenerator(2)
    body = MODELS.get("multi_model").from_hparams(hparams, generator)
    body.build()
    assert body.seed_generator is generator
    assert body.hidden_size == hparams.hidden_size and body.dropout == hparams.dropout
    assert body.encoder_mixture.num_experts == hparams.num_experts
    assert len(body.decoder_convs) == hparams.decoder_blocks
    assert body.encoder_before[0].dropout.seed_generator is generator


def test_config_round_trips():
    body = multi_model(dropout=0.3, use_attention=False, moe_k=3)
    twin = MultiModel.from_config(body.get_config())
    assert twin.get_config() == body.get_config()
    twin.build()
    ours = [variable.shape for variable in body.trainable_variables]
    assert [variable.shape for variable in twin.trainable_variables] == ours
    arguments = set(inspect.signature(MultiModel).parameters) - {"seed_generator", "kwargs"}
    assert arguments <= set(body.get_config())


JAX_RUN = """
import numpy as np
from t2t_mm.layers.rep import Rep
from t2t_mm.models.multi_model import MultiModel
body = MultiModel(8, 12, 2, 2, 2, num_experts=5)
body.build()
for index, variable in enumerate(body.trainable_variables):
    values = np.random.default_rng(index).normal(size=variable.shape)
    variable.assign(0.5 * values + (variable.name == "scale"))
x = np.random.default_rng(0).normal(size=(2, 13, 8)).astype("float32")
mask = np.ones((2, 13), "float32")
mask[1, 6:] = 0
encoded = body.encode(Rep(x, mask))
y, loss = body.decode(encoded, x[:, ::-1], mask)
print(np.abs(np.array(y)).sum(), float(loss) + float(encoded.aux_loss))
"""


def test_it_runs_on_jax_with_the_same_result():
    pytest.importorskip("jax")
    results = []
    for backend in ("tensorflow", "jax"):
        environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
        command = [sys.executable, "-c", JAX_RUN]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        results.append([float(number) for number in run.stdout.split()])
    np.testing.assert_allclose(*results, rtol=1e-3)
