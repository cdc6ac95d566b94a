"""The LSTM bodies; their cells and attention are tested in tests/layers/test_lstm_cells.py."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import HParamError
from t2t_mm.kinds import Text
from t2t_mm.layers.rep import Rep
from t2t_mm.models.body import Body
from t2t_mm.models.joint import JointModel
from t2t_mm.models.lstm import LSTMSeq2Seq, LSTMSeq2SeqAttention
from t2t_mm.problem import Task
from t2t_mm.registry import HPARAMS, MODELS

WIDTH = 8
MECHANISMS = ["", "bahdanau", "luong"]


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, "float32")


def make(mechanism: str, **arguments) -> Body:
    """Without a mechanism: lstm_seq2seq."""
    arguments = {"seed_generator": keras.random.SeedGenerator(1), **arguments}
    if not mechanism:
        return LSTMSeq2Seq(WIDTH, **arguments)
    sizes = {"attention_layer_size": WIDTH, **arguments}
    return LSTMSeq2SeqAttention(WIDTH, attention_mechanism=mechanism, **sizes)


def body_of(mechanism: str, **arguments) -> Body:
    """Built, with random weights."""
    body = make(mechanism, **arguments)
    body.build()
    for index, variable in enumerate(body.trainable_variables):
        variable.assign(0.5 * random(*variable.shape, seed=index))
    return body


def test_the_encoder_reads_the_source_from_its_end():
    body, x = body_of(""), random(2, 6, WIDTH)
    encoded = body.encode(Rep(x, ones(2, 6), (2, 3)))
    turned, state = body.encoder(x[:, ::-1])
    np.testing.assert_allclose(encoded.rep.x, turned[:, ::-1], atol=1e-6)
    np.testing.assert_allclose(encoded.state[1][0], encoded.rep.x[:, 0], atol=1e-6)
    np.testing.assert_allclose(encoded.state[0][1], state[0][1], atol=1e-6)
    assert encoded.rep.grid == (2, 3)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_last_states_start_the_decoder(mechanism):
    body, shifted = body_of(mechanism), random(2, 4, WIDTH, seed=5)
    encoded = body.encode(Rep(random(2, 6, WIDTH), ones(2, 6)))
    y, loss = body.decode(encoded, shifted, ones(2, 4))
    zeros = tf.nest.map_structure(tf.zeros_like, encoded.state)
    other, _ = body.decode(encoded._replace(state=zeros), shifted, ones(2, 4))
    assert not np.allclose(y, other, atol=1e-2) and float(loss) == 0


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_padding_changes_nothing(mechanism):
    body, x, shifted = body_of(mechanism), random(2, 6, WIDTH), random(2, 4, WIDTH, seed=5)
    encoded = body.encode(Rep(x, ones(2, 6)))
    y, _ = body.decode(encoded, shifted, ones(2, 4))
    padded = np.concatenate([x, random(2, 5, WIDTH, seed=8)], 1)
    also = body.encode(Rep(padded, np.pad(ones(2, 6), [[0, 0], [0, 5]])))
    np.testing.assert_allclose(also.rep.x[:, :6], encoded.rep.x, atol=1e-5)
    assert not np.any(also.rep.x[:, 6:])
    padded = np.concatenate([shifted, random(2, 3, WIDTH, seed=9)], 1)
    z, _ = body.decode(also, padded, np.pad(ones(2, 4), [[0, 0], [0, 3]]))
    np.testing.assert_allclose(z[:, :4], y, atol=1e-5)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_gradients_reach_every_variable_and_stages_hold_them(mechanism):
    arguments = {"num_heads": 2, "attention_layer_size": 5} if mechanism else {}
    body = body_of(mechanism, dropout=0.1, **arguments)
    variables = [variable.value for variable in body.trainable_variables]
    with tf.GradientTape() as tape:
        encoded = body.encode(Rep(random(2, 7, WIDTH), ones(2, 7)), training=True)
        y, _ = body.decode(encoded, random(2, 9, WIDTH, seed=5), ones(2, 9), training=True)
        loss = tf.reduce_sum(y * random(2, 9, WIDTH, seed=6))
    for variable, gradient in zip(
        body.trainable_variables, tape.gradient(loss, variables), strict=True
    ):
        assert np.abs(gradient).max() > 0, variable.path
    staged = [v for layers in body.stages().values() for layer in layers for v in layer.weights]
    assert {id(v) for v in body.trainable_variables} <= {id(v) for v in staged}


def count(layer) -> int:
    return sum(int(np.prod(variable.shape)) for variable in layer.trainable_variables)


def test_the_counts_of_tensor2tensor():
    """At T2T's width: BasicLSTMCells, AttentionWrapper with one mechanism."""
    generator = keras.random.SeedGenerator(1)
    names = ("lstm_bahdanau_attention", "lstm_luong_attention", "lstm_bahdanau_attention_multi")
    bahdanau, luong, multi = (
        LSTMSeq2SeqAttention.from_hparams(HPARAMS.get(name)(), generator) for name in names
    )
    for body in (bahdanau, luong, multi):
        body.build()
    assert count(bahdanau.encoder) == 263_168
    assert count(bahdanau.decoder) == 394_368
    assert count(luong.decoder) == 394_368 - 128 * 128 - 128  # neither query kernel nor v
    # Three more vectors are read by the first cell and made; three more mechanisms (in T2T they
    # are one and the same); four vectors are brought to one width.
    vectors, mechanisms = 3 * (128 * 512 + 256 * 128), 3 * (2 * 128 * 128 + 128)
    projection = 512 * 128 + 128
    assert count(multi.decoder) == 394_368 + vectors + mechanisms + projection


