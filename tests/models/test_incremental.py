"""Decoding position by position equals the full pass, for every body and every ablation."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers.rep import Rep
from t2t_mm.models.body import Body
from t2t_mm.models.multi_model import MultiModel
from t2t_mm.models.transformer import Transformer

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


class WholePass(Transformer):
    """A body that brings `decode` alone."""

    start, step, reorder = Body.start, Body.step, Body.reorder


BODIES = {
    "multi_model": multi_model,
    "without mixtures": lambda: multi_model(use_moe=False),
    "without attention": lambda: multi_model(use_attention=False),
    "convolutions alone": lambda: multi_model(use_moe=False, use_attention=False),
    "one expert": lambda: multi_model(moe_k=1),
    "long dilation": lambda: multi_model(conv_long_kernel=15, conv_dilation=8),
    "transformer": transformer,
    "default": lambda: with_random_weights(WholePass(WIDTH, 12, 2, 2, 2)),
}


@pytest.fixture(scope="module", params=BODIES)
def body(request) -> Body:
    return BODIES[request.param]()


def inputs(body: Body) -> Rep:
    """Two encoded inputs, the second one shorter."""
    mask = np.ones((2, 7), "float32")
    mask[1, 4:] = 0
    return body.encode(Rep(random(2, 7, WIDTH), mask)).rep


def full_pass(body: Body, encoded: Rep, shifted: np.ndarray, beams: int = 1) -> np.ndarray:
    rep = Rep(np.repeat(encoded.x, beams, 0), np.repeat(encoded.mask, beams, 0))
    return np.array(body.decode(rep, shifted, np.ones(shifted.shape[:2], "float32"))[0])


def position_by_position(
    body: Body, encoded: Rep, shifted: np.ndarray, beams: int = 1, orders: dict | None = None
) -> np.ndarray:
    """In one graph loop, as a search runs it; `orders` gives rows to take over after a position."""
    rows, length = shifted.shape[:2]
    orders = np.array([(orders or {}).get(t, range(rows)) for t in range(length)], "int32")

    @tf.function(autograph=False)
    def run(encoded: Rep, shifted: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        memory, state = body.start(encoded, beams, length)

        def advance(position, state, outputs):
            y, state = body.step(memory, state, shifted[:, position], position)
            state = body.reorder(state, tf.gather(orders, position))
            return position + 1, state, outputs.write(position, tf.cast(y, tf.float32))

        outputs = tf.TensorArray(tf.float32, length)
        loop = (tf.constant(0), state, outputs)
        return tf.while_loop(lambda t, *_: t < length, advance, loop)[2].stack()

    ys = run(encoded, tf.constant(shifted), tf.constant(length))
    return np.array(ys).transpose(1, 0, 2)


@pytest.mark.parametrize("length", [1, 6, 18])
def test_equals_the_full_pass(body, length):
    """6 positions are fewer, 18 are more than the widest window of most bodies."""
    encoded, shifted = inputs(body), random(2, length, WIDTH, seed=5)
    expected = full_pass(body, encoded, shifted)
    np.testing.assert_allclose(position_by_position(body, encoded, shifted), expected, atol=1e-4)


def test_equals_the_full_pass_beyond_the_window_of_112():
    body = BODIES["long dilation"]()
    encoded, shifted = inputs(body), random(2, 130, WIDTH, seed=5)
    expected = full_pass(body, encoded, shifted)
    np.testing.assert_allclose(position_by_position(body, encoded, shifted), expected, atol=1e-4)


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
    got = position_by_position(body, encoded, shifted, beams, orders)
    np.testing.assert_allclose(got, np.stack(expected, 1), atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("kind", ["multi_model", "transformer", "default"])
def test_other_dtypes_run_near_float32(kind, policy):
    exact = BODIES[kind]()
    keras.config.set_dtype_policy(policy)
    try:
        body = BODIES[kind]()
    finally:
        keras.config.set_dtype_policy("float32")
    shifted = random(4, 9, WIDTH, seed=5)
    got = position_by_position(body, inputs(body), shifted, 2)
    expected = full_pass(exact, inputs(exact), shifted, 2)
    assert np.median(np.abs(got - expected)) < 0.1  # a mixture may choose another expert
