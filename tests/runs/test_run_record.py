"""run.json: written and read, and what a continuation may change."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from t2t_mm.errors import CheckpointError
from t2t_mm.kinds import Text
from t2t_mm.problem import Task
from t2t_mm.registry import HPARAMS
from t2t_mm.runs.run_record import RunRecord, changes, refuse_changes, refuse_other_devices

TEXT = Text("vocab.x", 300)


def record(**changed: object) -> RunRecord:
    task = Task("a", "a", TEXT, TEXT, "to_x", metrics=("bleu",), train_examples=9)
    values = {
        "model": "multi_model",
        "hparams_set": "multimodel_tiny",
        "hparams": HPARAMS.get("multimodel_tiny")().to_dict(),
        "tasks": {"a": task.to_dict()},
        "seed": 1,
        "vocabularies": {"vocab.x": "abc"},
        "train_steps": 10,
    }
    return RunRecord(**{**values, **changed})  # type: ignore[arg-type]


def test_round_trip(tmp_path: Path) -> None:
    record().write(tmp_path)
    read = RunRecord.read(tmp_path)
    assert read.bound_hparams() == HPARAMS.get("multimodel_tiny")()
    assert read.bound_tasks() == [Task("a", "a", TEXT, TEXT, "to_x", ("bleu",), train_examples=9)]
    assert changes(read, record()) == []
    assert set(read.versions) == {"t2t_mm", "python", "tensorflow", "keras"}


def test_every_change_is_named(tmp_path: Path) -> None:
    hparams = {**record().hparams, "dropout": 0.5, "train_steps": 99}
    other = dataclasses.replace(
        record().tasks["a"] and Task.from_dict(record().tasks["a"]), name="b"
    )
    new = record(
        model="transformer",
        seed=2,
        hparams=hparams,
        tasks={"b": other.to_dict()},
        vocabularies={"vocab.x": "def"},
        train_steps=99,
    )
    assert changes(record(), new) == [
        "model: multi_model -> transformer",
        "seed: 1 -> 2",
        "hparam dropout: 0.05 -> 0.5",
        "problem a left out",
        "problem b added",
        "vocabulary vocab.x: abc -> def",
    ]
    with pytest.raises(CheckpointError) as error:
        refuse_changes(tmp_path, record(), new)
    assert str(error.value) == (
        f"{tmp_path} holds a run with other settings: {'; '.join(changes(record(), new))}. To go "
        "on with it, give its settings again; to train with the new ones, give another "
        f"--output_dir, and --warm_start_from={tmp_path} to begin with its weights."
    )


def test_what_may_change(tmp_path: Path) -> None:
    free = {"train_steps": 7, "keep_best_metric": "accuracy", "early_stopping_evals": 3}
    other = record(data={"a": "123"})
    assert changes(other, record(data={"a": "456"})) == ["training data a: 123 -> 456"]
    tasks = {n: {**task, "metrics": ["another"]} for n, task in record().tasks.items()}
    assert tasks and changes(record(), record(tasks=tasks)) == []
    refuse_changes(tmp_path, record(), record(hparams={**record().hparams, **free}, train_steps=7))


def test_fields_that_came_later_have_their_defaults() -> None:
    old = record()
    del old.hparams["ema_decay"], old.hparams["encoder_experts"]
    del old.tasks["a"]["loss_weight"], old.tasks["a"]["inputs"]["inputs"]["absent"]
    assert changes(old, record()) == []
    assert changes(old, record(hparams={**record().hparams, "ema_decay": 0.9})) == [
        "hparam ema_decay: 0.0 -> 0.9"
    ]


def test_no_run_directory(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is no run directory: it has no run.json"):
        RunRecord.read(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(CheckpointError, match="cannot be read as a run's record"):
        RunRecord.read(tmp_path)


def test_another_number_of_devices_is_refused(tmp_path: Path) -> None:
    refuse_other_devices(tmp_path, record(), 4)  # a record of before: nobody knows
    refuse_other_devices(tmp_path, record(devices=2), 2)
    with pytest.raises(CheckpointError) as error:
        refuse_other_devices(tmp_path, record(devices=2), 1)
    assert str(error.value) == (
        f"{tmp_path} holds a run that takes a batch on each of 2 devices at every step, and 1 "
        "device can be seen here, so that its batches would change; make 2 devices visible "
        "(CUDA_VISIBLE_DEVICES), or give another --output_dir with "
        f"--warm_start_from={tmp_path} to begin with its weights."
    )


def test_a_record_of_before_has_no_devices(tmp_path: Path) -> None:
    record().write(tmp_path)
    old = json.loads((tmp_path / "run.json").read_text())
    del old["devices"]
    (tmp_path / "run.json").write_text(json.dumps(old))
    assert RunRecord.read(tmp_path).devices is None
