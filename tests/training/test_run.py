"""What a run does besides resuming: refusals, divergence, warm start, best weights, the record."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import CheckpointError, DataError, DivergedError, UserError
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.trained_run import held
from t2t_mm.training.best_metric import LOSS
from t2t_mm.training.warm_start import warm_start
from tests.training.tiny_runs import TRANSFORMER, metrics, stored, train


def train_with(folder: Path, name: str, hparams: str, **changes: Any) -> Any:
    """The tiny transformer with some hparams changed."""
    return train(folder, name, hparams=f"{TRANSFORMER},{hparams}", **changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds data/ and base/, a finished run."""
    folder = tmp_path_factory.mktemp("run")
    train(folder, "base")
    return folder


def test_the_run_directory(folder: Path) -> None:
    base = folder / "base"
    record = RunRecord.read(base)
    assert sorted(record.tasks) == ["tiny_colours", "tiny_digits"]
    assert record.bound_hparams().hidden_size == 16
    vocabularies = [path.name for path in (base / "vocab").iterdir()]
    assert vocabularies == ["vocab.tiny_digits.model"]
    assert list(record.vocabularies) == ["vocab.tiny_digits"]
    lines = metrics(base)
    assert {line["split"] for line in lines} == {"train", "dev"}
    trained = [line for line in lines if line["split"] == "train"]
    assert {
        "loss", "accuracy", "learning_rate", "share", "padding_share", "gradient_norm",
    } <= set(trained[0]["metrics"])  # fmt: skip
    counted = {
        name: max(t["metrics"]["steps"] for t in trained if t["problem"] == name)
        for name in record.tasks
    }
    assert sum(counted.values()) == 12
    evaluated = sorted({line["step"] for line in lines if line["split"] == "dev"})
    assert evaluated == [4, 8, 12]
    assert (base / "best" / "checkpoint").exists()


def test_changed_settings_are_refused_by_name(folder: Path) -> None:
    with pytest.raises(CheckpointError) as error:
        train_with(folder, "base", "dropout=0.3", random_seed=3, problems="tiny_digits")
    text = str(error.value)
    assert "seed: 0 -> 3; hparam dropout: 0.1 -> 0.3; problem tiny_colours left out" in text
    assert f"give another --output_dir, and --warm_start_from={folder / 'base'}" in text


def test_more_steps_under_cosine_are_noted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cosine = "learning_rate_schedule=cosine,learning_rate_decay_steps=0,learning_rate=0.001"
    settings = {"problems": "tiny_digits", "eval_steps": 0}
    train_with(folder, "cosine", cosine, train_steps=1, **settings)
    train_with(folder, "cosine", cosine, train_steps=2, progress=True, **settings)
    assert "train_steps 1 -> 2 changes the learning rate" in capsys.readouterr().out


