"""t2t-avg-all from the command line: averages that load, by value, and a sentence per mistake."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from t2t_mm.bin import t2t_avg_all
from t2t_mm.bin.command_line import exit_status
from t2t_mm.decoding.model_loading import load
from t2t_mm.runs.checkpoints import Checkpoints, by_path, find
from t2t_mm.runs.stored import StoredCheckpoint
from t2t_mm.runs.surgery import averaging
from tests.runs.made_runs import make_data, make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory with checkpoints of steps 7, 8 and 9."""
    folder = tmp_path_factory.mktemp("average")
    make_data(folder / "data")
    run = make_run(folder / "run", folder / "data", "tiny_digits")
    model = load(run).model
    rng = np.random.default_rng(0)
    for step in (8, 9):
        for variable in model.trainable_variables:
            variable.assign(rng.normal(size=variable.shape))
        Checkpoints(run, by_path(model.variables), {}, {}, keep=0).save(step, {})
    return run


def average(*argv: str) -> int:
    return exit_status(t2t_avg_all.main, argv)


def mean(run: Path, path: str, steps: list[int]) -> np.ndarray:
    values = [StoredCheckpoint(f"{run}/checkpoints/model-{step}").variable(path) for step in steps]
    return np.mean(np.array(values, np.float64), 0).astype(np.float32)


def test_every_window_of_n_and_only_once(run, capsys):
    out = run / "averaged"
    assert average(f"--model_dir={run}", "--n=2") == 0
    printed = capsys.readouterr().out
    assert f"{out}/checkpoints/model-8: the average of model-7, model-8\n" in printed
    assert f"{out}/checkpoints/model-9: the average of model-8, model-9\n" in printed
    loaded = load(out)
    assert loaded.checkpoint == f"{out}/checkpoints/model-9" and loaded.step == 9
    for variable in loaded.model.trainable_variables:
        np.testing.assert_array_equal(np.array(variable), mean(run, variable.path, [8, 9]))
    assert average(f"--model_dir={run}", "--n=2") == 0
    assert capsys.readouterr().out == ""


def test_fewer_than_n_and_named_ones(run, tmp_path, capsys):
    assert average(f"--model_dir={run}", f"--output_dir={tmp_path}/all") == 0
    assert "3 checkpoints, fewer than --n=8: one average of all." in capsys.readouterr().out
    path = "joint/commands"
    np.testing.assert_array_equal(
        StoredCheckpoint(find(tmp_path / "all")).variable(path), mean(run, path, [7, 8, 9])
    )
    named = ",".join(f"{run}/checkpoints/model-{step}" for step in (7, 9))
    assert (
        average(f"--model_dir={run}", f"--output_dir={tmp_path}/two", f"--checkpoints={named}") == 0
    )
    np.testing.assert_array_equal(
        StoredCheckpoint(find(tmp_path / "two")).variable(path), mean(run, path, [7, 9])
    )


def test_while_waiting_a_checkpoint_may_go_away(run, tmp_path, monkeypatch, capsys):
    run = shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("averaged"))
    clock, checkpoints = [0.0], run / "checkpoints"

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    def gone_at_first(paths: list[str]) -> dict:
        monkeypatch.setattr(averaging, "average", average_of)
        for file in checkpoints.glob("model-7.*"):
            file.unlink()
        return average_of(paths)

    average_of = averaging.average
    monkeypatch.setattr(averaging, "average", gone_at_first)
    monkeypatch.setattr(t2t_avg_all, "time", SimpleNamespace(monotonic=lambda: clock[0],
                                                             sleep=sleep))  # fmt: skip
    assert average(f"--model_dir={run}", "--wait_minutes=1") == 0
    said = capsys.readouterr()
    assert said.err.startswith("left out: ") and "model-7" in said.err
    assert said.err.count("\n") == 1
    assert said.out.count("2 checkpoints, fewer than --n=8: one average of all.") == 1
    assert clock[0] > 60
    path = "joint/commands"
    np.testing.assert_array_equal(
        StoredCheckpoint(find(run / "averaged")).variable(path), mean(run, path, [8, 9])
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "no model given; name the folder that t2t-trainer wrote in --model_dir."),
        (("--model_dir={run}", "--n=0"), "--n must be 1 or more, got 0."),
        (("--model_dir={run}", "--output_dir={run}"), "--output_dir is --model_dir; name another"),
        (("--model_dir={run}", "--min_steps=10"), "found no checkpoint {run}/checkpoints/model-N"),
        (
            ("--model_dir={run}", "--checkpoints=/no/model-1"),
            "found no checkpoint at '/no/model-1'",
        ),
    ],
)
def test_mistakes_are_one_sentence_and_status_2(run, capsys, flags, message):
    assert average(*(flag.format(run=run) for flag in flags)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message.format(run=run) in error
    assert error.count("\n") == 1
