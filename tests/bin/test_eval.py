"""t2t-eval from the command line: the table, eval.jsonl, and the sentence for each mistake."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from t2t_mm.bin import t2t_eval
from t2t_mm.bin.command_line import exit_status

sys.path.insert(0, str(Path(__file__).parents[1] / "decoding"))  # where the toy run is made
from tests.decoding.decoding_run import toy_run


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory) -> Path:
    return shutil.copytree(toy_run().output_dir, tmp_path_factory.mktemp("eval") / "run")


def evaluate(*flags: str) -> int:
    return exit_status(t2t_eval.main, [f"--data_dir={toy_run().data_dir}", *flags])


def test_prints_a_table_and_appends_to_eval_jsonl(run_dir, capsys):
    assert evaluate(f"--output_dir={run_dir}", "--problems=decoding_toy_class") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{run_dir}/checkpoints/model-7, step 7, split dev:\n")
    assert "50.0 %" in out  # the majority class
    assert "(teacher-forced)" in out
    (line,) = map(json.loads, (run_dir / "eval.jsonl").read_text().splitlines())
    assert (line["problem"], line["split"], line["step"]) == ("decoding_toy_class", "dev", 7)
    assert line["baseline"]["decoded"]["accuracy"] == 0.5
    assert line["examples"] == 6
    assert line["decode_hparams"]["beam_size"] == 4
    assert "decode_hparams: beam_size=4,alpha=0.6," in out
    assert list((run_dir / "tb" / "eval_dev").glob("events*"))


def copy_checkpoint(run_dir: Path, step: int) -> None:
    for path in (run_dir / "checkpoints").glob("model-7.*"):
        shutil.copy(path, path.with_name(path.name.replace("model-7", f"model-{step}")))


def test_every_checkpoint_and_further_metrics(tmp_path, capsys):
    run = shutil.copytree(toy_run().output_dir, tmp_path / "run")
    copy_checkpoint(run, 5)
    copy_checkpoint(run, 12)
    flags = ["--problems=decoding_toy_class", "--metrics=exact_match", "--bootstrap_resamples=0"]
    assert (
        evaluate(f"--output_dir={run}", "--eval_all", "--decode_hparams=beam_size=1", *flags) == 0
    )
    lines = [json.loads(line) for line in (run / "eval.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [5, 7, 12]
    assert lines[0]["decoded"] == lines[1]["decoded"] == lines[2]["decoded"]
    assert set(lines[0]["decoded"]) == {"accuracy", "calibration_error", "exact_match"}
    assert lines[0]["decode_hparams"]["beam_size"] == 1 and lines[0]["intervals"] == {}
    assert "3 checkpoints:\n\nstep" in capsys.readouterr().out


def test_continuous_evaluation_ends_with_the_run(tmp_path, capsys):
    """run.json says 7 steps, and model-7 is there: nothing to wait for."""
    run = shutil.copytree(toy_run().output_dir, tmp_path / "run")
    flags = ["--problems=decoding_toy_class", "--schedule=continuous_eval"]
    assert evaluate(f"--output_dir={run}", *flags) == 0
    (line,) = map(json.loads, (run / "eval.jsonl").read_text().splitlines())
    assert line["step"] == 7


def test_a_checkpoint_that_went_away_is_left_out(tmp_path, capsys):
    run = shutil.copytree(toy_run().output_dir, tmp_path / "run")
    shutil.copy(run / "checkpoints" / "model-7.index", run / "checkpoints" / "model-9.index")
    assert evaluate(f"--output_dir={run}", "--eval_all", "--problems=decoding_toy_class") == 0
    (line,) = map(json.loads, (run / "eval.jsonl").read_text().splitlines())
    assert line["step"] == 7
    assert f"left out: the checkpoint {run}/checkpoints/model-9" in capsys.readouterr().err


def test_no_checkpoint_ever_comes(tmp_path, capsys):
    run = shutil.copytree(toy_run().output_dir, tmp_path / "run")
    shutil.rmtree(run / "checkpoints")
    flags = [f"--output_dir={run}", "--schedule=continuous_eval", "--eval_timeout_mins=0"]
    assert evaluate(*flags) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: no checkpoint came in {run} within --eval_timeout_mins=0 min")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "no model given; name the folder that t2t-trainer wrote in --output_dir."),
        (("--output_dir={run}", "--eval_steps=-1"), "--eval_steps must be 0 or more, got -1."),
        (
            ("--output_dir={run}", "--problems=decoding_toy_clas"),
            "unknown problem of this model 'decoding_toy_clas' (from --problems); did you mean "
            "'decoding_toy_class'?",
        ),
        (("--output_dir={run}", "--problems="), "--problems is empty; this model has decoding_toy"),
        (("--output_dir={run}", "--split=tests"), "value should be one of <dev|test|train>"),
        (("--output_dir={run}", "--split=dev", "--eval_use_test_set"), "contradicts --split=dev."),
        (("--output_dir={run}", "--metrics=blue"), "unknown metric 'blue' (from --metrics); did"),
        (
            ("--output_dir={run}", "--metrics=bleu", "--problems=decoding_toy_class"),
            "the metric 'bleu' (from --metrics) scores none of decoding_toy_class.",
        ),
        (
            ("--output_dir={run}", "--eval_all", "--checkpoint_path=best"),
            "--eval_all chooses the checkpoints; leave --checkpoint_path out.",
        ),
        (
            ("--output_dir={run}", "--eval_all", "--schedule=continuous_eval"),
            "give --eval_all or --schedule=continuous_eval, not both.",
        ),
        (
            ("--output_dir={run}", "--decode_hparams=beam=4"),
            "unknown decoding hparam 'beam' (from --decode_hparams)",
        ),
        (("--output_dir={run}", "--checkpoint=best"), "found no checkpoint at '{run}/best'"),
        (("--output_dir={run}", "--model=transformer"), "--model=transformer contradicts the run"),
        (("--output_dir={run}", "--data_dir=/none"), "has no data in /none; run `t2t-datagen"),
    ],
)
def test_mistakes_are_one_sentence_and_status_2(run_dir, capsys, flags, message):
    assert evaluate(*(flag.format(run=run_dir) for flag in flags)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message.format(run=run_dir) in error
    assert error.count("\n") == 1
