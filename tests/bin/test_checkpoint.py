"""t2t-checkpoint from the command line: tables, new run directories, and a sentence per mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from t2t_mm.bin import t2t_checkpoint
from t2t_mm.bin.command_line import exit_status
from t2t_mm.decoding.model_loading import load
from t2t_mm.runs.checkpoints import find
from t2t_mm.runs.stored import StoredCheckpoint
from tests.runs.made_runs import ALL, make_data, make_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds data/, run/ of three problems and small/ of one."""
    folder = tmp_path_factory.mktemp("checkpoint")
    make_data(folder / "data")
    make_run(folder / "run", folder / "data", ALL)
    make_run(folder / "small", folder / "data", "tiny_digits_rev")
    return folder


def command(name: str, folder: Path, *flags: str) -> int:
    argv = [name, f"--data_dir={folder}/data", *flags]
    return exit_status(t2t_checkpoint.main, argv)


def test_inspect_shows_every_part(folder, capsys):
    assert command("inspect", folder, f"--output_dir={folder}/run", "--problems=tiny_digits") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{folder}/run/checkpoints/model-7: multi_model, step 7\n")
    rows = {line.split()[1]: line.split() for line in out.splitlines() if len(line.split()) > 5}
    embedding = rows["text.vocab.tiny_digits.16"]
    assert embedding[:2] == ["modality", "text.vocab.tiny_digits.16"]
    assert embedding[5:] == ["float32", "tiny_digits,", "tiny_digits_rev"]
    mixture = rows["encoder_mixture"]
    assert mixture[0] == "body" and "".join(mixture[6:]) == ALL
    shapes = StoredCheckpoint(find(folder / "run")).variables
    total = sum(_size(shape) for shape in shapes.values())
    (line,) = [line for line in out.splitlines() if line.startswith("total")]
    assert line.split()[1:3] == [str(len(shapes)), f"{total:,}"]
    assert "cut to tiny_digits: " in out


def _size(shape):
    size = 1
    for side in shape:
        size *= side
    return size


def test_cut_and_grow_give_run_directories_that_load(folder, capsys):
    flags = (f"--output_dir={folder}/run", "--problems=tiny_digits")
    assert command("cut", folder, *flags, "--dry_run") == 0
    predicted = capsys.readouterr().out.splitlines()[-1]
    assert command("cut", folder, *flags, f"--to={folder}/cut") == 0
    out = capsys.readouterr().out
    assert predicted in out and f"wrote {folder}/cut/checkpoints/model-7" in out
    total = sum(_size(shape) for shape in StoredCheckpoint(find(folder / "cut")).variables.values())
    assert predicted.endswith(f"-> {total:,}")
    assert list(load(folder / "cut").tasks) == ["tiny_digits"]

    flags = (f"--output_dir={folder}/small", "--problems=tiny_digits", f"--to={folder}/grown")
    assert command("grow", folder, *flags, "--train_only_new", "--freeze_old") == 0
    out = capsys.readouterr().out
    assert "new problems: tiny_digits\n" in out
    assert f"now train it: t2t-trainer --output_dir={folder}/grown" in out
    grown = load(folder / "grown")
    assert sorted(grown.tasks) == ["tiny_digits", "tiny_digits_rev"] and grown.step == 0
    assert grown.hparams.mixing_weights == "tiny_digits_rev:0"
    assert "joint/multi_model/*" in grown.hparams.freeze.split(";")


def test_cutting_experts_measures_what_it_costs(folder, capsys):
    flags = (
        f"--output_dir={folder}/run",
        "--problems=tiny_colours",
        f"--to={folder}/fewer",
        "--expert_threshold=0.5",
        "--eval_steps=1",
    )
    assert command("cut", folder, *flags) == 0
    out = capsys.readouterr().out
    assert "encoder_mixture keeps " in out and "decoder_mixture" not in out.splitlines()[0]
    assert "  tiny_colours accuracy: " in out and "  tiny_colours loss (teacher-forced): " in out
    hparams = json.loads((folder / "fewer" / "run.json").read_text())["hparams"]
    assert 2 <= hparams["encoder_experts"] < 5 and hparams["decoder_experts"] == 0


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["cat"], "unknown command of t2t-checkpoint 'cat'; did you mean 'cut'?"),
        ([], "no command given; write t2t-checkpoint inspect, cut or grow."),
        (["inspect"], "no model given; name the folder that t2t-trainer wrote in --output_dir."),
        (["cut", "--output_dir={run}"], "no problem given; name those that stay in --problems."),
        (["cut", "--output_dir={run}", "--problems=tiny_digits"], "no new folder given; name it"),
        (
            ["--output_dir={run}", "cut", "--problems=digits", "--dry_run"],
            "unknown problem of this model 'digits' (from --problems)",
        ),
        (
            ["cut", "--output_dir={run}", "--problems=tiny_digits", "--to={run}"],
            "exists and is not empty; name a new folder.",
        ),
        (["grow", "--output_dir={run}"], "no problem given; name the new ones in --problems."),
        (["inspect", "--output_dir=/nowhere"], "'/nowhere' is no run directory"),
    ],
)
def test_mistakes_are_one_sentence_and_status_2(folder, capsys, argv, message):
    argv = [word.format(run=folder / "run") for word in argv]
    assert exit_status(t2t_checkpoint.main, argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


@pytest.mark.parametrize("name", ["inspect", "cut", "grow"])
def test_every_command_has_its_help(name, capsys):
    assert exit_status(t2t_checkpoint.main, [name, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"t2t-checkpoint {name} --output_dir=RUN" in out and "--checkpoint_path" in out
