"""A run that is stopped anywhere and started again equals one that was not, bit for bit."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from t2t_mm.runs.run_record import RunRecord
from t2t_mm.training.metrics_log import MetricsLog
from t2t_mm.training.run import is_reported
from tests.training.tiny_runs import (
    MULTI_MODEL,
    assert_equal_runs,
    metrics,
    stored,
    train,
    train_and_die,
)


@pytest.fixture(autouse=True)
def each_gives_its_memory_back(free_memory: Callable[[], None]) -> Iterator[None]:
    """Every test trains several times."""
    yield
    free_memory()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds data/ and whole/, a run of a transformer that nothing stopped."""
    folder = tmp_path_factory.mktemp("resume")
    train(folder, "whole")
    return folder


def test_killed_between_checkpoints_and_while_one_is_written(folder: Path) -> None:
    train(folder, "moe", **MULTI_MODEL)
    train_and_die(folder, "killed", "step 6")
    assert metrics(folder / "killed")[-1]["step"] > 4  # lines that the checkpoint knows nothing of
    train_and_die(folder, "killed", "saving 8")
    assert (folder / "killed" / "checkpoints" / "model-8.index").exists()
    assert train(folder, "killed", **MULTI_MODEL).step == 12
    assert_equal_runs(folder / "moe", folder / "killed")


class Signals(keras.callbacks.Callback):
    """Sends SIGINT after step 5 and SIGTERM after step 10."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch + 1 in (5, 10):
            signal.raise_signal(signal.SIGINT if batch + 1 == 5 else signal.SIGTERM)


def test_a_signal_saves_and_the_same_call_goes_on(folder: Path) -> None:
    for step in (5, 10):
        with pytest.raises(KeyboardInterrupt):
            train(folder, "signals", callbacks=[Signals()])
        assert (folder / "signals" / "checkpoints" / f"model-{step}.index").exists()
    train(folder, "signals", callbacks=[Signals()])
    assert_equal_runs(folder / "whole", folder / "signals")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_finished_run_says_so_and_may_be_prolonged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(folder, "short", train_steps=8)
    before = metrics(folder / "short")
    result = train(folder, "short", train_steps=8, progress=True)
    assert "has done its 8 steps; to train further, raise --train_steps" in capsys.readouterr().out
    assert result.step == 8 and metrics(folder / "short") == before
    assert result.metrics["tiny_digits"]["train_loss"] > 0

    assert train(folder, "short").step == 12
    left, right = stored(folder / "whole"), stored(folder / "short")
    assert all(np.array_equal(left[key], right[key]) for key in left)


class Killed(BaseException):
    """A kill, as far as files are concerned."""


def test_a_run_that_ends_before_its_report_is_reported_by_the_next_call(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = {"tiny_colours": {"bleu": 0.5}, "tiny_digits": {"exact_match": 0.25}}
    samples = {"tiny_digits": [{"input": "one two", "target": "1 2", "output": "1 1"}]}
    calls: list[str] = []
    write, record = MetricsLog.write, RunRecord.write

    def decode(*args: Any) -> Any:
        calls.append("decoded")
        if len(calls) == 1:
            raise Killed
        return figures, samples

    def dying_write(self: Any, step: int, split: str, problem: str, values: Any) -> None:
        if len(calls) == 2 and "exact_match" in values:
            raise Killed
        write(self, step, split, problem, values)

    def dying_record(self: RunRecord, output_dir: Path) -> None:
        if len(calls) == 3 and self.reported:
            raise Killed
        record(self, output_dir)

    monkeypatch.setattr("t2t_mm.training.report.decode_samples", decode)
    monkeypatch.setattr(MetricsLog, "write", dying_write)
    monkeypatch.setattr(RunRecord, "write", dying_record)
    run: dict[str, Any] = {"decode": True, "train_steps": 4}
    for _ in range(3):
        with pytest.raises(Killed):
            train(folder, "unreported", **run)
    train(folder, "unreported", **run, progress=True)
    assert "one two" in capsys.readouterr().out and len(calls) == 4
    train(folder, "reported", **run)
    assert metrics(folder / "unreported") == metrics(folder / "reported")
    assert {"bleu": 0.5} in [line["metrics"] for line in metrics(folder / "unreported")]
    assert is_reported(folder / "unreported", 4) and len(calls) == 5


def test_old_runs_that_do_not_say_are_judged_by_their_lines(tmp_path: Path) -> None:
    lines = [
        {"step": 4, "split": "dev", "problem": "a", "metrics": {"loss": 1.0}},
        {"step": 4, "split": "dev", "problem": "a", "metrics": {"bleu": 0.5}},
    ]
    record = {
        **dict.fromkeys(("model", "hparams_set"), "x"),
        **{"hparams": {}, "tasks": {}, "seed": 0, "vocabularies": {}, "train_steps": 4},
    }
    (tmp_path / "run.json").write_text(json.dumps(record))
    for count, reported in ((0, True), (1, False), (2, True)):
        text = "".join(json.dumps(line) + "\n" for line in lines[:count])
        (tmp_path / "metrics.jsonl").write_text(text)
        assert is_reported(tmp_path, 4) is reported


def test_order_of_problems_changes_nothing(folder: Path) -> None:
    train(folder, "turned", problems="tiny_digits,tiny_colours")
    assert_equal_runs(folder / "whole", folder / "turned")


def test_another_seed_gives_another_run(folder: Path) -> None:
    train(folder, "seed", train_steps=1, random_seed=1, eval_steps=0)
    left, right = stored(folder / "seed"), stored(folder / "whole")
    assert left.keys() == right.keys()
    key = next(key for key in left if "commands" in key)
    assert not np.array_equal(left[key], right[key])