def test_starts_depend_on_the_seed_and_on_names_alone():
    first, second = (make("luong", num_hidden_layers=n) for n in (1, 2))
    for body in (second, first):
        body.build()
    np.testing.assert_array_equal(first.encoder.cells[0].kernel, second.encoder.cells[0].kernel)
    assert not np.array_equal(first.encoder.cells[0].kernel, second.encoder.cells[1].kernel)
    other = make("luong", num_hidden_layers=1, seed_generator=keras.random.SeedGenerator(2))
    other.build()
    assert not np.array_equal(first.encoder.cells[0].kernel, other.encoder.cells[0].kernel)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_keeps_its_memory_in_float32(dtype):
    body = make("bahdanau", dtype=dtype, dropout=0.1)
    body.build()
    encoded = body.encode(Rep(random(2, 7, WIDTH), ones(2, 7)), training=True)
    y, _ = body.decode(encoded, random(2, 9, WIDTH), ones(2, 9), training=True)
    assert y.dtype == dtype.removeprefix("mixed_")
    assert all(c.dtype == "float32" and h.dtype == y.dtype for h, c in encoded.state)
    assert np.isfinite(tf.cast(y, "float32")).all()


def test_an_unknown_mechanism_is_refused():
    hparams = HPARAMS.get("lstm_tiny")().replace(attention_mechanism="dot")
    with pytest.raises(HParamError, match="'attention_mechanism' must be bahdanau or luong, got"):
        MODELS.get("lstm_seq2seq_attention").from_hparams(hparams, keras.random.SeedGenerator(1))


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_config_round_trips(mechanism):
    body = make(mechanism, dropout=0.3)
    assert type(body).from_config(body.get_config()).get_config() == body.get_config()


def test_a_joint_model_learns_to_write_backwards():
    """It needs the attention to carry what the encoder read."""
    hparams = HPARAMS.get("lstm_tiny")().replace(
        hidden_size=24, attention_layer_size=24, num_hidden_layers=1
    )
    spec, seeds = Text("v", 9), keras.random.SeedGenerator(3)
    body = LSTMSeq2SeqAttention.from_hparams(hparams, seeds)
    model = JointModel([Task("back", "back", spec, spec, "c")], body, hparams, seeds)
    path, optimizer = model.route("back"), keras.optimizers.Adam(0.03)

    @tf.function
    def step(inputs, targets):
        with tf.GradientTape() as tape:
            logits, _ = model.forward(path, {"inputs": inputs}, targets, 0, training=True)
            total, weight = model.loss(path, logits, targets)
        optimizer.apply(tape.gradient(total, [v.value for v in variables]), variables)
        return total / weight

    variables = model.trainable_variables
    optimizer.build(variables)
    words = np.random.default_rng(0).integers(2, 9, (8, 4)).astype("int32")
    losses = [float(step(words, words[:, ::-1])) for _ in range(50)]
    assert losses[0] > 1.8 and losses[-1] < 0.5
