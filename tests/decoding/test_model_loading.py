"""Loading from the run directory alone, and what is said where it is not whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from t2t_mm.decoding.model_loading import load
from t2t_mm.errors import CheckpointError, UnknownNameError, UserError
from t2t_mm.runs.checkpoints import resolve_checkpoint
from tests.decoding.decoding_run import NAMES, VOCABULARY, toy_run


@pytest.fixture
def run_dir(tmp_path) -> Path:
    return shutil.copytree(toy_run().output_dir, tmp_path / "run")


def test_load_needs_the_run_directory_alone(run_dir):
    loaded = load(run_dir)
    assert sorted(loaded.tasks) == sorted([*NAMES, "decoding_toy_text_rev"])
    assert loaded.step == 7
    assert loaded.hparams.hidden_size == 16
    assert list(loaded.vocabularies) == [VOCABULARY]


def test_weights_are_those_of_the_checkpoint(run_dir):
    import tensorflow as tf

    from t2t_mm.runs.checkpoints import by_path

    loaded = load(run_dir)
    stored = tf.train.load_checkpoint(str(run_dir / "checkpoints"))
    shapes = stored.get_variable_to_shape_map()
    for path, variable in by_path(loaded.model.variables).items():
        name = path.replace(".", "..").replace("/", ".S")
        key = f"variables/{name}/.ATTRIBUTES/VARIABLE_VALUE"
        assert key in shapes
        np.testing.assert_array_equal(variable.numpy(), stored.get_tensor(key))


def test_which_checkpoint(run_dir):
    latest = str(run_dir / "checkpoints" / "model-7")
    for wanted in (None, "latest", latest, run_dir):
        assert resolve_checkpoint(run_dir, wanted) == latest
    with pytest.raises(CheckpointError, match="found no checkpoint at '.*best'"):
        resolve_checkpoint(run_dir, "best")
    shutil.copytree(run_dir / "checkpoints", run_dir / "best")
    assert resolve_checkpoint(run_dir, "best") == str(run_dir / "best" / "model-7")


def test_no_run_directory(tmp_path):
    with pytest.raises(CheckpointError, match=r"is no run directory: it has no run\.json"):
        load(tmp_path)


def test_no_checkpoint(run_dir):
    shutil.rmtree(run_dir / "checkpoints")
    with pytest.raises(CheckpointError, match="found no checkpoint at"):
        load(run_dir)


def test_no_vocabulary(run_dir):
    (run_dir / "vocab" / f"{VOCABULARY}.model").unlink()
    with pytest.raises(
        CheckpointError,
        match=r"run is incomplete: .*vocab\.decoding_toy\.model is missing; copy it there from",
    ):
        load(run_dir)


def test_another_vocabulary(run_dir):
    edit(run_dir, lambda run: run["vocabularies"].update({VOCABULARY: "0"}))
    with pytest.raises(CheckpointError, match="is not the one that the model was trained with"):
        load(run_dir)


def test_other_hparams_than_the_weights(run_dir):
    edit(run_dir, lambda run: run["hparams"].update(hidden_size=32))
    with pytest.raises(CheckpointError, match=r"does not fit this model: '.*' of shape .*differ"):
        load(run_dir)


def test_a_record_of_another_version(run_dir):
    edit(run_dir, lambda run: run["hparams"].update(gone_again=1))
    with pytest.raises(
        CheckpointError,
        match=r"run\.json does not fit this t2t_mm \(unknown hparam 'gone_again'.*that wrote it",
    ):
        load(run_dir)


def edit(run_dir: Path, change) -> None:
    path = run_dir / "run.json"
    run = json.loads(path.read_text())
    change(run)
    path.write_text(json.dumps(run))


def test_decode_checks_its_arguments(run_dir):
    loaded = load(run_dir)
    with pytest.raises(
        UnknownNameError, match=r"unknown problem of this model .*did you mean 'decoding_toy_text'"
    ):
        loaded.decode("decoding_toy_txt", ["a"])
    with pytest.raises(UserError, match="decode takes a list of inputs"):
        loaded.decode("decoding_toy_text", "red dog")
    assert loaded.decode("decoding_toy_text", []) == []
