"""Keras's optimizers: the steps are Keras's, slots are a variable's, other variables stay."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import HParamError, UnknownNameError
from t2t_mm.hparam import HParams
from t2t_mm.training.keras_optimizer import keras_optimizers
from t2t_mm.training.optimizer import Optimizer
from t2t_mm.training.optimizer_choice import make_optimizer
from tests.training.tiny_runs import TRANSFORMER, assert_equal_checkpoints, stored, train

RATE = 0.01
SHAPES = {"a/kernel": (4, 3), "a/bias": (3,), "b/kernel": (3, 4)}


def variables() -> dict[str, list[keras.Variable]]:
    rng = np.random.default_rng(0)
    made = {
        name: keras.Variable(rng.normal(size=shape), name=name.replace("/", "_"), dtype="float32")
        for name, shape in SHAPES.items()
    }
    return {"a": [made["a/kernel"], made["a/bias"]], "b": [made["b/kernel"]]}


def gradients(steps: int) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(1)
    return [[rng.normal(size=s).astype("float32") for s in ((4, 3), (3,))] for _ in range(steps)]


def optimizer(text: str) -> Optimizer:
    return make_optimizer(HParams().override(text))


def step(made: Optimizer, group: list[keras.Variable], values: list[np.ndarray]) -> None:
    flat = tf.concat([value.reshape(-1) for value in values], 0)
    made.apply("a", group, flat, tf.constant(RATE), [1.0] * len(group))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("keras.Adafactor", keras.optimizers.Adafactor(RATE)),
        ("keras.Lion,optimizer.beta_1=0.5", keras.optimizers.Lion(RATE, beta_1=0.5)),
        ("keras.Lamb", keras.optimizers.Lamb(RATE)),
        ("keras.Muon,optimizer.ns_steps=3", keras.optimizers.Muon(RATE, ns_steps=3)),
        ("keras.Nadam", keras.optimizers.Nadam(RATE)),
        ("keras.SGD,optimizer.nesterov=true,optimizer.momentum=0.9", None),
    ],
)
def test_steps_are_keras_own(text: str, wanted: keras.optimizers.Optimizer | None) -> None:
    wanted = wanted or keras.optimizers.SGD(RATE, momentum=0.9, nesterov=True)
    wanted.weight_decay = wanted.adam_weight_decay = None  # ours stands in for them
    mine, theirs = variables(), variables()
    made = optimizer(f"optimizer={text}")
    slots = made.build(mine)
    untouched = {n: v for slot in slots for n, v in slot.pieces().items() if "b_kernel" in n}
    assert untouched
    wanted.build(theirs["a"])
    traced = tf.function(lambda *values: step_of(made, mine["a"], values))
    for values in gradients(3):
        traced(*map(tf.constant, values))
        wanted.apply([tf.constant(value) for value in values], theirs["a"])
    for one, other in zip(mine["a"], theirs["a"], strict=True):
        assert (one.numpy() != 0).all()
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6)
    after = {name: value for slot in slots for name, value in slot.pieces().items()}
    np.testing.assert_equal({name: after[name] for name in untouched}, untouched)
    assert after["a_kernel/iterations"] == 3 and after["b_kernel/iterations"] == 0

    # What a checkpoint holds is all there is: another optimizer goes on from it.
    again = optimizer(f"optimizer={text}")
    copies = variables()
    for slot in again.build(copies):
        assert slot.assign(after) == []
    for one, other in zip(copies["a"], mine["a"], strict=True):
        one.assign(other.numpy())
    (values,) = gradients(1)
    for one, group in ((made, mine["a"]), (again, copies["a"])):
        step(one, group, values)
    for one, other in zip(copies["a"], mine["a"], strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def step_of(made: Optimizer, group: list[keras.Variable], values: tuple[tf.Tensor, ...]) -> None:
    flat = tf.concat([tf.reshape(value, [-1]) for value in values], 0)
    made.apply("a", group, flat, tf.constant(RATE), [1.0] * len(group))


def test_decay_is_of_matrices_and_in_proportion_to_the_rate() -> None:
    mine, plain = variables(), variables()
    for group, text in ((mine, "keras.SGD,weight_decay=0.5"), (plain, "keras.SGD")):
        made = optimizer(f"optimizer={text}")
        made.build(group)
        (values,) = gradients(1)
        step(made, group["a"], values)
    start = variables()["a"]
    kernel = plain["a"][0].numpy() - RATE * 0.5 * start[0].numpy()
    np.testing.assert_allclose(mine["a"][0].numpy(), kernel, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(mine["a"][1].numpy(), plain["a"][1].numpy())


def test_arguments_are_hparams_and_ours_are_not_offered() -> None:
    for name in ("Adafactor", "Lion", "Lamb", "Muon", "AdamW"):
        assert f"keras.{name}" in keras_optimizers()
    assert "keras.LossScaleOptimizer" not in keras_optimizers()
    with pytest.raises(UnknownNameError, match="unknown optimizer hparam 'clipnorm'"):
        optimizer("optimizer=keras.Lion,optimizer.clipnorm=1.0")
    with pytest.raises(HParamError, match="optimizer hparam 'beta_1' must be a number, got 'x'"):
        optimizer("optimizer=keras.Lion,optimizer.beta_1=x")


def test_a_run_resumes_to_the_bit(tmp_path: Path) -> None:
    hparams = f"{TRANSFORMER},optimizer=keras.Adafactor,learning_rate=0.01,encoder_layers=0"
    settings = {"hparams": hparams, "problems": "tiny_digits", "eval_steps": 0}
    for name, steps in (("whole", 4), ("parts", 2), ("parts", 4)):
        train(tmp_path, name, train_steps=steps, local_eval_frequency=2, **settings)
    assert_equal_checkpoints(tmp_path / "whole", tmp_path / "parts")
    assert any("iterations" in key for key in stored(tmp_path / "whole"))
