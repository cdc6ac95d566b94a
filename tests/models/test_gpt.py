from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import HParamError
from t2t_mm.kinds import Label, Text
from t2t_mm.layers.recording import recording
from t2t_mm.layers.rep import Rep
from t2t_mm.models.gpt import GPT
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Task
from t2t_mm.registry import HPARAMS, MODELS

WIDTH = 8


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, "float32")


def gpt(**arguments) -> GPT:
    """A small body, built, with random weights."""
    seeds = keras.random.SeedGenerator(1)
    sizes = {"context_length": 40, "embedding_scale": 0.5, "seed_generator": seeds, **arguments}
    body = GPT(WIDTH, 12, 2, 2, **sizes)
    body.build()
    for index, variable in enumerate(body.trainable_variables):
        variable.assign(0.5 * random(*variable.shape, seed=index) + (variable.name == "scale"))
    return body


def norm(layer, x):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return x * np.array(layer.scale) + np.array(layer.bias)


def attend(layer, x, seen):
    """`seen` [L, L]: which keys a query looks at."""
    joint = x @ np.array(layer.joint_kernel) + np.array(layer.joint_bias)
    queries, keys, values = np.split(joint, 3, -1)
    size, outputs = WIDTH // layer.num_heads, []
    for part in (slice(h * size, (h + 1) * size) for h in range(layer.num_heads)):
        logits = queries[..., part] @ keys[..., part].transpose(0, 2, 1) / np.sqrt(size)
        weights = np.exp(np.where(seen, logits, -np.inf))
        outputs.append(weights / weights.sum(-1, keepdims=True) @ values[..., part])
    mixed = np.concatenate(outputs, -1)
    return mixed @ np.array(layer.output_kernel) + np.array(layer.output_bias)


