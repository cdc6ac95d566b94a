"""Runs that were cut, grown or averaged are trained on, by their directory alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2t_mm.bin import t2t_trainer
from t2t_mm.bin.command_line import exit_status
from t2t_mm.lookup import find_problems
from t2t_mm.registry import HPARAMS
from t2t_mm.runs.checkpoints import find
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.stored import StoredCheckpoint
from t2t_mm.runs.surgery.averaging import write_average
from t2t_mm.runs.surgery.cutting import Cut
from t2t_mm.runs.surgery.growing import grow, no_steps_for
from t2t_mm.runs.surgery.opened import open_checkpoint
from t2t_mm.training.continuation import arguments, overrides
from tests.runs.made_runs import ALL, logits, make_data
from tests.training.tiny_runs import PROBLEMS_DIR, train

HPARAMS_TEXT = (
    "hidden_size=16,filter_size=32,num_heads=2,encoder_layers=1,decoder_layers=1,batch_size=64,"
    "batch_images=8,class_exit_filters=[8,8],learning_rate=0.05,learning_rate_warmup_steps=10,"
    "dropout=0.0,ema_decay=0.5"
)
OLD = "tiny_colours,tiny_digits_rev"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds data/ and run/, a run of two problems that was trained for 6 steps."""
    folder = tmp_path_factory.mktemp("on")
    make_data(folder / "data")
    train(folder, "run", problems=OLD, hparams=HPARAMS_TEXT, train_steps=6)
    return folder


def train_on(run: Path, data: Path, steps: int) -> None:
    flags = [f"--output_dir={run}", f"--data_dir={data}", f"--t2t_usr_dir={PROBLEMS_DIR}"]
    flags += [f"--train_steps={steps}", "--eval_steps=0"]
    assert exit_status(t2t_trainer.main, flags) == 0


def lines(run: Path, split: str) -> list[dict[str, Any]]:
    every = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line for line in every if line["split"] == split]


def slots(run: Path, kinds: Sequence[str]) -> dict[str, np.ndarray]:
    stored = StoredCheckpoint(find(run))
    return {n: stored.slot(n) for n in stored.slots if n.rpartition("/")[2] in kinds}


def test_a_grown_run_learns_the_new_problem(folder: Path) -> None:
    data, run, grown = folder / "data", folder / "run", folder / "grown"
    changes = f"mixing_weights={no_steps_for(OLD.split(','))}"
    grow(open_checkpoint(run), find_problems(ALL), data, changes).write(grown)
    for problem in OLD.split(","):
        assert np.array_equal(logits(run, data, problem), logits(grown, data, problem))
    settings = {**arguments(grown), "train_steps": 60}
    train(folder, "grown", eval_steps=0, local_eval_frequency=60, **settings)
    trained = lines(grown, "train")
    assert {line["problem"] for line in trained} == {"tiny_digits"}
    assert trained[0]["step"] == 2 and trained[-1]["step"] == 60
    assert trained[-1]["metrics"]["loss"] < 0.75 * trained[0]["metrics"]["loss"]
    assert RunRecord.read(grown).origin["tool"] == "grow"  # further training keeps it


def test_a_cut_run_goes_on_counting_with_its_optimizer(folder: Path) -> None:
    run, cut = folder / "run", folder / "cut"
    opened = open_checkpoint(run)
    Cut(opened, opened.named(["tiny_digits_rev"]), {}).write(cut, keep_optimizer=True)
    before = slots(cut, ["steps"])
    train_on(cut, folder / "data", 9)
    after = slots(cut, ["steps"])
    assert before.keys() == after.keys() and before
    assert {int(after[name] - before[name]) for name in after} == {3}
    assert [line["step"] for line in lines(cut, "train")] == [9]
    train_on(cut, folder / "data", 10)  # now from a checkpoint of its own
    assert find(cut).endswith("model-10")


def test_a_run_without_optimizer_or_average_begins_them_anew(folder: Path) -> None:
    run, averaged = folder / "run", folder / "averaged"
    write_average(averaged, run, 6, [find(run)])
    assert not StoredCheckpoint(find(averaged)).slots
    train_on(averaged, folder / "data", 7)
    counts = slots(averaged, ["steps", "sliding_average_steps"])
    touched = {name.rpartition("/")[0] for name, count in counts.items() if count}
    assert touched and set(map(int, counts.values())) == {0, 1}
    averages = slots(averaged, ["sliding_average"])
    start, end = StoredCheckpoint(find(run)), StoredCheckpoint(find(averaged))
    # Any variable that is a group of its own: 0.1 of where it began and 0.9 of where it is now.
    alone = {
        "commands": "joint/commands",
        "text.vocab.tiny_digits.16": "joint/text.vocab.tiny_digits.16/embedding",
    }
    for name, path in alone.items():
        if name in touched:
            mean = 0.1 * start.variable(path) + 0.9 * end.variable(path)
            found = averages[f"{name}/sliding_average"][: mean.size]
            np.testing.assert_allclose(found, mean.reshape(-1), rtol=1e-4, atol=1e-5)


def test_flags_may_still_be_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder / "run"
    flags = [f"--output_dir={run}", f"--data_dir={folder}/data", f"--t2t_usr_dir={PROBLEMS_DIR}"]
    assert exit_status(t2t_trainer.main, [*flags, "--hparams=dropout=0.5"]) == 2
    assert "hparam dropout: 0.0 -> 0.5" in capsys.readouterr().err
    assert exit_status(t2t_trainer.main, flags) == 0
    assert "has done its 6 steps" in capsys.readouterr().out
    assert exit_status(t2t_trainer.main, [f"--output_dir={folder}/none"]) == 2
    assert "or in --output_dir a run to go on with." in capsys.readouterr().err


def test_overrides_are_read_back() -> None:
    defaults = HPARAMS.get("multimodel_tiny")()
    changed = defaults.replace(
        class_exit_filters=(3, 4),
        use_moe=False,
        learning_rate=1e-5,
        mixing_schedule="@0 a:1;b:1 @1000 a:1;b:3",
        num_experts=7,
    )
    assert defaults.override(overrides(changed, defaults)) == changed
    assert overrides(defaults, defaults) == ""
