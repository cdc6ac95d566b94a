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
from decoding_run import toy_run


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
    assert line["baseline"]["decoded"] == {"accuracy": 0.5}
    assert line["examples"] == 6


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
