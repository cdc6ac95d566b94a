"""Checkpoints: by path, found where a user says, and half-written ones never read."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import CheckpointError
from t2t_mm.runs.checkpoints import (
    Checkpoints,
    by_path,
    exists,
    find,
    load_variables,
)
from t2t_mm.runs.slots import one_slot
from t2t_mm.runs.stored import stored_variables


def variables(value: float = 0.0) -> dict[str, tf.Variable]:
    return {
        "joint/text.vocab.x/embedding": tf.Variable([[value] * 3] * 2),
        "joint/a.b/c..d": tf.Variable(value),
    }


def checkpoints(folder: Path, weights: dict[str, tf.Variable], keep: int = 2) -> Checkpoints:
    iterators = {"p": iter(tf.data.Dataset.range(100))}
    return Checkpoints(
        folder, weights, [one_slot("joint/a.b/c..d/m", tf.Variable([1.0, 2.0]))], iterators, keep
    )


def test_everything_comes_back(tmp_path: Path) -> None:
    iterator = iter(tf.data.Dataset.range(100).shuffle(10, seed=1))
    saved = Checkpoints(
        tmp_path, variables(7.0), [one_slot("joint/a.b/c..d/m", tf.Variable(3.0))], {"p": iterator}
    )
    assert saved.restore() is None and not exists(tmp_path)
    list(zip(range(5), iterator, strict=False))
    saved.save(5, {"best": 0.1 + 0.2, "mixing": {"x": [1, 2]}})
    following = [next(iterator).numpy() for _ in range(10)]

    weights, slot = variables(), tf.Variable(0.0)
    again = iter(tf.data.Dataset.range(100).shuffle(10, seed=1))
    other = Checkpoints(tmp_path, weights, [one_slot("joint/a.b/c..d/m", slot)], {"p": again})
    assert other.restore() == {"step": 5, "best": 0.1 + 0.2, "mixing": {"x": [1, 2]}}
    assert weights["joint/a.b/c..d"].numpy() == 7.0 and slot.numpy() == 3.0
    assert [next(again).numpy() for _ in range(10)] == following
    assert exists(tmp_path)


def test_paths_survive_the_file(tmp_path: Path) -> None:
    checkpoints(tmp_path, variables(7.0)).save(1, {})
    stored = stored_variables(find(tmp_path))
    assert stored == {"joint/text.vocab.x/embedding": (2, 3), "joint/a.b/c..d": ()}


def test_keeps_the_last_ones_and_the_best(tmp_path: Path) -> None:
    weights = variables()
    saved = checkpoints(tmp_path, weights)
    for step in (1, 2, 3):
        weights["joint/a.b/c..d"].assign(float(step))
        saved.save(step, {})
        if step == 2:
            saved.save_best(step, {"best": 1.0})
    names = sorted(path.stem for path in (tmp_path / "checkpoints").glob("*.index"))
    assert names == ["model-2", "model-3"]
    assert find(tmp_path).endswith("checkpoints/model-3") and saved.last_sound(()) == find(tmp_path)
    assert find(tmp_path, best=True).endswith("best/model-2")
    assert find(tmp_path / "best").endswith("best/model-2")
    assert find(tmp_path / "checkpoints" / "model-2").endswith("checkpoints/model-2")
    loaded = variables()
    load_variables(find(tmp_path, best=True), loaded)
    assert loaded["joint/a.b/c..d"].numpy() == 2.0


def test_one_is_kept_for_good_each_time_that_hours_have_gone_by(tmp_path: Path) -> None:
    for hours, kept in ((1e-9, 3), (1e3, 1)):
        folder = tmp_path / f"{kept}"
        iterators = {"p": iter(tf.data.Dataset.range(100))}
        saved = Checkpoints(folder, variables(), [], iterators, 1, every_hours=hours)
        for step in (1, 2, 3):
            saved.save(step, {})
        assert len(list((folder / "checkpoints").glob("*.index"))) == kept


def test_a_checkpoint_of_weights_that_are_no_numbers_is_not_sound(tmp_path: Path) -> None:
    weights = variables(7.0)
    saved = checkpoints(tmp_path, weights)
    assert saved.last_sound(()) is None
    saved.save(1, {})
    weights["joint/a.b/c..d"].assign(float("nan"))
    saved.save(2, {})
    assert find(tmp_path).endswith("model-2") and saved.last_sound(()).endswith("model-1")
    assert saved.last_sound([1]) is None


def test_find_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="found no checkpoint at .*give a run directory"):
        find(tmp_path)


def test_another_models_checkpoint_is_refused(tmp_path: Path) -> None:
    checkpoints(tmp_path, variables()).save(1, {})
    wanted = {**variables(), "joint/new": tf.Variable(1.0)}
    with pytest.raises(CheckpointError, match=r"'joint/new' of shape \(\) is not in it"):
        load_variables(find(tmp_path), wanted)
    wanted = {"joint/a.b/c..d": tf.Variable([1.0, 2.0])}
    with pytest.raises(CheckpointError, match=r"of shape \(2,\) has shape \(\)"):
        load_variables(find(tmp_path), wanted)
    with pytest.raises(CheckpointError, match="does not fit this run"):
        checkpoints(tmp_path, {**variables(), "joint/new": tf.Variable(1.0)}).restore()


def test_a_damaged_checkpoint_is_told_not_read(tmp_path: Path) -> None:
    checkpoints(tmp_path, variables(7.0)).save(1, {})
    data = tmp_path / "checkpoints" / "model-1.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match="does not fit this run.*damaged"):
        checkpoints(tmp_path, variables()).restore()
    with pytest.raises(CheckpointError, match="cannot be read .* it is damaged"):
        load_variables(find(tmp_path), variables())


def test_files_that_were_never_finished_are_not_read(tmp_path: Path) -> None:
    checkpoints(tmp_path, variables(7.0)).save(1, {})
    folder = tmp_path / "checkpoints"
    (folder / "model-2.data-00000-of-00001").write_bytes(b"half")
    (folder / "model-2_temp").mkdir()
    (folder / "model-2_temp" / "part-00000.data").write_bytes(b"half")
    saved = checkpoints(tmp_path, variables())
    assert saved.restore() == {"step": 1}
    saved.save(2, {})
    assert checkpoints(tmp_path, variables()).restore() == {"step": 2}


def test_two_variables_of_one_path_are_a_fault() -> None:
    one, two = (keras.Variable(np.zeros(2), name="same") for _ in range(2))
    assert list(by_path([one, one])) == ["same"]
    with pytest.raises(ValueError, match="two variables are named 'same'"):
        by_path([one, two])
