"""Slots by variable, whatever their layout in memory, and those of t2t_mm 0.1 taken apart."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import CheckpointError
from t2t_mm.runs.checkpoints import Checkpoints, by_path, find
from t2t_mm.runs.groups import variable_groups
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.slots import (
    Slot,
    count_slot,
    is_grouped,
    one_slot,
    stored_slots,
    vector_slot,
)
from t2t_mm.runs.stored import StoredCheckpoint
from t2t_mm.training.moving_average import ExponentialMovingAverage
from t2t_mm.training.optimizer_choice import make_optimizer
from tests.runs.made_runs import HPARAMS_TEXT, loaded, logits, make_run


def variables() -> list[keras.Variable]:
    return [keras.Variable(np.zeros(s), name=n) for n, s in (("x", (2, 3)), ("y", ()), ("z", (4,)))]


def test_a_vector_is_stored_in_pieces_and_comes_back() -> None:
    slot = vector_slot("m", variables())
    slot.variable.assign(tf.range(11.0))
    pieces = slot.pieces()
    np.testing.assert_array_equal(pieces["x/m"], np.arange(6.0).reshape(2, 3))
    assert pieces["y/m"] == 6.0 and pieces["z/m"].tolist() == [7, 8, 9, 10]

    other = vector_slot("m", variables()[::-1])  # another layout
    assert other.assign(pieces) == []
    assert other.variable.numpy().tolist() == [7, 8, 9, 10, 6, 0, 1, 2, 3, 4, 5]
    missing = {"y/m": np.float32(-1.0), "z/m": np.zeros(3)}  # z in another shape
    assert sorted(other.assign(missing)) == ["x/m", "z/m"]
    assert other.variable.numpy().tolist() == [7, 8, 9, 10, -1, 0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("merge", "wanted"), [(max, 5), (min, 0)])
def test_counts_that_differ_are_merged(merge: object, wanted: int) -> None:
    slot = count_slot("steps", variables(), merge)
    assert slot.assign({"x/steps": np.int64(3), "y/steps": np.int64(5)}) == ["z/steps"]
    assert slot.variable.numpy() == wanted
    assert slot.assign({n: np.int64(v) for n, v in zip(slot.shapes, (3, 5, 4), strict=True)}) == []
    assert slot.variable.numpy() == merge([3, 5, 4])
    assert slot.pieces() == dict.fromkeys(["x/steps", "y/steps", "z/steps"], merge([3, 5]))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path) -> tuple[Path, Path]:
    """A run with an average, and the same as t2t_mm 0.1 left it."""
    folder = tmp_path_factory.mktemp("slots")
    text = f"{HPARAMS_TEXT},ema_decay=0.9"
    new = make_run(folder / "new", tiny_data, "tiny_colours,tiny_digits", text)
    old = folder / "old"
    shutil.copytree(new, old, ignore=shutil.ignore_patterns("checkpoints"))
    stored = StoredCheckpoint(find(new))
    vectors = {}
    for name, group in variable_groups(loaded(new), RunRecord.read(new).bound_tasks()).items():
        for kind in ("m", "v", "sliding_average") if group else ():
            pieces = [stored.slot(f"{v.path}/{kind}").reshape(-1) for v in group]
            vectors[f"{name}/{kind}"] = tf.Variable(np.concatenate(pieces))
        for kind in ("steps", "sliding_average_steps") if group else ():
            vectors[f"{name}/{kind}"] = tf.Variable(stored.slot(f"{group[0].path}/{kind}"))
    state = tf.Variable(json.dumps({"step": 7}), dtype=tf.string)
    values = {path: tf.Variable(stored.variable(path)) for path in stored.variables}
    whole = tf.train.Checkpoint(variables=values, slots=vectors, state=state)
    manager = tf.train.CheckpointManager(
        whole, str(old / "checkpoints"), 1, checkpoint_name="model"
    )
    manager.save(checkpoint_number=7)
    return new, old


@pytest.mark.parametrize("averaged", [True, False])
def test_an_average_of_the_first_version_is_used(
    runs: tuple[Path, Path], tiny_data: Path, averaged: bool
) -> None:
    new, old = runs
    assert is_grouped(StoredCheckpoint(find(old))) and not is_grouped(StoredCheckpoint(find(new)))
    one, other = (logits(run, tiny_data, "tiny_digits", averaged) for run in runs)
    assert one.tobytes() == other.tobytes()


def test_a_run_of_the_first_version_goes_on(runs: tuple[Path, Path]) -> None:
    record, found = RunRecord.read(runs[0]), []
    hparams = record.bound_hparams()
    for run in runs:
        model = loaded(run)
        groups = variable_groups(model, record.bound_tasks())
        slots = make_optimizer(hparams).build(groups)
        slots += ExponentialMovingAverage(0.9, groups).slots
        saved = Checkpoints(run, by_path(model.variables), slots, {}, groups=groups)
        assert saved.restore()["step"] == 7
        found.append({n: v for slot in slots for n, v in slot.pieces().items()})
    np.testing.assert_equal(found[1], found[0])
    assert all(np.any(value) for value in found[0].values())


def test_other_groups_are_refused_in_a_sentence(runs: tuple[Path, Path]) -> None:
    stored = StoredCheckpoint(find(runs[1]))
    with pytest.raises(
        CheckpointError, match="written by t2t_mm 0.1.*its weights alone: t2t-train"
    ):
        stored_slots(stored, {"commands": variables()})


def test_a_missing_slot_is_named(tmp_path: Path) -> None:
    weights = {"joint/x": tf.Variable(1.0)}

    def checkpoints(*names: str) -> Checkpoints:
        slots: list[Slot] = [one_slot(f"joint/x/{name}", tf.Variable(2.0)) for name in names]
        return Checkpoints(tmp_path, weights, slots, {})

    checkpoints("m").save(1, {})
    assert checkpoints("m").restore() == {"step": 1}
    with pytest.raises(
        CheckpointError, match="does not fit this run .it lacks the slot 'joint/x/v"
    ):
        checkpoints("m", "v").restore()
