"""The optimizers against numpy, over several groups and steps."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import HParamError, UnknownNameError
from t2t_mm.hparam import HParams
from t2t_mm.registry import OPTIMIZERS, register_optimizer
from t2t_mm.runs.groups import parts, sizes
from t2t_mm.training import flat_groups
from t2t_mm.training.optimizer import Adam
from t2t_mm.training.optimizer_choice import make_optimizer

RATE = 0.01


def numpy_adam(
    gradients: list[np.ndarray], start: np.ndarray, b1: float, b2: float, eps: float
) -> np.ndarray:
    x, m, v = start.astype(np.float64), 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        x = x - RATE * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + eps)
    return x


def test_adam_is_adam_and_groups_count_their_own_steps() -> None:
    hparams = HParams()
    rng = np.random.default_rng(0)
    adam = make_optimizer(hparams)
    groups = {"a": [named("x", 2), named("y", 3)], "b": [named("z", 3)]}
    slots = {name: slot for slot in adam.build(groups) for name in slot.shapes}
    assert set(slots) == {f"{path}/{kind}" for path in "xyz" for kind in ("m", "v", "steps")}
    update = tf.function(adam.update)
    start = {"a": rng.normal(size=5), "b": rng.normal(size=3)}
    now = {name: tf.Variable(value, dtype=tf.float32) for name, value in start.items()}
    seen: dict[str, list[np.ndarray]] = {"a": [], "b": []}
    for group in "aababbbaaa":
        gradient = rng.normal(size=now[group].shape).astype(np.float32)
        seen[group].append(gradient)
        now[group].assign_add(update(group, tf.constant(gradient), tf.constant(RATE)))
    for group, gradients in seen.items():
        wanted = numpy_adam(
            gradients, start[group], hparams.adam_beta1, hparams.adam_beta2, hparams.adam_epsilon
        )
        np.testing.assert_allclose(now[group].numpy(), wanted, rtol=1e-5, atol=1e-6)
        for variable in groups[group]:
            assert slots[f"{variable.path}/steps"].variable.numpy() == len(gradients)
    # What the fused kernel works in is empty between the steps: no copy of the weights remains.
    assert {name: scratch.shape[0] for name, scratch in adam._scratch.items()} == {
        "a": None,
        "b": None,
    }
    assert all(tf.size(scratch) == 0 for scratch in adam._scratch.values())


def named(name: str, *shape: int) -> keras.Variable:
    return keras.Variable(np.zeros(shape), name=name, dtype="float32")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("optimizer.momentum=0.5", [-0.1, -0.15, -0.075]),
        (
            "optimizer_momentum_momentum=0.5,optimizer_momentum_nesterov=True",
            [-0.15, -0.175, -0.0375],
        ),
        ("optimizer.momentum=0", [-0.1, -0.1, 0.0]),
        ("", [-0.1, -0.19, -0.171]),  # 0.9 of its own, whatever adam_beta1 is
    ],
)
def test_momentum(text: str, wanted: list[float]) -> None:
    momentum = make_optimizer(HParams().override(f"optimizer=momentum,adam_beta1=0.1,{text}"))
    momentum.build({"a": [named("x", 1)]})
    changes = [
        float(momentum.update("a", tf.constant([g]), tf.constant(0.1))[0]) for g in (1.0, 1.0, 0.0)
    ]
    assert changes == pytest.approx(wanted)


def test_coupled_l2_goes_into_the_gradient_and_decoupled_decay_does_not() -> None:
    found = {}
    for text in ("l2=0.5", "weight_decay=0.5", "l2=0.5,optimizer.decay_vectors=true"):
        hparams = HParams().override(f"optimizer=momentum,optimizer.momentum=0.5,optimizer.{text}")
        matrix, vector = ones(2, 1), ones(1)
        momentum = make_optimizer(hparams)
        momentum.build({"a": [matrix, vector]})
        for _ in range(2):
            gradient, rate = tf.constant([1.0, 1.0, 1.0]), tf.constant(0.1)
            momentum.apply("a", [matrix, vector], gradient, rate, [1.0, 1.0])
        found[text] = [float(matrix[0, 0]), float(vector[0])]
    # a = 1 + 0.5 w, then 0.5 a + 1 + 0.5 w; of the vector alone 1, then 1.5.
    first = 1 - 0.1 * 1.5
    coupled = first - 0.1 * (0.5 * 1.5 + 1 + 0.5 * first)
    assert found["l2=0.5"] == pytest.approx([coupled, 0.75])
    assert found["l2=0.5,optimizer.decay_vectors=true"] == pytest.approx([coupled, coupled])
    decoupled = 1 - 0.1 - 0.1 * 0.5
    decoupled = decoupled - 0.15 - 0.1 * 0.5 * decoupled
    assert found["weight_decay=0.5"] == pytest.approx([decoupled, 0.75])


def test_an_optimizers_hparams_are_its_own() -> None:
    def made(text: str) -> dict[str, object]:
        return make_optimizer(HParams().override(text)).hparams.to_dict()

    assert made("adam_beta1=0.7")["beta1"] == made("optimizer_adam_beta1=0.7")["beta1"] == 0.7
    assert made("adam_beta2=0.7,optimizer.beta2=0.98,optimizer.beta2=0.99")["beta2"] == 0.99
    assert made("weight_decay=0.1")["weight_decay"] == 0.1
    hparams = HParams().override("optimizer.beta2=0.98,optimizer.epsilon=1e-9")
    assert hparams.optimizer_hparams == ("beta2=0.98", "epsilon=1e-9")
    assert HParams.from_dict(hparams.to_dict()) == hparams
    old = {"optimizer": "momentum", "adam_beta1": 0.3}  # of t2t_mm 0.1
    assert make_optimizer(HParams.from_dict(old)).hparams.momentum == 0.3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimizer.beta1=1.0", "optimizer hparam 'beta1' must be at least 0 and below 1, got '1"),
        ("optimizer.l2=-1", "optimizer hparam 'l2' must be 0 or more, got '-1.0'; ch"),
        (
            "optimizer.beta1=x",
            "optimizer hparam 'beta1' must be a number, got 'x'; change it in --h",
        ),
        (
            "optimizer.beta3=1",
            r"unknown optimizer hparam 'beta3' \(from --hparams=optimizer.NAME\); did",
        ),
        ("optimizer=adem", "unknown optimizer 'adem' .*did you mean 'adam'"),
        ("optimizer=keras.Lyon", "unknown optimizer 'keras.Lyon' .*did you mean 'keras.Lion'"),
        ("optimzer.beta1=1", "unknown hparam 'optimzer.beta1'"),
    ],
)
def test_wrong_hparams_are_sentences(text: str, message: str) -> None:
    with pytest.raises((HParamError, UnknownNameError), match=message):
        make_optimizer(HParams().override(text))


def test_declared_names_and_base_class() -> None:
    assert {"adam", "momentum"} <= set(OPTIMIZERS.names())
    with pytest.raises(
        TypeError, match="optimizer 'mine' must be a subclass of t2t_mm.training.opt"
    ):
        register_optimizer("mine")(lambda hparams: None)
    try:
        register_optimizer("mine")(type("Mine", (Adam,), {}))
        assert make_optimizer(HParams().override("optimizer=mine")).hparams.beta1 == 0.85
    finally:
        OPTIMIZERS.remove("mine")


def ones(*shape: int) -> keras.Variable:
    return keras.Variable(np.ones(shape), dtype="float32")


def variables() -> dict[str, list[keras.Variable]]:
    return {"a": [ones(2, 3), ones(4)], "b": [ones(2)]}


def test_join_flattens_densifies_and_leaves_untouched_groups_out() -> None:
    groups = variables()
    rows = tf.IndexedSlices(tf.constant([[1.0, 2, 3], [10, 20, 30]]), tf.constant([1, 1]), (2, 3))
    joined = flat_groups.join(groups, {"a": [rows, None], "b": [None]})
    assert set(joined) == {"a"}
    np.testing.assert_array_equal(joined["a"], [0, 0, 0, 11, 22, 33, 0, 0, 0, 0])


@pytest.mark.parametrize(("clip", "length"), [(2.0, 2.0), (100.0, 5.0)])
def test_clipping_by_global_norm(clip: float, length: float) -> None:
    joined = {"a": tf.constant([3.0, 0.0]), "b": tf.constant([0.0, 4.0])}
    norm = flat_groups.global_norm(joined)
    assert float(norm) == pytest.approx(5.0)
    clipped = flat_groups.scale(joined, flat_groups.clip_factor(norm, clip))
    assert float(flat_groups.global_norm(clipped)) == pytest.approx(length)
    np.testing.assert_allclose(clipped["a"][0] / clipped["b"][1], 0.75, rtol=1e-6)


def test_add_splits_decays_and_has_a_rate_of_each_variable() -> None:
    group = variables()["a"]
    delta = tf.range(10, dtype=tf.float32)
    flat_groups.add(group, delta, tf.constant(0.5), [0.2, 0.0], [1.0, 0.5])
    np.testing.assert_allclose(group[0].numpy(), 1 + np.arange(6).reshape(2, 3) - 0.1)
    np.testing.assert_allclose(group[1].numpy(), 1 + np.arange(6, 10) / 2)
    flat_groups.add(group, delta, tf.constant(0.5), [0.2, 0.0], [0.1, 1.0])
    wanted = (1 + np.arange(6).reshape(2, 3) - 0.1) * 0.99 + np.arange(6).reshape(2, 3) / 10
    np.testing.assert_allclose(group[0].numpy(), wanted, rtol=1e-6)


def test_parts_are_touched_as_a_whole_or_not_at_all() -> None:
    groups = variables()
    first, second = groups["a"]
    other = groups["b"][0]
    found = parts(groups, [[first, other], [first, second, other]], {})
    assert {name: len(part) for name, part in found.items()} == {"a/0": 1, "a/1": 1, "b": 1}
    assert found["a/0"] == [first] and found["a/1"] == [second]
    assert sizes(found) == {"a/0": 6, "a/1": 4, "b": 2}
    whole = [[first, second, other]]
    assert set(parts(groups, whole, {})) == {"a", "b"}
    assert set(parts(groups, whole, {id(first): "encoder"})) == {"a/0", "a/1", "b"}
