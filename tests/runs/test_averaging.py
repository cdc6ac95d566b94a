"""Averages of checkpoints against numpy; which checkpoints go into which average."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import CheckpointError
from t2t_mm.runs.checkpoints import Checkpoints, find
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.slots import one_slot
from t2t_mm.runs.stored import StoredCheckpoint
from t2t_mm.runs.surgery.averaging import average, steps, windows, write_average


def a_run(folder: Path, count: int) -> dict[int, np.ndarray]:
    """Checkpoints of steps 10, 20, ...; gives their values of "joint/w"."""
    weights = {
        "joint/w": tf.Variable(tf.zeros((2, 3))),
        "seeds/state": tf.Variable([0, 0], dtype=tf.int64),
    }
    slots = [one_slot("body/m", tf.Variable([1.0]))]
    saved = Checkpoints(folder, weights, slots, {}, keep=0)
    rng, values = np.random.default_rng(0), {}
    for step in range(10, 10 * count + 1, 10):
        values[step] = (rng.normal(size=(2, 3)) * 10.0 ** rng.integers(-3, 6)).astype(np.float32)
        weights["joint/w"].assign(values[step])
        weights["seeds/state"].assign([step, step])
        saved.save(step, {})
    RunRecord(
        model="transformer",
        hparams_set="transformer_tiny",
        hparams={},
        tasks={},
        seed=0,
        vocabularies={},
        train_steps=10 * count,
    ).write(folder)
    return values


def test_the_mean_is_the_mean(tmp_path: Path) -> None:
    values = a_run(tmp_path, 3)
    found = steps(tmp_path / "checkpoints", "model-")
    assert list(found) == [10, 20, 30]
    made = average(list(found.values()))
    wanted = np.mean([v.astype(np.float64) for v in values.values()], 0).astype(np.float32)
    assert made["joint/w"].dtype == np.float32
    np.testing.assert_array_equal(made["joint/w"], wanted)
    np.testing.assert_array_equal(made["seeds/state"], [30, 30])


def test_windows() -> None:
    assert windows([1, 2, 3, 4], 3) == {3: [1, 2, 3], 4: [2, 3, 4]}
    assert windows([1, 2, 3, 4], 8) == {4: [1, 2, 3, 4]}
    assert windows([1, 2], 1) == {1: [1], 2: [2]}
    assert windows([], 3) == {}


def test_a_run_directory_of_averages(tmp_path: Path) -> None:
    values = a_run(tmp_path / "run", 3)
    found = steps(tmp_path / "run" / "checkpoints", "model-", min_steps=20)
    out = tmp_path / "averaged"
    path = write_average(out, tmp_path / "run", 30, list(found.values()))
    assert path == find(out) and path.endswith("averaged/checkpoints/model-30")
    stored = StoredCheckpoint(path)
    assert stored.state["step"] == 30 and not stored.slots
    np.testing.assert_array_equal(
        stored.variable("joint/w"),
        ((values[20].astype(np.float64) + values[30]) / 2).astype(np.float32),
    )
    assert write_average(out, tmp_path / "run", 30, list(found.values())) is None
    assert json.loads((out / "run.json").read_text())["origin"]["tool"] == "average"
    with pytest.raises(CheckpointError, match="holds another run; name a new folder"):
        write_average(tmp_path / "run", tmp_path / "run", 40, list(found.values()))


def test_other_averages_want_another_folder(tmp_path: Path) -> None:
    a_run(tmp_path / "run", 3)
    a_run(tmp_path / "twin", 3)
    paths = list(steps(tmp_path / "run" / "checkpoints", "model-").values())
    out, named = tmp_path / "out", tmp_path / "named"
    assert write_average(out, tmp_path / "run", 30, paths, n=3)
    assert write_average(out, tmp_path / "run", 30, paths, n=3) is None
    for run, n, message in (
        ("run", 2, "out holds averages of --n=3; name a new folder for those of --n=2 in"),
        ("run", None, "of --n=3; name a new folder for those of named --checkpoints in"),
        ("twin", 3, "out holds averages of .*/run; name a new folder for those of .*/twin in"),
    ):
        with pytest.raises(CheckpointError, match=message):
            write_average(out, tmp_path / run, 30, paths[1:], n)
    assert write_average(named, tmp_path / "run", 30, paths)
    assert write_average(named, tmp_path / "run", 20, paths[:2])
    with pytest.raises(CheckpointError, match=r"model-30 is the average of .*model-10, .*for the"):
        write_average(named, tmp_path / "run", 30, paths[1:])


def test_a_moved_run_keeps_its_averages(tmp_path: Path) -> None:
    a_run(tmp_path / "run", 2)
    paths = list(steps(tmp_path / "run" / "checkpoints", "model-").values())
    assert write_average(tmp_path / "run" / "averaged", tmp_path / "run", 20, paths, n=2)
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    paths = list(steps(moved / "checkpoints", "model-").values())
    assert write_average(moved / "averaged", moved, 20, paths, n=2) is None


def test_checkpoints_of_other_models_do_not_mix(tmp_path: Path) -> None:
    a_run(tmp_path / "one", 1)
    Checkpoints(tmp_path / "other", {"joint/w": tf.Variable([1.0])}, {}, {}).save(1, {})
    with pytest.raises(CheckpointError, match="hold other variables: they cannot be averaged"):
        average([find(tmp_path / "one"), find(tmp_path / "other")])
