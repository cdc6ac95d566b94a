"""Paths that a user gives: none empty, none that TensorFlow takes for a pattern of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from absl import flags

import t2t_mm
from t2t_mm.bin import (
    t2t_avg_all,
    t2t_bleu,
    t2t_checkpoint,
    t2t_datagen,
    t2t_decoder,
    t2t_eval,
    t2t_exporter,
    t2t_query_server,
    t2t_trainer,
)
from t2t_mm.bin.command_line import exit_status
from t2t_mm.bin.t2t_flags import HIDDEN
from t2t_mm.errors import UserError
from t2t_mm.files.paths import literal_path
from t2t_mm.runs.checkpoints import find
from t2t_mm.runs.trained_run import open_run

COMMANDS = {
    "t2t-datagen": t2t_datagen,
    "t2t-trainer": t2t_trainer,
    "t2t-decoder": t2t_decoder,
    "t2t-eval": t2t_eval,
    "t2t-exporter": t2t_exporter,
    "t2t-query-server": t2t_query_server,
    "t2t-avg-all": t2t_avg_all,
    "t2t-bleu": t2t_bleu,
}


def _flags(main: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> flags.FlagValues:
    found: list[flags.FlagValues] = []
    real = flags.FlagValues

    def made() -> flags.FlagValues:
        found.append(real())
        return found[-1]

    monkeypatch.setattr(flags, "FlagValues", made)
    assert main(["--version"]) == 0
    return found[-1]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_takes_an_empty_path(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main = COMMANDS[name].main
    values = _flags(main, monkeypatch)
    monkeypatch.undo()
    paths = [
        flag
        for flag in values
        if values[flag].help != HIDDEN
        and (
            flag in ("warm_start_from", "translation", "reference")
            or flag.endswith(("_dir", "_file", "_path"))
        )
    ]
    assert {"data_dir", "tmp_dir", "t2t_usr_dir", "problems_file"} <= set(paths)
    for flag in paths:
        for argv in ([f"--{flag}="], [f"--{flag}", " "]):
            assert exit_status(main, argv) == 2, flag
            said = capsys.readouterr().err
            assert said.startswith(f"error: --{flag} is empty, perhaps from a shell variable")


def test_no_command_of_t2t_checkpoint_takes_an_empty_path(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in ("inspect", "cut", "grow"):
        for flag in ("output_dir", "checkpoint_path", "data_dir", "problems_file"):
            assert exit_status(t2t_checkpoint.main, [command, f"--{flag}="]) == 2
            assert f"--{flag} is empty" in capsys.readouterr().err
    assert exit_status(t2t_checkpoint.main, ["cut", "--to="]) == 2
    assert "--to is empty" in capsys.readouterr().err


@pytest.mark.parametrize("argument", ["data_dir", "output_dir"])
def test_python_takes_no_empty_path_either(argument: str) -> None:
    with pytest.raises(UserError, match=f"--{argument} is empty"):
        t2t_mm.train("shapes8", hparams_set="multimodel_tiny", **{argument: ""})


@pytest.mark.parametrize("name", ["run [1]", "run*", "run?", "ru\\n"])
def test_checkpoints_lie_at_no_path_that_is_a_pattern(name: str, tmp_path: Path) -> None:
    words = "TensorFlow takes checkpoint paths with \\[, \\*, \\? or \\\\ for patterns"
    folder = tmp_path / name
    with pytest.raises(UserError, match=f"--output_dir=.*{words}"):
        t2t_mm.train(
            "translate_ende_shapes", hparams_set="multimodel_tiny", output_dir=folder / "run"
        )
    with pytest.raises(UserError, match=f"--warm_start_from=.*{words}"):
        t2t_mm.train(
            "translate_ende_shapes",
            hparams_set="multimodel_tiny",
            output_dir=tmp_path / "run",
            warm_start_from=str(folder),
        )
    assert not list(tmp_path.iterdir())
    with pytest.raises(UserError, match=f"--output_dir=.*{words}"):
        open_run(folder)
    with pytest.raises(UserError, match=f"--checkpoint_path=.*{words}"):
        find(folder)


def test_every_command_refuses_a_run_at_a_pattern_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = "--output_dir=run [1]"
    calls = [
        (t2t_trainer.main, ["--problems=translate_ende_shapes", run]),
        (t2t_decoder.main, [run, "--decode_interactive"]),
        (t2t_eval.main, [run]),
        (t2t_exporter.main, [run]),
        (t2t_checkpoint.main, ["inspect", run]),
        (t2t_avg_all.main, ["--model_dir=run [1]"]),
        (t2t_avg_all.main, ["--model_dir=run", run]),
        (t2t_query_server.main, ["--export_dir=run [1]"]),
    ]
    for main, argv in calls:
        assert exit_status(main, argv) == 2, argv
        said = capsys.readouterr().err
        assert "='run [1]' has the character [ in it, and TensorFlow takes" in said, argv
    assert not list(tmp_path.iterdir())


def test_other_characters_are_taken_as_they_stand(tmp_path: Path) -> None:
    for name in ("run 1", "run]", "run{1}", "läufe", "a,b=c"):
        assert literal_path(str(tmp_path / name), "--output_dir") == tmp_path / name
