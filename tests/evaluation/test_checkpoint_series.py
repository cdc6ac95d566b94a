"""Checkpoints one after another, with a clock of the test's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from t2t_mm.errors import CheckpointError
from t2t_mm.evaluation.checkpoint_series import new_checkpoints, restore, saved_checkpoints
from t2t_mm.runs.checkpoints import step_of
from t2t_mm.runs.run_record import RunRecord
from tests.decoding.decoding_run import toy_model, toy_run


class Clock:
    """Seconds pass in sleep alone; at some of them a checkpoint appears."""

    def __init__(self, run: Path, appear: dict[int, int]):
        self.now = 0.0
        self._run, self._appear = run, appear

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for time, step in self._appear.items():
            if self.now >= time:
                (self._run / "checkpoints" / f"model-{step}.index").touch()


@pytest.fixture
def run(tmp_path) -> Path:
    run = shutil.copytree(toy_run().output_dir, tmp_path / "run")
    for path in (run / "checkpoints").glob("model-7.*"):
        path.unlink()
    return run


def steps(run: Path, timeout: float | None, appear: dict[int, int]) -> tuple[list[int], float]:
    clock = Clock(run, appear)
    found = [step_of(path) for path in new_checkpoints(run, timeout, clock.sleep, clock)]
    return found, clock.now


def test_saved_are_sorted_by_step(run):
    for step in (100, 20, 3):
        (run / "checkpoints" / f"model-{step}.index").touch()
    (run / "checkpoints" / "checkpoint").touch()
    assert [step_of(path) for path in saved_checkpoints(run)] == [3, 20, 100]
    assert saved_checkpoints(run)[0] == str(run / "checkpoints" / "model-3")


def test_saved_needs_one(run):
    with pytest.raises(CheckpointError, match="found no checkpoint in .*/checkpoints; t2t-trainer"):
        saved_checkpoints(run)


def test_waits_for_the_last_step(run):
    assert RunRecord.read(run).train_steps == 7
    found, now = steps(run, 60, {5: 2, 20: 4, 70: 7})
    assert found == [2, 4, 7] and now == 70


def test_gives_up_after_the_timeout_since_the_last_one(run):
    found, now = steps(run, 60, {5: 2, 50: 4})
    assert found == [2, 4] and now == 110
    assert steps(run.parent / "run", 10, {}) == ([4], 10)


def test_takes_the_newest_of_several(run):
    for step in (1, 3, 6):
        (run / "checkpoints" / f"model-{step}.index").touch()
    assert steps(run, 5, {})[0] == [6]


def test_restore_changes_the_weights_in_place():
    loaded = toy_model()
    path = str(toy_run().output_dir / "checkpoints" / "model-7")
    variable = loaded.model.variables[0]
    before = variable.numpy()
    variable.assign(before + 1)
    restore(loaded, path)
    np.testing.assert_array_equal(variable.numpy(), before)
    with pytest.raises(CheckpointError):
        restore(loaded, str(toy_run().output_dir / "checkpoints" / "model-8"))
