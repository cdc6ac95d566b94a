"""t2t-trainer: its flags, its exit statuses, its sentences."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from t2t_mm.bin.command_line import exit_status
from t2t_mm.bin.t2t_trainer import main
from tests.training.tiny_runs import PROBLEMS_DIR, TRANSFORMER

FLAGS = [
    f"--t2t_usr_dir={PROBLEMS_DIR}",
    "--problems=tiny_digits",
    "--model=transformer",
    "--hparams_set=transformer_tiny",
    f"--hparams={TRANSFORMER}",
    "--eval_steps=0",
    "--generate_data",
]


def test_help_and_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(main, ["--help"]) == 0
    out = capsys.readouterr().out
    for flag in ("train_steps", "local_eval_frequency", "warm_start_from", "keep_checkpoint_max"):
        assert f"--{flag}: " in out
    assert "(default: 1000)" in out
    assert exit_status(main, []) == 2
    assert "no problem given; name at least one in --problems" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--problems=nothing_like_it"], "unknown problem or mixture 'nothing_like_it'"),
        (["--problems=x", "--train_step=3"], "unknown flag --train_step; did you mean"),
        (["--problems=tiny_digits", "--hparams=dropot=1"], "did you mean 'dropout'"),
        (["--problems=tiny_digits", "--train_steps=many"], "train_steps"),
        (["--problems=tiny_digits", "--schedule=rest"], "schedule"),
    ],
)
def test_mistakes_exit_2(flags: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(main, [f"--t2t_usr_dir={PROBLEMS_DIR}", *flags]) == 2
    assert words in capsys.readouterr().err


def test_data_that_are_missing_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = [*FLAGS[:-1], f"--data_dir={tmp_path}", f"--output_dir={tmp_path / 'run'}"]
    assert exit_status(main, flags) == 2
    assert "problem 'tiny_digits' has no data in" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_where_raw_data_are_reaches_the_generation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--problems=image_mnist", "--generate_data", "--offline"]
    flags += [f"--{name}={tmp_path / name}" for name in ("data_dir", "tfds_data_dir", "output_dir")]
    assert exit_status(main, [*flags, "--hparams_set=multimodel_tiny"]) == 2
    error = capsys.readouterr().err
    assert str(tmp_path / "tfds_data_dir") in error and "--offline" in error


def test_a_run_its_resumption_and_a_sigterm(tmp_path: Path) -> None:
    run = tmp_path / "run"
    flags = [*FLAGS, f"--data_dir={tmp_path / 'data'}", f"--output_dir={run}"]
    assert exit_status(main, [*flags, "--train_steps=2"]) == 0
    assert exit_status(main, [*flags, "--train_steps=2"]) == 0
    assert json.loads((run / "run.json").read_text())["train_steps"] == 2

    command = [sys.executable, "-m", "t2t_mm.bin.t2t_trainer", *flags, "--train_steps=1000000"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        for line in process.stdout:
            if line.startswith("start-up"):
                break
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors[-2000:]
    assert "the same command goes on" in rest and "interrupted." in errors
    saved = max(int(p.stem.rpartition("-")[2]) for p in (run / "checkpoints").glob("*.index"))
    assert saved > 2
