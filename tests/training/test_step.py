"""One training step: its report, its update, what it leaves alone, and overflow."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.data.batches.spec import batch_spec
from t2t_mm.evaluation.teacher_forced import Evaluation, mean_metric
from t2t_mm.training.dry_run import random_batch
from tests.training.made_step import (
    ALL,
    ASKED,
    COLOURS,
    COUNTED,
    DIGITS,
    RATE,
    SETTLED,
    WORDS,
    Made,
    pictures,
    text_batch,
)


def test_report() -> None:
    made, batch = Made(), text_batch()
    loss, gradient = made.gradient(DIGITS, batch, 0.5)
    found = made(DIGITS, batch, loss_weight=0.5)
    assert found["loss"] / found["weight"] == pytest.approx(loss, rel=1e-5)
    norm = np.sqrt(sum(float(tf.reduce_sum(g**2)) for g in gradient if g is not None))
    assert found["norm"] == pytest.approx(norm, rel=1e-4)
    counted = {name: found[name] for name in ("weight", "examples", "real", "padded")}
    assert counted == {"weight": 5, "examples": 2, "real": 6 + 5, "padded": 8 + 6}
    assert 0 <= found["correct"] <= 5 and found["aux"] == 0


def test_report_counts_a_pictures_pixels() -> None:
    found = Made()(COLOURS, pictures())
    counted = {name: found[name] for name in ("weight", "examples", "real", "padded")}
    assert counted == {"weight": 4, "examples": 4, "real": 4 * 65, "padded": 4 * 65}


def asked() -> dict[str, tf.Tensor]:
    return {
        **pictures(),
        "question": tf.constant([[5, 6, 1], [7, 1, 0], [8, 9, 1], [1, 0, 0]]),
        "question_length": tf.constant([3, 2, 3, 1]),
    }


def test_report_counts_every_input() -> None:
    made = Made(tasks=ALL)
    loss, _ = made.gradient(ASKED, asked(), 1.0)
    found = made(ASKED, asked())
    assert found["loss"] / found["weight"] == pytest.approx(loss, rel=1e-5)
    counted = {name: found[name] for name in ("weight", "examples", "real", "padded")}
    assert counted == {
        "weight": 4,
        "examples": 4,
        "real": 4 * 64 + 9 + 4,
        "padded": 4 * 64 + 12 + 4,
    }


def test_every_input_has_a_gradient() -> None:
    made = Made(tasks=ALL)
    before = made.values()
    made(ASKED, asked())
    after = made.values()
    moved = {path for path in before if not np.array_equal(before[path], after[path])}
    assert {"image", "text", "label"} <= {
        kind for kind in ("image", "text", "label") for path in moved if kind in path
    }
    # Where each input stands has a vector of its own, which other routes do not touch.
    slots = made.model.slots.path
    assert slots in moved
    still = after[slots].copy()
    made(COLOURS, pictures())
    made(DIGITS, text_batch())
    np.testing.assert_array_equal(made.values()[slots], still)


def test_numbers_and_sets_are_learnt_and_counted() -> None:
    made = Made(tasks=ALL)
    batch = {**text_batch(), "targets": tf.constant([1.0, 3.5])}
    sets = {**pictures(), "targets": tf.constant([[0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1.0]])}
    for task, one, examples in ((COUNTED, batch, 2), (SETTLED, sets, 4)):
        losses = [made(task, one) for _ in range(30)]
        assert {found["examples"] for found in losses} == {examples}
        first, last = (found["loss"] / found["weight"] for found in (losses[0], losses[-1]))
        assert last < 0.5 * first, task.name


@pytest.mark.parametrize("clip", [0.0, 0.1])
def test_update_is_clipped_adam_with_decay_of_matrices(clip: float) -> None:
    made, batch = Made(clip_norm=clip, weight_decay=0.3), text_batch()
    before = made.values()
    _, gradient = made.gradient(DIGITS, batch, 1.0)
    norm = made(DIGITS, batch)["norm"]
    factor = min(1.0, clip / norm) if clip else 1.0
    touched = 0
    for variable, g in zip(made.model.trainable_variables, gradient, strict=True):
        old = before[variable.path]
        if g is None:
            np.testing.assert_array_equal(variable.numpy(), old)
            continue
        touched += 1
        g = g.numpy() * factor
        # The first step of Adam: m = (1 - b1) g and v = (1 - b2) g^2, corrected.
        b1, b2 = made.hparams.adam_beta1, made.hparams.adam_beta2
        step = np.sqrt(1 - b2) / (1 - b1) * (1 - b1) * g
        step /= np.sqrt((1 - b2) * g**2) + made.hparams.adam_epsilon
        decay = 0.3 * old if old.ndim > 1 else 0.0
        # Where a gradient is nearly 0, its sign is rounding.
        sure = np.abs(g) > 1e-6
        wanted = old - RATE * step - RATE * decay
        np.testing.assert_allclose(variable.numpy()[sure], wanted[sure], atol=1e-5)
    assert touched > 10


def test_a_label_step_leaves_text_and_decoder_alone() -> None:
    made = Made()
    made(DIGITS, text_batch())
    before = made.values()
    slots = made.slots()
    made(COLOURS, pictures())
    changed = {path for path, value in made.values().items() if (value != before[path]).any()}
    assert changed
    assert not {path for path in changed if "decoder" in path or "text." in path}
    after = made.slots()
    steps = {name: int(slot) for name, slot in after.items() if name.endswith("/steps")}
    twice = {name.rpartition("/")[0] for name, count in steps.items() if count == 2}
    assert twice == {v.path for v in made.model.body.variables if "/encoder" in v.path}
    for name, slot in after.items():
        path = name.rpartition("/")[0]
        if steps[f"{path}/steps"] == 1 and slots[f"{path}/steps"] == 1:
            np.testing.assert_array_equal(slot, slots[name])


def test_a_loss_that_is_not_finite_changes_nothing() -> None:
    made = Made()
    made(DIGITS, text_batch())
    before = made.values(), made.slots()
    assert np.isnan(made(DIGITS, text_batch(), loss_weight=np.nan)["norm"])
    np.testing.assert_equal((made.values(), made.slots()), before)


def test_one_trace_for_a_signature_whatever_the_shapes() -> None:
    made = Made()
    first = made(DIGITS, text_batch())["loss"]
    longer = random_batch(DIGITS, {"inputs": (3, 9), "inputs_length": (3,), "targets": (3, 2)})
    made(WORDS, longer)
    assert len(made.step._take._traced) == 1
    other = Made()(WORDS, text_batch())["loss"]
    assert other != first  # the command is not part of the trace


def test_batch_spec_keeps_what_belongs_to_the_signature() -> None:
    specs = batch_spec({**pictures(), "mel": tf.zeros([2, 5, 40])})
    assert specs["inputs"].shape.as_list() == [None, 8, 8, 3]
    assert specs["mel"].shape.as_list() == [None, None, 40]
    assert specs["targets"].shape.as_list() == [None]


def test_float16_halves_its_scale_at_an_overflow_and_goes_on() -> None:
    made = Made(precision="mixed_float16")
    scale = made.step.loss_scale
    assert {v.dtype for v in made.model.trainable_variables} == {"float32"}
    start = made.values()
    found = made(DIGITS, text_batch(), loss_weight=1e30)
    assert found["norm"] == 0.0 and float(scale._factor()) == 2.0**14
    np.testing.assert_equal(made.values(), start)
    found = made(DIGITS, text_batch())
    plain = Made()(DIGITS, text_batch())
    assert found["norm"] == pytest.approx(plain["norm"], rel=0.02)
    assert float(scale._factor()) == 2.0**14
    scale._variables["good_steps"].assign(1999.0)
    made(DIGITS, text_batch())
    assert float(scale._factor()) == 2.0**15


def test_bfloat16_is_near_float32() -> None:
    found, plain = (
        Made(precision=name)(COLOURS, pictures()) for name in ("mixed_bfloat16", "float32")
    )
    assert found["loss"] == pytest.approx(plain["loss"], rel=0.03)


def test_evaluation_is_the_weighted_mean_over_batches() -> None:
    made = Made()
    evaluation = Evaluation(made.model, made.hparams.label_smoothing)
    shapes = {"inputs": (1, 2), "inputs_length": (1,), "targets": (1, 4)}
    batches = [text_batch(), random_batch(DIGITS, shapes)]
    alone = [evaluation(DIGITS, [batch]) for batch in batches]
    both = evaluation(DIGITS, batches)
    for name in ("loss", "accuracy", "neg_log_perplexity"):
        assert both[name] == pytest.approx((5 * alone[0][name] + 4 * alone[1][name]) / 9)
    assert alone[0]["loss"] == pytest.approx(made.gradient(DIGITS, batches[0], 1.0)[0], rel=1e-5)
    assert evaluation(DIGITS, []) == {}
    assert mean_metric({"a": {"loss": 1.0, "x": 4.0}, "b": {"loss": 2.0}}, "loss") == 1.5
    assert mean_metric({"a": {"loss": 1.0, "x": 4.0}, "b": {"loss": 2.0}}, "x") == 4.0