def test_divergence_names_problem_and_step_and_keeps_the_good_checkpoint(folder: Path) -> None:
    class Poison(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch + 1 == 5:
                self.model.commands.assign(np.full(self.model.commands.shape, np.nan))

    settings = {"problems": "tiny_digits", "eval_steps": 0, "callbacks": [Poison()]}
    with pytest.raises(DivergedError) as error:
        train(folder, "nan", **settings)
    path = folder / "nan" / "checkpoints" / "model-4"
    assert "training diverged at step 6 on problem 'tiny_digits': loss nan" in str(error.value)
    assert f"The update was not applied; last good checkpoint: {path}." in str(error.value)
    assert all(np.isfinite(value).all() for value in stored(folder / "nan").values())


def test_warm_start_reports_and_loads_what_matches(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(name: str, **changes: Any) -> Any:
        settings = {"problems": "tiny_digits", "eval_steps": 0, "train_steps": 1, "progress": True}
        hparams = f"{TRANSFORMER},learning_rate=0.0"
        return train(folder, name, **{"hparams": hparams, **settings, **changes})

    start("warm", warm_start_from=str(folder / "base"))
    out = capsys.readouterr().out
    assert f"warm start from {folder / 'base' / 'best'}" in out
    assert "missing, kept at their initial values: none" in out
    assert "(joint/class_label.tiny_colours" in out.partition("in the checkpoint but not used:")[2]
    assert f"matched: {len(_weights(folder / 'warm'))} variables" in out
    old, new = _weights(folder / "base", "best"), _weights(folder / "warm")
    assert all(np.array_equal(new[key], old[key]) for key in new)

    record = RunRecord.read(folder / "base")
    other = dataclasses.replace(record, vocabularies={"vocab.tiny_digits": "another"})
    state = {"joint/commands": tf.Variable(tf.zeros(new[_COMMANDS].shape))}
    assert "WARNING" not in warm_start(str(folder / "warm"), state, record).report()
    report = warm_start(str(folder / "warm"), state, other).report()
    assert "embeddings stand for other words: vocab.tiny_digits" in report
    np.testing.assert_array_equal(state["joint/commands"].numpy(), new[_COMMANDS])

    with pytest.raises(CheckpointError, match="matches this model by name and shape"):
        start(
            "none",
            warm_start_from=str(folder / "base"),
            hparams=TRANSFORMER.replace("16", "24"),
        )
    with pytest.raises(CheckpointError, match="found no checkpoint at"):
        start("none", warm_start_from=str(folder / "nowhere"))


_COMMANDS = "variables/joint.Scommands/.ATTRIBUTES/VARIABLE_VALUE"


def _weights(output_dir: Path, place: str = "checkpoints") -> dict[str, np.ndarray]:
    return {
        key: value
        for key, value in stored(output_dir, place).items()
        if key.startswith("variables") and value.dtype == np.float32
    }


def test_keep_best_and_early_stopping(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from t2t_mm.training import assembly

    losses = iter([3.0, 2.0, 2.5, 2.0, 9.0])

    class Canned:
        best = LOSS

        def __init__(self, *args: Any) -> None: ...

        def __call__(self) -> dict[str, dict[str, float]]:
            loss = next(losses)
            return {"tiny_digits": {"loss": loss, "accuracy": 0.5}}

    monkeypatch.setattr(assembly, "DevEvaluator", Canned)
    settings = {"problems": "tiny_digits", "local_eval_frequency": 2, "progress": True}
    result = train_with(folder, "early", "early_stopping_evals=2", **settings)
    assert result.step == 8
    assert "stopped early: 2 evaluations without a better loss (best 2)." in capsys.readouterr().out
    best = tf.train.latest_checkpoint(str(folder / "early" / "best"))
    assert best.endswith("model-4")

    again = train_with(folder, "early", "early_stopping_evals=2", **settings)
    assert again.step == 8
    assert "was stopped early at step 8" in capsys.readouterr().out
    onwards = train(folder, "early", train_steps=9, **settings)
    assert onwards.step == 9


def test_callbacks_see_steps_and_evaluations_and_may_stop(folder: Path) -> None:
    seen: list[tuple[str, int, set[str]]] = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(("step", batch, set(logs)))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(("evaluation", epoch, set(logs)))
            self.model.stop_training = epoch == 1

    settings = {"problems": "tiny_digits", "local_eval_frequency": 1}
    result = train(folder, "watched", callbacks=[Watch()], **settings)
    assert result.step == 2
    assert [kind for kind, _, _ in seen] == ["step", "evaluation"] * 2
    assert seen[0][2] == {"loss", "tiny_digits/loss"}
    assert {"val_loss", "val_tiny_digits/accuracy"} <= seen[1][2]


def test_evaluate_schedule(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = metrics(folder / "base")
    result = train(folder, "base", schedule="evaluate", progress=True)
    last = [line for line in lines if line["split"] == "dev"][-2:]
    assert {line["problem"]: line["metrics"] for line in last} == result.metrics
    assert "accuracy (teacher-forced)" in capsys.readouterr().out
    assert metrics(folder / "base") == lines


def test_evaluation_on_the_training_data(folder: Path) -> None:
    on_dev = train(folder, "base", schedule="evaluate").metrics
    on_train = train(folder, "base", schedule="evaluate_on_train_data").metrics
    assert on_dev.keys() == on_train.keys()
    assert all(on_train[name]["loss"] != on_dev[name]["loss"] for name in on_dev)


def test_unknown_best_metric_is_told_before_a_step(folder: Path) -> None:
    settings = {"problems": "tiny_digits", "train_steps": 1}
    with pytest.raises(UserError, match="'keep_best_metric' must be one of accuracy.*got 'blue'"):
        train_with(folder, "metric", "keep_best_metric=blue", **settings)
    assert not (folder / "metric" / "checkpoints").exists()
    assert train_with(folder, "metric", "keep_best_metric=accuracy", **settings).step == 1


def test_the_end_of_a_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = train(folder, "end", decode=True, train_steps=2, progress=True)
    out = capsys.readouterr().out
    for words in (
        "start-up: ",
        "accuracy (teacher-forced)",
        "exact_match",
        "tiny_digits:\n  input",
    ):
        assert words in out
    assert {"steps", "train_loss", "loss", "bleu"} <= set(result.metrics["tiny_digits"])
    again = train(folder, "end", train_steps=2)
    assert again.metrics == result.metrics


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "multi_modle"}, "unknown model 'multi_modle' .*did you mean 'multi_model'"),
        ({"schedule": "run_std_server"}, "unknown schedule 'run_std_server'"),
        ({"train_steps": -1}, "--train_steps must be 1 or more, got -1"),
        ({"train_steps": 0}, "--train_steps must be 1 or more, got 0"),
        ({"local_eval_frequency": 0}, "--local_eval_frequency must be 1 or more, got 0"),
        ({"problems": "tiny_digit"}, "did you mean 'tiny_digits'"),
        ({"hparams": "optimizer=adamm"}, "did you mean 'adam'"),
        ({"hparams": "precision=float8"}, "'precision' must be one of float32"),
        (
            {"model": "multi_model"},
            r"the hparams set lacks what the model 'multi_model' needs \(encoder_blocks, .*\); "
            "choose a set made for it with --hparams_set.",
        ),
    ],
)
def test_wrong_arguments_are_sentences(folder: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        train(folder, "wrong", train_steps=changes.pop("train_steps", 1), **changes)


def test_one_process_a_run_directory(folder: Path) -> None:
    with (
        held(folder / "held"),
        pytest.raises(UserError, match="another process is training in"),
    ):
        train(folder, "held")
    (folder / "file").write_text("")
    with pytest.raises(UserError, match="cannot write to .*give another --output_dir"):
        train(folder, "file")


def test_default_output_dir(monkeypatch: pytest.MonkeyPatch) -> None:
    from t2t_mm.training.settings import default_output_dir

    name = default_output_dir("shapes8", "multi_model", "multimodel_tiny")
    assert name == "~/t2t_train/shapes8/multi_model-multimodel_tiny"
    assert default_output_dir("b, a*", "m", "h") == "~/t2t_train/a_-b/m-h"


@pytest.mark.parametrize("split", ["train", "dev"])
def test_a_damaged_shard_is_named(folder: Path, tmp_path: Path, split: str) -> None:
    shutil.copytree(folder / "data", tmp_path / "data")
    for path in (tmp_path / "data").glob(f"tiny_digits-{split}-*"):
        content = bytearray(path.read_bytes())
        content[40] ^= 0xFF  # the size, which binding looks at, stays
        path.write_bytes(content)
    with pytest.raises(DataError, match=rf"tiny_digits-{split}-0000"):
        train(tmp_path, "damaged", problems="tiny_digits", local_eval_frequency=1)
