"""What a user sees: the table, the samples, the progress lines, the start-up phases."""

from __future__ import annotations

import io
import re

import pytest

from t2t_mm.training import progress
from t2t_mm.training.progress import Phases, Progress, losses_line
from t2t_mm.training.table import metrics_table, samples_text


def test_table() -> None:
    rows = {
        "image_shapes": {"steps": 100.0, "train_loss": 1.23456, "loss": 0.5, "accuracy": 0.25},
        "x": {"steps": 7.0, "loss": 2.0, "bleu": 31.4159, "bracket_recall": 1.0},
    }
    assert metrics_table(rows, {"bleu", "accuracy"}).splitlines() == [
        "problem       steps  train loss  dev loss  accuracy (teacher-forced)   bleu",
        "image_shapes    100       1.235       0.5                       0.25      -",
        "x                 7           -         2                          -  31.42",
    ]


def test_samples() -> None:
    text = samples_text({"p": [{"input": "a", "target": "b", "output": "c" * 1000}]})
    assert text.splitlines()[:3] == ["p:", "  input  a", "  target b"]
    assert text.splitlines()[3] == f"  output {'c' * 196} ..."


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_when_not_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    out = io.StringIO()
    shown = Progress(out)
    shown.begin(100, 200)
    for step in range(101, 105):
        shown.step(step, "a" if step % 2 else "b", 2.0, 8.0)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert re.fullmatch(
        r"step 102 of 200: 0\.05 steps/s, 0:32:40 left, 0\.4 examples/s, "
        r"loss: a 2\.000; b 2\.000",
        lines[0],
    )


def test_bar_on_a_terminal_and_silence() -> None:
    out = Terminal()
    shown = Progress(out)
    shown.begin(10, 20)
    shown.step(11, "a", 2.0, 8.0)
    shown.say("a line")
    shown.close()
    assert "11/20" in out.getvalue() and "a line\n" in out.getvalue()
    silent = Progress(None)
    silent.begin(0, 2)
    silent.step(1, "a", 1.0, 1.0)
    silent.say("nothing")
    silent.close()


def test_phases_and_evaluation_line() -> None:
    phases = Phases()
    phases.done("imports")
    phases.done("model")
    assert re.fullmatch(r"start-up: imports 0\.0 s, model 0\.0 s", phases.text())
    # A problem of numbers has no accuracy.
    line = losses_line(5, {"b": {"loss": 1.0, "accuracy": 0.5}, "c": {"loss": 2.0, "mse": 0.5}})
    assert line == "evaluation at step 5, loss (teacher-forced accuracy): b 1.000 (50.0 %); c 2.000"
