"""t2t-decoder after a kill: only what is missing is answered, and the file is the same."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys

import pytest

from t2t_mm.bin import t2t_decoder
from t2t_mm.bin.command_line import exit_status
from t2t_mm.problem import Split
from tests.decoding.decoding_run import COUNTS, toy_model, toy_run

pytestmark = pytest.mark.usefixtures("one_model")


def decoder(*flags: str) -> int:
    return exit_status(t2t_decoder.main, list(flags))


class Counted:
    """Counts what the decoder answers, and stops it after some batches."""

    def __init__(self, monkeypatch, stop_after: int | None = None):
        from t2t_mm.decoding.decoder import Decoder

        self.rows: list[int] = []
        answer, batches = Decoder.__call__, iter(range(stop_after or 1000))

        def counted(own, task, batch, rows=None):
            if next(batches, None) is None:
                raise KeyboardInterrupt
            self.rows += [int(row) for row in rows]
            return answer(own, task, batch, rows)

        monkeypatch.setattr(Decoder, "__call__", counted)


LINES = ["red dog sees", "a", "big cat likes small dog", "blue", "cat", "dog sees", "small"]
KILLED = """
import os, signal
from t2t_mm.bin import t2t_decoder
from t2t_mm.decoding.decoder import Decoder

answer, batches = Decoder.__call__, iter(range(2))

def killed(*args):
    if next(batches, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer(*args)

Decoder.__call__ = killed
t2t_decoder.main({flags})
"""


def test_a_killed_run_goes_on(run_dir, tmp_path, monkeypatch, capsys):
    """SIGKILL after two batches of two: the rerun answers the other three lines, and no more."""
    source, whole, out = (tmp_path / name for name in ("in.txt", "whole", "out"))
    source.write_text("\n".join(LINES))
    flags = [
        f"--output_dir={run_dir}",
        "--problem=decoding_toy_text",
        f"--decode_from_file={source}",
        "--decode_hparams=beam_size=2,batch_size=2,return_beams=True",
    ]
    assert decoder(*flags, f"--decode_to_file={whole}") == 0
    out_flags = [*flags, f"--decode_to_file={out}"]
    code = KILLED.format(flags=out_flags)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not out.exists()
    side = tmp_path / "out.partial"
    answered = [json.loads(line)["index"] for line in side.read_text().splitlines()[1:]]
    assert len(answered) == 4
    with open(side, "a") as file:
        file.write('{"index": 6, "output": "half a li')  # as a kill in the middle of a write
    counted = Counted(monkeypatch)
    assert decoder(*out_flags) == 0
    assert sorted([*answered, *counted.rows]) == list(range(len(LINES)))
    assert f"going on: 4 answers are in {side}" in capsys.readouterr().out
    assert out.read_bytes() == whole.read_bytes()
    assert not side.exists()


def test_other_settings_begin_anew(run_dir, tmp_path, monkeypatch, capsys):
    source, out = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("\n".join(LINES))
    flags = [
        f"--output_dir={run_dir}",
        "--problem=decoding_toy_text",
        f"--decode_from_file={source}",
        f"--decode_to_file={out}",
    ]
    with monkeypatch.context() as patch:
        Counted(patch, stop_after=1)
        assert decoder(*flags, "--decode_hparams=batch_size=2,beam_size=1") == 130
    out_text = capsys.readouterr().out
    assert f"what is answered is in {out}.partial; the same command goes on from there." in out_text
    counted = Counted(monkeypatch)
    assert decoder(*flags, "--decode_hparams=batch_size=3,beam_size=1") == 0
    assert "is of another run (settings differ): beginning anew" in capsys.readouterr().out
    assert sorted(counted.rows) == list(range(len(LINES)))


def test_a_split_goes_on(run_dir, tmp_path, monkeypatch):
    monkeypatch.setattr("t2t_mm.decoding.batching._TOKENS", 8)  # batches of one or two
    flags = [
        f"--output_dir={run_dir}",
        "--problem=decoding_toy_text",
        "--decode_split=dev",
        f"--data_dir={toy_run().data_dir}",
    ]
    loaded = toy_model()
    small = dataclasses.replace(loaded, hparams=loaded.hparams.replace(batch_size=8))
    monkeypatch.setattr("t2t_mm.decoding.model_loading.load", lambda *_: small)
    assert decoder(*flags, f"--decode_to_file={tmp_path / 'whole'}") == 0
    with monkeypatch.context() as patch:
        first = Counted(patch, stop_after=2)
        assert decoder(*flags, f"--decode_to_file={tmp_path / 'out'}") == 130
    second = Counted(monkeypatch)
    assert decoder(*flags, f"--decode_to_file={tmp_path / 'out'}") == 0
    assert 0 < len(first.rows) < COUNTS[Split.DEV]
    assert sorted(first.rows + second.rows) == list(range(COUNTS[Split.DEV]))
    for name in ("inputs", "targets", "decodes"):
        assert (tmp_path / f"out.{name}").read_bytes() == (tmp_path / f"whole.{name}").read_bytes()
    assert not list(tmp_path.glob("*.partial"))
