"""Gradients of several batches as those of one larger batch; statistics that wait for the step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.layers.rep import Rep
from t2t_mm.models.body import Encoded
from t2t_mm.models.transformer import Transformer
from t2t_mm.registry import MODELS, register_model
from t2t_mm.training.dry_run import random_batch
from t2t_mm.training.step import accumulate_steps
from tests.training.made_step import COLOURS, DIGITS, Made, pictures, text_batch
from tests.training.tiny_runs import TRANSFORMER, assert_equal_checkpoints, train


def three_batches() -> list[dict[str, tf.Tensor]]:
    shapes = {"inputs": (3, 6), "inputs_length": (3,), "targets": (3, 5)}
    other = {"inputs": (1, 2), "inputs_length": (1,), "targets": (1, 3)}
    return [text_batch(), random_batch(DIGITS, shapes), random_batch(DIGITS, other)]


def one_batch(batches: list[dict[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
    """All of them, padded to the longest."""

    def joined(name: str) -> tf.Tensor:
        values = [batch[name] for batch in batches]
        if len(values[0].shape) == 1:
            return tf.concat(values, 0)
        longest = max(value.shape[1] for value in values)
        return tf.concat([tf.pad(v, [[0, 0], [0, longest - v.shape[1]]]) for v in values], 0)

    return {name: joined(name) for name in batches[0]}


@pytest.mark.parametrize(
    "text",
    ["optimizer=momentum", "optimizer.epsilon=0.001,clip_norm=0.1,ema_decay=0.5", "clip_norm=0"],
)
def test_several_batches_equal_one_as_large(text: str) -> None:
    text += ",optimizer.epsilon=0.001" if "momentum" not in text else ""
    several, one = Made(text=f"{text},accumulate_steps=3"), Made(text=text)
    batches = three_batches()
    for _ in range(2):
        found = several(DIGITS, *batches, loss_weight=0.7)
        wanted = one(DIGITS, one_batch(batches), loss_weight=0.7)
        for name in ("loss", "weight", "correct", "examples", "norm"):
            assert found[name] == pytest.approx(wanted[name], rel=1e-5)
    for name, value in several.values().items():
        np.testing.assert_allclose(value, one.values()[name], rtol=0, atol=1e-6)
    for name, value in several.slots().items():
        np.testing.assert_allclose(value, one.slots()[name], rtol=1e-4, atol=1e-6)


def test_groups_without_gradient_and_steps_that_are_not_finite_change_nothing() -> None:
    made = Made(accumulate_steps=2)
    made(DIGITS, *three_batches()[:2])
    slots = made.slots()
    made(COLOURS, pictures(), pictures())
    moved = {name for name, value in made.slots().items() if (value != slots[name]).any()}
    assert moved and not {name for name in moved if "decoder" in name or "text." in name}

    before = made.values(), made.slots()
    bad = {**text_batch(), "targets": tf.fill([2, 3], 29)}
    assert np.isnan(made(DIGITS, bad, text_batch(), loss_weight=np.nan)["norm"])
    np.testing.assert_equal((made.values(), made.slots()), before)
    assert np.isfinite(made(DIGITS, *three_batches()[:2])["norm"])


def test_float16_scales_all_batches_of_a_step_alike() -> None:
    made, plain = Made(precision="mixed_float16", accumulate_steps=3), Made(accumulate_steps=3)
    start = made.values()
    assert made(DIGITS, *three_batches(), loss_weight=1e30)["norm"] == 0.0
    np.testing.assert_equal(made.values(), start)
    assert float(made.step.loss_scale._factor()) == 2.0**14
    found, wanted = (one(DIGITS, *three_batches())["norm"] for one in (made, plain))
    assert found == pytest.approx(wanted, rel=0.02)


def test_resumes_to_the_bit(tmp_path: Path) -> None:
    hparams = f"{TRANSFORMER},accumulate_steps=2,dropout=0.1"
    train(tmp_path, "whole", hparams=hparams, train_steps=6, local_eval_frequency=3)
    train(tmp_path, "parts", hparams=hparams, train_steps=3, local_eval_frequency=3)
    train(tmp_path, "parts", hparams=hparams, train_steps=6, local_eval_frequency=3)
    assert_equal_checkpoints(tmp_path / "whole", tmp_path / "parts")


def test_a_number_that_makes_no_step_is_refused() -> None:
    with pytest.raises(HParamError, match="'accumulate_steps' must be 1 or more, got 0."):
        accumulate_steps(HParams().replace(accumulate_steps=0))
    with pytest.raises(HParamError, match="is 2 on 3 devices: .* leave it at 1."):
        accumulate_steps(HParams().replace(accumulate_steps=2), devices=3)


class Normed(Transformer):
    """A Transformer whose encoded inputs pass a BatchNorm."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.batch_norm = keras.layers.BatchNormalization(momentum=0.9, name="batch_norm")

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.batch_norm.build((None, None, self.hidden_size))

    def encode(self, rep: Rep, training: bool = False) -> Encoded:
        encoded = super().encode(rep, training)
        rep = encoded.rep
        x = self.batch_norm(rep.x, training=training)
        return Encoded(Rep(x, rep.mask, rep.grid), encoded.aux_loss, encoded.state)


@pytest.fixture
def normed() -> Iterator[str]:
    register_model("normed")(Normed)
    yield "normed"
    MODELS.remove("normed")


@pytest.mark.parametrize("batches", [1, 2])
def test_statistics_of_batches_move_with_an_applied_step_alone(normed: str, batches: int) -> None:
    made = Made(normed, accumulate_steps=batches)
    statistics = [v for v in made.model.non_trainable_variables if "moving" in v.path]
    assert len(statistics) == 2
    made(DIGITS, *[text_batch()] * batches)
    before = [v.numpy() for v in statistics]
    assert np.abs(before[0]).max() > 0
    made(DIGITS, *[text_batch()] * batches, loss_weight=np.nan)
    np.testing.assert_equal([v.numpy() for v in statistics], before)
    made(DIGITS, *[text_batch()] * batches)
    assert all((v.numpy() != old).any() for v, old in zip(statistics, before, strict=True))


def test_frozen_statistics_stay(normed: str) -> None:
    made = Made(normed, freeze="*/batch_norm/*")
    before = {v.path: v.numpy() for v in made.model.variables if "batch_norm" in v.path}
    made(DIGITS, text_batch())
    assert len(before) == 4
    np.testing.assert_equal(
        {v.path: v.numpy() for v in made.model.variables if v.path in before}, before
    )
