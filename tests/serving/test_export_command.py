"""t2t-exporter from the command line: what it hands on, and the sentence for each mistake."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "decoding"))  # where the toy run is made
from t2t_mm.bin import t2t_exporter
from t2t_mm.bin.command_line import exit_status
from tests.decoding.decoding_run import toy_model, toy_run


@pytest.fixture(autouse=True)
def one_model(monkeypatch):
    """Loads once: loading has tests of its own, in tests/decoding."""
    loaded = toy_model()
    monkeypatch.setattr("t2t_mm.serving.export.api.load", lambda *_: loaded)


def exporter(*flags: str) -> int:
    return exit_status(t2t_exporter.main, [f"--output_dir={toy_run().output_dir}", *flags])


def test_an_export_with_its_quality(tmp_path, capsys):
    status = exporter(
        "--problems=decoding_toy_class",
        f"--export_dir={tmp_path}",
        f"--data_dir={toy_run().data_dir}",
        "--weights=int8",
        "--eval_examples=6",
    )
    assert status == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith(f"wrote {tmp_path}/7: ")
    assert " MB for 1 problem, of which the int8 weights 0.0" in first
    assert second.startswith("decoding_toy_class, 6 examples: accuracy ")
    assert " with int8, " in second
    assert " with float32 (" in second
    assert [path.name for path in tmp_path.iterdir()] == ["7"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--problems=decoding_toy_txt"], "did you mean 'decoding_toy_text'?"),
        (["--weights=int4"], "flag --weights=int4: value should be one of <float32|float16|int8>"),
        (["--decode_hparams=beam=2"], "unknown decoding hparam 'beam' (from --decode_hparams)"),
        (["--decode_hparams=beam_size=0"], "decoding hparam 'beam_size' must be 1 (greedy) or"),
        (["--eval_examples=-1"], "--eval_examples must be 0 or more, got -1."),
        (["--eval_examples=3", "--data_dir=/none"], "has no data in /none; run `t2t-datagen"),
        (["--model=transformer"], "--model=transformer contradicts the run in"),
        (["--output_dir=/none"], "'/none' is no run directory"),
    ],
)
def test_mistakes_are_one_sentence_and_status_2(tmp_path, capsys, flags, message):
    assert exporter(f"--export_dir={tmp_path}", *flags) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert not list(tmp_path.iterdir())
