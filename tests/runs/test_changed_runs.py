"""Run directories that a disk, a copy or a person has changed: one sentence, nothing begun anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from t2t_mm.errors import CheckpointError
from t2t_mm.runs.checkpoints import Checkpoints, exists, find
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.trained_run import open_run
from tests.runs.test_run_record import record


def changed(folder: Path, **values: Any) -> Path:
    """A run.json in which some values are others."""
    record().write(folder)
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    return folder


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tasks": 3}, "'tasks' must be an object, got 3"),
        ({"tasks": {"a": "b"}}, r"'tasks' must be an object, got {'a': 'b'}"),
        ({"vocabularies": 0.5}, "'vocabularies' must be an object, got 0.5"),
        ({"seed": "1"}, "'seed' must be a whole number, got '1'"),
        ({"devices": [1]}, "'devices' must be a whole number or null"),
    ],
)
def test_values_of_another_type(tmp_path: Path, values: dict, message: str) -> None:
    with pytest.raises(CheckpointError, match=f"run.json cannot be read as a run's .*{message}"):
        RunRecord.read(changed(tmp_path, **values))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", ["a"], "'name' must be text"),
        ("inputs", "text", "does not fit this t2t_mm"),
        ("inputs", {"inputs": 3}, "does not fit this t2t_mm"),
        ("targets", {"kind": "text", "vocabulary": 3}, "'vocabulary' must be text"),
        ("targets", {"kind": "text", "size": "300"}, "'size' must be a whole number"),
        ("mixing_weight", "1", "'mixing_weight' must be a number"),
    ],
)
def test_tasks_of_other_values(tmp_path: Path, key: str, value: Any, message: str) -> None:
    tasks = {"a": {**record().tasks["a"], key: value}}
    with pytest.raises(CheckpointError, match=message):
        open_run(changed(tmp_path, tasks=tasks))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    saved = Checkpoints(tmp_path, {"a": tf.Variable(1.0)}, [], {}, keep=2)
    for step in (1, 2, 3):
        saved.save(step, {})
    return tmp_path


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"model_checkpoint", b"nonsense: 3\n"])
def test_a_damaged_list_of_checkpoints_begins_nothing_anew(run: Path, content: bytes) -> None:
    (run / "checkpoints" / "checkpoint").write_bytes(content)
    for ask in (exists, find, Checkpoints(run.parent / "x", {}, [], {}) and exists):
        with pytest.raises(CheckpointError) as error:
            ask(run)
        assert str(error.value) == (
            f"{run}/checkpoints/checkpoint, which names the latest checkpoint, is damaged; write "
            'into it: model_checkpoint_path: "model-3" (there are: model-2, model-3).'
        )
    (run / "checkpoints" / "checkpoint").write_text('model_checkpoint_path: "model-3"')
    assert find(run).endswith("model-3")


def test_the_one_before_serves_where_the_latest_is_moved_away(run: Path) -> None:
    for path in (run / "checkpoints").glob("model-3*"):
        path.unlink()
    assert find(run) == f"{run}/checkpoints/model-2" and exists(run)
    again = Checkpoints(run, {"a": tf.Variable(0.0)}, [], {}, keep=2)
    state = again.restore()
    assert state and state["step"] == 2
    again.save(3, {})
    assert find(run).endswith("model-3")
    for path in (run / "checkpoints").glob("model-*"):
        path.unlink()
    assert find_fails(run).startswith("found no checkpoint at")


def find_fails(run: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        find(run)
    return str(error.value)


def test_what_a_killed_run_had_begun_to_write_goes(run: Path) -> None:
    for folder in ("checkpoints/model-9_temp", "best/model-9_temp", "checkpoints/mine_temp"):
        (run / folder).mkdir(parents=True)
        (run / folder / "part-00000-of-00001.data.tempstate1").write_text("x")
    Checkpoints(run, {"a": tf.Variable(0.0)}, [], {}, keep=2)
    assert sorted(p.name for p in run.glob("*/*_temp")) == ["mine_temp"]
    assert find(run).endswith("model-3")
