"""Decoding position by position equals the full pass, for every body and every ablation."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.hparam import HParams
from t2t_mm.kinds import Text
from t2t_mm.layers.rep import Rep
from t2t_mm.models.body import Body, Encoded
from t2t_mm.models.gpt import GPT
from t2t_mm.models.joint import JointModel
from t2t_mm.models.lstm import LSTMSeq2Seq, LSTMSeq2SeqAttention
from t2t_mm.models.multi_model import MultiModel
from t2t_mm.models.transformer import Transformer
from t2t_mm.problem import Task

WIDTH = 8


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def with_random_weights(body: Body) -> Body:
    body.build()
    for index, variable in enumerate(body.trainable_variables):
        variable.assign(0.5 * random(*variable.shape, seed=index) + (variable.name == "scale"))
    return body


def multi_model(**arguments) -> Body:
    """With windows of 2, 4 and 12 earlier positions."""
    sizes = {
        "filter_size": 12,
        "num_heads": 2,
        "encoder_blocks": 2,
        "decoder_blocks": 2,
        "mixer_blocks": 1,
        "conv_long_kernel": 5,
        "conv_dilation": 3,
        "num_experts": 5,
    }
    return with_random_weights(MultiModel(WIDTH, **{**sizes, **arguments}))


def transformer(**arguments) -> Body:
    return with_random_weights(Transformer(WIDTH, 12, 2, 2, 2, **arguments))


def attention_lstm(mechanism: str, **arguments) -> Body:
    sizes = {"attention_layer_size": WIDTH, **arguments}
    return with_random_weights(LSTMSeq2SeqAttention(WIDTH, attention_mechanism=mechanism, **sizes))


class WholePass(Transformer):
    """A body that brings `decode` alone."""

    start, step, reorder = Body.start, Body.step, Body.reorder


BODIES = {
    "multi_model": multi_model,
    "without mixtures": lambda: multi_model(use_moe=False),
    "without attention": lambda: multi_model(use_attention=False),
    "convolutions alone": lambda: multi_model(use_moe=False, use_attention=False),
    "one expert": lambda: multi_model(moe_k=1),
    "the patent's figures": lambda: multi_model(patent_figures=True),
    "the patent's figures without attention": lambda: multi_model(
        patent_figures=True, use_attention=False
    ),
    "long dilation": lambda: multi_model(conv_long_kernel=15, conv_dilation=8),
    "transformer": transformer,
    "lstm_seq2seq": lambda: with_random_weights(LSTMSeq2Seq(WIDTH)),
    "bahdanau": lambda: attention_lstm("bahdanau"),
    "luong": lambda: attention_lstm("luong"),
    "two heads": lambda: attention_lstm("bahdanau", num_heads=2, attention_layer_size=6),
    "attention not put out": lambda: attention_lstm("luong", output_attention=False),
    "gpt": lambda: with_random_weights(GPT(WIDTH, 12, 2, 2, 160, embedding_scale=1.0)),
    "gpt, whole prefix": lambda: with_random_weights(
        GPT(WIDTH, 12, 2, 2, 160, bidirectional_prefix=True, embedding_scale=1.0)
    ),
    "default": lambda: with_random_weights(WholePass(WIDTH, 12, 2, 2, 2)),
}


@pytest.fixture(scope="module", autouse=True)
def short_blocks():
    """So that attention reaches over several blocks of earlier positions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("t2t_mm.layers.ancestry.BLOCK", 4)
        yield


@pytest.fixture(scope="module", params=BODIES)
def body(request) -> Body:
    return BODIES[request.param]()


def source() -> Rep:
    """Two inputs, the second one shorter."""
    mask = np.ones((2, 7), "float32")
    mask[1, 4:] = 0
    return Rep(random(2, 7, WIDTH), mask)


def inputs(body: Body) -> Encoded:
    return body.encode(source())


def state_of(body: Body) -> tuple:
    """The state that an encoder hands on besides; () for nothing."""
    return inputs(body).state or ()


def full_pass(body: Body, encoded: Encoded, shifted: np.ndarray, beams: int = 1) -> np.ndarray:
    mask = np.ones(shifted.shape[:2], "float32")
    return np.array(body.decode(encoded.repeat(beams), shifted, mask)[0])


@functools.cache
def loop(body: Body, beams: int) -> tf.types.experimental.GenericFunction:
    """Decodes in one graph loop, as a search does; nothing but the width is known beforehand."""
    sequences, rows = tf.TensorSpec([None, None, WIDTH]), tf.TensorSpec([None, None], tf.int32)
    states = tf.nest.map_structure(
        lambda tensor: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype), state_of(body)
    )
    signature = [sequences, tf.TensorSpec([None, None]), states, sequences, rows]

    @tf.function(input_signature=signature, autograph=False)
    def run(x, mask, states, shifted, orders):
        length = tf.shape(shifted)[1]
        encoded = Encoded(Rep(x, mask), tf.zeros(()), states or None)
        memory, state = body.start(encoded, beams, length)

        def advance(position, state, outputs):
            y, state = body.step(memory, state, shifted[:, position], position)
            state = body.reorder(state, tf.gather(orders, position))
            return position + 1, state, outputs.write(position, tf.cast(y, tf.float32))

        first = (tf.constant(0), state, tf.TensorArray(tf.float32, length))
        return tf.while_loop(lambda t, *_: t < length, advance, first)[2].stack()

    return run