def gelu(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def by_hand(body: GPT, sequence: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The stack over [B, L, D] without padding."""
    x = sequence * body.embedding_scale + np.array(body.positions.table)[: sequence.shape[1]]
    for block in body.blocks:
        x = x + attend(block.attention, norm(block.attention_norm, x), seen)
        network, normal = block.feed_forward, norm(block.feed_forward_norm, x)
        hidden = gelu(normal @ np.array(network.kernel_in) + np.array(network.bias_in))
        x = x + hidden @ np.array(network.kernel_out) + np.array(network.bias_out)
    return norm(body.norm, x)


@pytest.mark.parametrize("both_ways", [False, True])
def test_decode_is_the_equations_over_inputs_and_outputs(both_ways):
    body = gpt(bidirectional_prefix=both_ways)
    x, shifted = random(2, 5, WIDTH), random(2, 6, WIDTH, seed=5)
    seen = np.tril(ones(11, 11)) > 0
    seen[:5, :5] |= both_ways
    expected = by_hand(body, np.concatenate([x, shifted], 1), seen)[:, 5:]
    y, loss = body.decode(body.encode(Rep(x, ones(2, 5))), shifted, ones(2, 6))
    np.testing.assert_allclose(y, expected, atol=1e-4)
    assert float(loss) == 0


def test_each_row_goes_on_after_its_own_inputs():
    """Padding between inputs and outputs is as if it were not there."""
    body, x, shifted = gpt(), random(2, 7, WIDTH), random(2, 4, WIDTH, seed=5)
    mask = ones(2, 7)
    mask[1, 3:] = 0
    y, _ = body.decode(body.encode(Rep(x, mask)), shifted, ones(2, 4))
    alone, _ = body.decode(body.encode(Rep(x[1:, :3], ones(1, 3))), shifted[1:], ones(1, 4))
    np.testing.assert_allclose(y[1:], alone, atol=1e-5)
    x[1, 3:] = 7.0
    z, _ = body.decode(body.encode(Rep(x, mask)), shifted, ones(2, 4))
    np.testing.assert_allclose(y, z, atol=1e-5)


def test_an_output_never_sees_the_future():
    body, shifted = gpt(), random(2, 6, WIDTH, seed=5)
    encoded = body.encode(Rep(random(2, 4, WIDTH), ones(2, 4)))
    y = np.array(body.decode(encoded, shifted, ones(2, 6))[0])
    for position in range(1, 6):
        changed = shifted.copy()
        changed[:, position:] = random(2, 6 - position, WIDTH, seed=7)
        z = np.array(body.decode(encoded, changed, ones(2, 6))[0])
        np.testing.assert_allclose(z[:, :position], y[:, :position], atol=1e-5)
        assert not np.allclose(z[:, position], y[:, position], atol=1e-3)


@pytest.mark.parametrize(
    "name,vocabulary,parameters",
    [("gpt2_small", 50_257, 124_439_808), ("gpt2_medium", 50_257, 354_823_168)],
)
def test_the_published_number_of_parameters(name, vocabulary, parameters):
    """With the embedding, which is the softmax too; the command's embedding comes on top."""
    hparams, seeds = HPARAMS.get(name)(), keras.random.SeedGenerator(1)
    spec = Text("v", vocabulary)
    with keras.StatelessScope(initialize_variables=False):  # shapes alone
        body = GPT.from_hparams(hparams, seeds)
        model = JointModel([Task("lm", "lm", spec, spec, "to_text")], body, hparams, seeds)
    count = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    assert count == parameters + hparams.hidden_size


def test_starts_are_those_of_gpt_2():
    body = GPT(64, 256, 4, 8, 100, seed_generator=keras.random.SeedGenerator(1))
    body.build()
    block = body.blocks[3]
    for kernel, deviation in (
        (body.positions.table, 0.01),
        (block.attention.joint_kernel, 0.02),
        (block.attention.output_kernel, 0.02 / 4),
        (block.feed_forward.kernel_in, 0.02),
        (block.feed_forward.kernel_out, 0.02 / 4),
    ):
        assert np.std(kernel) == pytest.approx(deviation, rel=0.05)
    assert not np.array_equal(block.attention.joint_kernel, body.blocks[2].attention.joint_kernel)
    assert not np.any(block.attention.joint_bias)


def test_gradients_reach_every_variable_and_the_one_stage_holds_them():
    body = gpt(dropout=0.1, attention_dropout=0.1)
    with tf.GradientTape() as tape:
        encoded = body.encode(Rep(random(2, 7, WIDTH), ones(2, 7)), training=True)
        y, _ = body.decode(encoded, random(2, 9, WIDTH, seed=5), ones(2, 9), training=True)
        loss = tf.reduce_sum(y * random(2, 9, WIDTH, seed=6))
    gradients = tape.gradient(loss, [v.value for v in body.trainable_variables])
    for variable, gradient in zip(body.trainable_variables, gradients, strict=True):
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, variable.path
    staged = [v for layer in body.stages()["decoder"] for v in layer.trainable_variables]
    assert {id(v) for v in body.trainable_variables} == {id(v) for v in staged}


def test_callers_are_shown_attention_of_outputs_on_inputs():
    body = gpt()
    encoded = body.encode(Rep(random(2, 5, WIDTH), ones(2, 5)))
    with recording() as seen:
        body.decode(encoded, random(2, 3, WIDTH, seed=5), ones(2, 3))
    assert [weights.shape for _, weights in seen.attention] == [(2, 2, 3, 5)] * 2
    sums = np.array(seen.attention[0][1]).sum(-1)
    assert np.all(sums > 0) and np.all(sums < 1)  # the rest is on the outputs


def test_an_input_that_fills_the_context_is_refused():
    body = gpt(context_length=6)
    fits = body.encode(Rep(random(1, 5, WIDTH), ones(1, 5)))
    body.decode(fits, random(1, 9, WIDTH), ones(1, 9))
    long = body.encode(Rep(random(1, 6, WIDTH), ones(1, 6)))
    message = "an input fills the model's whole context of 6 positions; shorten it, or train"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        body.decode(long, random(1, 2, WIDTH), ones(1, 2))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        body.start(long, 1, 4)


def test_the_context_is_as_long_as_examples_may_be():
    seeds = keras.random.SeedGenerator(1)
    hparams = HPARAMS.get("gpt_tiny")().replace(max_length=10, eval_max_length=20)
    assert GPT.from_hparams(hparams, seeds).context_length == 40
    assert GPT.from_hparams(hparams.replace(context_length=30), seeds).context_length == 30
    message = r"'context_length' must be above max_length and eval_max_length \(20\), got 20"
    with pytest.raises(HParamError, match=message):
        MODELS.get("gpt").from_hparams(hparams.replace(context_length=20), seeds)


def test_only_text_is_written():
    text, labels = Text("v", 9), Label(("a", "b", "c"), "l")
    assert GPT.refuses(Task("lm", "lm", text, text, "c")) is None
    assert GPT.refuses(Task("mood", "mood", text, labels, "c")) == (
        "continues its inputs by text; 'mood' is answered with label (use transformer or "
        "multi_model)"
    )


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision(dtype):
    body = GPT(WIDTH, 12, 2, 2, 40, dtype=dtype)
    body.build()
    encoded = body.encode(Rep(random(2, 7, WIDTH), ones(2, 7)), training=True)
    y, loss = body.decode(encoded, random(2, 9, WIDTH), ones(2, 9), training=True)
    assert y.dtype == dtype.removeprefix("mixed_") and loss.dtype == "float32"
    assert np.isfinite(tf.cast(y, "float32")).all()


def test_configs_round_trip():
    body = gpt(dropout=0.3, bidirectional_prefix=True)
    assert GPT.from_config(body.get_config()).get_config() == body.get_config()
    for layer in (body.blocks[0], body.positions, body.blocks[0].attention):
        assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    network = body.blocks[0].feed_forward
    assert type(network).from_config(network.get_config()).get_config() == network.get_config()
