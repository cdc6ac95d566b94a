"""A bar on a terminal; elsewhere a plain line when enough time is over."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest

from t2t_mm.console import progress
from t2t_mm.console.progress import Bar, Counter
from t2t_mm.data.generation.progress import Meter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """What the clock says, in seconds."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    yield now


def test_plain_lines_come_after_a_while(seconds: list[float]) -> None:
    said: list[str] = []
    bar = Bar(9, None, said.append, quiet=10.0)
    for now in (4.0, 10.0, 11.0, 20.0, 22.0):
        seconds[0] = now
        bar.advance(1, lambda passed: f"after {passed:g} s")
    assert said == ["after 11 s", "after 22 s"]


def test_a_counter_writes_to_standard_error(
    seconds: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Counter(40, done=3) as counted, Counter(None, verb="reading") as unknown:
        seconds[0] = 11.0
        counted.add(5)
        unknown.add(2)
    assert capsys.readouterr().err == "decoding: 8 of 40\nreading: 2\n"


def test_a_meter_counts_shards_and_examples(seconds: list[float]) -> None:
    said: list[str] = []
    with Meter(4, said.append) as meter:
        seconds[0] = 5.0
        meter.examples(100)
        seconds[0] = 20.0
        meter.shard()
    assert said == ["generating: 1 of 4 shards, 100 examples, 5 a second"]


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Bar(4, terminal, done=1, unit="shard", desc="generating") as bar:
        bar.advance(2, lambda _: "a plain line")
        bar.say("a line above")
    shown = terminal.getvalue()
    assert "generating:" in shown and "3/4" in shown
    assert "a line above\n" in shown and "a plain line" not in shown