def position_by_position(
    body: Body, shifted: np.ndarray, beams: int = 1, orders: dict | None = None
) -> np.ndarray:
    """Outputs [R, T, D]; `orders` gives the rows to take over after a position."""
    rows, length = shifted.shape[:2]
    orders = np.array([(orders or {}).get(t, range(rows)) for t in range(length)], "int32")
    rep = inputs(body).rep
    ys = loop(body, beams)(tf.cast(rep.x, tf.float32), rep.mask, state_of(body), shifted, orders)
    return np.array(ys).transpose(1, 0, 2)


def test_equals_the_full_pass(body):
    """6 positions are fewer, 18 are more than the widest window of most bodies."""
    encoded = inputs(body)
    for length in (1, 6, 18):
        shifted = random(2, length, WIDTH, seed=5)
        got = position_by_position(body, shifted)
        np.testing.assert_allclose(got, full_pass(body, encoded, shifted), atol=1e-4)


@pytest.mark.parametrize("body", ["long dilation"], indirect=True)
def test_equals_the_full_pass_beyond_the_window_of_112(body):
    encoded, shifted = inputs(body), random(2, 130, WIDTH, seed=5)
    expected = full_pass(body, encoded, shifted)
    np.testing.assert_allclose(position_by_position(body, shifted), expected, atol=1e-4)


def test_hypotheses_that_take_over_others_pasts(body):
    """Reordering rows midway equals decoding the reordered prefixes from the start."""
    beams, length = 3, 17
    shifted = random(2 * beams, length, WIDTH, seed=6)
    orders = {2: [1, 0, 0, 5, 3, 3], 3: [2, 1, 0, 3, 4, 4], 9: [0, 0, 1, 4, 4, 4]}
    pasts, read = shifted.copy(), []
    for t in range(length):
        pasts[:, t] = shifted[:, t]
        read.append(pasts[:, : t + 1].copy())
        pasts[:, : t + 1] = pasts[orders.get(t, range(2 * beams)), : t + 1]
    encoded = inputs(body)
    expected = [full_pass(body, encoded, past, beams)[:, -1] for past in read]
    got = position_by_position(body, shifted, beams, orders)
    np.testing.assert_allclose(got, np.stack(expected, 1), atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("kind", ["multi_model", "transformer", "bahdanau", "gpt", "default"])
def test_other_dtypes_run_near_float32(kind, policy):
    exact = BODIES[kind]()
    keras.config.set_dtype_policy(policy)
    try:
        body = BODIES[kind]()
    finally:
        keras.config.set_dtype_policy("float32")
    shifted = random(4, 9, WIDTH, seed=5)
    got = position_by_position(body, shifted, 2)
    expected = full_pass(exact, inputs(exact), shifted, 2)
    assert np.median(np.abs(got - expected)) < 0.1  # a mixture may choose another expert


def test_a_lone_conv_is_read_before_it_is_written():
    """What it writes does not wait for its own past; the ring must."""
    body = multi_model(use_moe=False, use_attention=False, decoder_blocks=1, mixer_blocks=0)
    encoded, shifted = inputs(body), random(2, 18, WIDTH, seed=5)
    for _ in range(3):
        got = position_by_position(body, shifted)
        np.testing.assert_allclose(got, full_pass(body, encoded, shifted), atol=1e-4)


@pytest.mark.parametrize("command", [1, [1, 0]])
@pytest.mark.parametrize("tied", [False, True])
def test_the_joint_model_scores_tokens_as_a_full_pass_does(command, tied):
    hparams = HParams(hidden_size=WIDTH, shared_embedding_and_softmax=tied)
    spec = Text("v", 11)
    tasks = [Task(name, name, spec, spec, name) for name in ("one", "two")]
    joint = JointModel(tasks, Transformer(WIDTH, 12, 2, 1, 1), hparams)
    route = joint.route("one")
    encoded = joint.encode(route, {"inputs": np.array([[3, 4, 5], [6, 7, 0]])})
    beams, tokens = 2, np.random.default_rng(0).integers(0, 11, (4, 5)).astype("int32")
    tiled = Encoded(Rep(*(np.repeat(part, beams, 0) for part in encoded.rep[:2])), 0.0)
    commands = np.repeat(command, beams) if np.ndim(command) else command
    expected = joint.decode_logits(route, tiled, tokens[:, :-1], commands)
    memory, state = joint.start_decoding(route, encoded, beams, 5)
    for position in range(5):
        before = tokens[:, position - 1] if position else tokens[:, 0]  # not read at position 0
        logits, state = joint.decode_step(
            route, memory, state, tf.constant(before), position, tf.constant(command)
        )
        np.testing.assert_allclose(logits, expected[:, position], atol=1e-4)
