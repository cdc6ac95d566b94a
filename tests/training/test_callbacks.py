"""Keras's own callbacks in a run: each does its work, or is refused by what does it here."""

from __future__ import annotations

import csv
import json
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import t2t_mm
from t2t_mm.errors import UnknownNameError, UserError
from t2t_mm.training import callback_checks
from t2t_mm.training.callback_checks import choose_direction, refuse
from tests.training.tiny_runs import TRANSFORMER, assert_equal_runs, metrics, stored, train

CONSTANT = (
    TRANSFORMER.replace("learning_rate_warmup_steps=4", "learning_rate_warmup_steps=0")
    + ",learning_rate_schedule=constant,learning_rate=0.01"
)
ONE = {
    "problems": "tiny_digits",
    "hparams": CONSTANT,
    "train_steps": 6,
    "local_eval_frequency": 2,
}
EVENTS = (
    "on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end",
    "on_test_begin", "on_test_end", "on_epoch_end", "on_train_end",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("callbacks")


class Watch(keras.callbacks.Callback):
    """Writes down every event, its number and its logs."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Any, ...]] = []

    def names(self) -> list[str]:
        return [event for event, *_ in self.seen]

    def logs(self, event: str) -> list[dict[str, float]]:
        return [seen[-1] for seen in self.seen if seen[0] == event]


def _writer(event: str) -> Any:
    return lambda self, *arguments: self.seen.append(
        (event, *(dict(a) if isinstance(a, dict) else a for a in arguments))
    )


for _event in EVENTS:
    setattr(Watch, _event, _writer(_event))


def dev(run: Path, name: str) -> list[float]:
    return [line["metrics"][name] for line in metrics(run) if line["split"] == "dev"]


def rates(run: Path) -> list[float]:
    lines = [line for line in metrics(run) if line["split"] == "train"]
    return [line["metrics"]["learning_rate"] for line in lines]


def test_events_files_and_figures_of_one_run(folder: Path) -> None:
    watch, run = Watch(), folder / "one"
    ends: list[int] = []
    hooks = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ends.append(epoch),
        on_train_batch_begin=lambda batch, logs: ends.append(-batch),
    )
    given = [
        watch,
        hooks,
        keras.callbacks.History(),
        keras.callbacks.CSVLogger(folder / "log.csv"),
        keras.callbacks.ModelCheckpoint(
            folder / "w-{epoch}-{val_loss:.3f}.weights.h5", save_weights_only=True
        ),
        keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, min_delta=100.0),
        keras.callbacks.TerminateOnNaN(),
    ]
    if find_spec("tensorboard"):
        given.append(
            keras.callbacks.TensorBoard(folder / "tb", update_freq="batch", histogram_freq=1)
        )
    result = train(folder, "one", callbacks=given, **ONE)
    assert result.step == 6 and not hasattr(result.model, "optimizer")

    step = ["on_train_batch_begin", "on_train_batch_end"]
    epoch = ["on_epoch_begin", *step * 2, "on_test_begin", "on_test_end", "on_epoch_end"]
    assert watch.names() == ["on_train_begin", *epoch * 3, "on_train_end"]
    assert [s[1] for s in watch.seen if s[0] == "on_train_batch_end"] == list(range(6))
    assert [s[1] for s in watch.seen if s[0] == "on_epoch_begin"] == [0, 1, 2]
    assert ends == [0, -1, 0, -2, -3, 1, -4, -5, 2]
    assert watch.params == {"verbose": 0, "epochs": 3, "steps": 2}

    losses = [logs["loss"] for logs in watch.logs("on_train_batch_end")]
    ends_of = watch.logs("on_epoch_end")
    assert [logs["loss"] for logs in ends_of] == pytest.approx(np.reshape(losses, (3, 2)).mean(1))
    assert [logs["val_loss"] for logs in ends_of] == dev(run, "loss")
    assert [logs["val_tiny_digits/accuracy"] for logs in ends_of] == dev(run, "accuracy")
    assert [logs["loss"] for logs in watch.logs("on_test_end")] == dev(run, "loss")
    # The first evaluation is the best one; each later one halves the rate of what follows.
    assert rates(run) == [0.01, 0.01, 0.005]
    assert [logs["learning_rate"] for logs in ends_of] == [0.01, 0.01, 0.005]

    rows = list(csv.DictReader((folder / "log.csv").open()))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    assert [float(row["val_tiny_digits/loss"]) for row in rows] == dev(run, "loss")
    assert given[2].history["val_loss"] == dev(run, "loss")

    if find_spec("tensorboard"):
        found = scalars(folder / "tb" / "validation")["epoch_loss"]
        assert found == pytest.approx(dev(run, "loss"), rel=1e-6)
        found = scalars(folder / "tb" / "train")["batch_loss"]
        assert found == pytest.approx(losses, rel=1e-6)

    paths = [folder / f"w-{i + 1}-{loss:.3f}.weights.h5" for i, loss in enumerate(dev(run, "loss"))]
    model, weights = t2t_mm.load(run).model, [w.copy() for w in result.model.get_weights()]
    model.set_weights([np.zeros_like(value) for value in weights])
    keras.Model.load_weights(model, paths[-1])
    assert all(map(np.array_equal, model.get_weights(), weights))
    keras.Model.load_weights(model, paths[0])
    assert not all(map(np.array_equal, model.get_weights(), weights))


def scalars(folder: Path) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for path in sorted(folder.glob("events*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                if not value.tag.endswith("histogram") and value.tensor.dtype == 1:
                    found.setdefault(value.tag, []).append(float(tf.make_ndarray(value.tensor)))
    return found


def test_a_rate_of_ones_own_and_early_stopping(folder: Path) -> None:
    given = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.0 if epoch else rate / 2),
        keras.callbacks.EarlyStopping(monitor="val_tiny_digits/accuracy", patience=2),
    ]
    settings = {**ONE, "train_steps": 40}
    result = train(folder, "scheduled", callbacks=given, **settings)
    # Without a rate nothing moves, and two evaluations without a better accuracy end the run.
    assert result.step == 6 and rates(folder / "scheduled") == [0.005, 0.0, 0.0]
    assert given[1].mode == "max" and given[1].best == dev(folder / "scheduled", "accuracy")[0]
    reader = [
        tf.train.load_checkpoint(str(folder / "scheduled" / "checkpoints" / f"model-{step}"))
        for step in (2, 6)
    ]
    names = [n for n in reader[0].get_variable_to_shape_map() if n.startswith("variables")]
    assert names and any("kernel" in name for name in names)
    trained = [name for name in names if "seed" not in name]
    for name in trained:
        assert np.array_equal(*(one.get_tensor(name) for one in reader)), name


class Counts(keras.callbacks.Callback):
    """A user's own: stops the process's run after some steps, and remembers how many it saw."""

    def __init__(self, stop_at: int = 0) -> None:
        super().__init__()
        self.stop_at, self.steps = stop_at, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        assert self.model.optimizer.iterations == batch + 1 == self.steps
        if batch + 1 == self.stop_at:
            signal.raise_signal(signal.SIGINT)

    def state(self) -> int:
        return self.steps

    def restore(self, state: int) -> None:
        self.steps = state


def test_a_resumed_run_equals_one_that_was_never_stopped(folder: Path) -> None:
    def given(stop_at: int = 0) -> list[keras.callbacks.Callback]:
        return [
            keras.callbacks.ReduceLROnPlateau(patience=2, factor=0.5, min_delta=100.0),
            Counts(stop_at),
            Watch(),
        ]

    settings = {**ONE, "train_steps": 14}
    whole = given()
    train(folder, "whole", callbacks=whole, **settings)
    assert len(set(rates(folder / "whole"))) == 3
    for stop_at in (5, 8):  # inside of an epoch, and at the end of one
        with pytest.raises(KeyboardInterrupt):
            train(folder, "parts", callbacks=given(stop_at), **settings)
    last = given()
    train(folder, "parts", callbacks=last, **settings)
    assert_equal_runs(folder / "whole", folder / "parts")
    assert last[1].steps == 14 and last[0].wait == whole[0].wait
    assert last[2].seen[-1] == whole[2].seen[-1]
    ends = whole[2].logs("on_epoch_end")
    assert last[2].logs("on_epoch_end") == ends[4:]


def test_terminate_on_nan_ends_the_run_and_saves_nothing(folder: Path) -> None:
    class Poison(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch + 1 == 3:
                self.model.commands.assign(np.full(self.model.commands.shape, np.nan))

    watch = Watch()
    given = [Poison(), keras.callbacks.TerminateOnNaN(), watch]
    result = train(folder, "nan", callbacks=given, **{**ONE, "train_steps": 40})
    assert result.step == 3 and watch.names()[-1] == "on_train_end"
    assert np.isnan(watch.logs("on_train_batch_end")[-1]["loss"])
    assert all(np.isfinite(value).all() for value in stored(folder / "nan").values())
    assert (folder / "nan" / "checkpoints" / "model-2.index").exists()


def test_a_state_must_be_ready_for_json(folder: Path) -> None:
    class Sets(Counts):
        def state(self) -> Any:
            return {1, 2}

    with pytest.raises(UserError, match=r"state\(\) of the callback Sets must give what is ready"):
        train(folder, "json", callbacks=[Sets()], **{**ONE, "eval_steps": 0, "train_steps": 1})


def test_the_rate_must_be_a_rate(folder: Path) -> None:
    settings = {**ONE, "eval_steps": 0, "train_steps": 1}
    wrong = keras.callbacks.LearningRateScheduler(lambda epoch, rate: -0.1)
    with pytest.raises(UserError, match="callback set the learning rate -0.1 at step 0; it must"):
        train(folder, "negative", callbacks=[wrong], **settings)
    ends = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1)
    settings["hparams"] = CONSTANT.replace("learning_rate=0.01", "learning_rate=0.0")
    with pytest.raises(UserError, match="rate 0.1 at step 0, where the schedule's is 0: it sets a"):
        train(folder, "zero", callbacks=[ends], **settings)


def test_an_unknown_monitor_is_told_after_saving(folder: Path) -> None:
    stopping = keras.callbacks.EarlyStopping(monitor="val_tiny_digits/acuracy")
    with pytest.raises(UnknownNameError) as error:
        train(folder, "monitor", callbacks=[stopping], **ONE)
    text = str(error.value)
    assert text.startswith(
        "unknown figure 'val_tiny_digits/acuracy' (from monitor of the callback EarlyStopping); "
        "did you mean 'val_tiny_digits/accuracy'? Known: learning_rate, loss, "
    )
    assert (folder / "monitor" / "checkpoints" / "model-2.index").exists()


def test_epochs_end_without_an_evaluation_too(folder: Path) -> None:
    watch = Watch()
    train(folder, "blind", callbacks=[watch], **{**ONE, "eval_steps": 0, "train_steps": 3})
    assert "on_test_begin" not in watch.names()
    assert [set(logs) for logs in watch.logs("on_epoch_end")] == [
        {"loss", "tiny_digits/loss", "learning_rate"}
    ] * 2


REFUSED = [
    (
        lambda: keras.callbacks.BackupAndRestore("/tmp/never"),
        "the callback BackupAndRestore does not apply here: a run saves its state in output_dir",
    ),
    (
        lambda: keras.callbacks.ProgbarLogger(),
        "the callback ProgbarLogger does not apply here: t2t_mm.train(progress=True) draws",
    ),
    (
        lambda: keras.callbacks.SwapEMAWeights(),
        "the callback SwapEMAWeights does not apply here: the hparam ema_decay keeps",
    ),
    (
        lambda: keras.callbacks.ModelCheckpoint("x.keras"),
        "the callback ModelCheckpoint cannot save a whole keras.Model, which the joint model is "
        "not: a run keeps all of its state in checkpoints/ of its output_dir",
    ),
    (
        lambda: keras.callbacks.EarlyStopping(restore_best_weights=True),
        "the callback EarlyStopping cannot restore_best_weights: the state of the optimizer",
    ),
    (lambda: print, "callbacks must be keras.callbacks.Callback objects, got <built-in function"),
]


@pytest.mark.parametrize(("make", "text"), REFUSED)
def test_refused_by_what_does_it_here(make: Any, text: str) -> None:
    with pytest.raises(UserError) as error:
        refuse([make()], True)
    assert str(error.value).startswith(text)


def test_tensorboard_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = keras.callbacks.TensorBoard(tmp_path)
    monkeypatch.setattr(callback_checks, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="TensorBoard needs a package that is not installed"):
        refuse([board], True)


def test_refused_at_the_start_of_a_run(folder: Path) -> None:
    with pytest.raises(UserError, match="BackupAndRestore does not apply here"):
        train(folder, "never", callbacks=[keras.callbacks.BackupAndRestore("/tmp/x")], **ONE)
    assert not (folder / "never").exists()
    monitoring = keras.callbacks.EarlyStopping()
    refuse([monitoring], True)
    with pytest.raises(UserError, match="monitors 'val_loss', and this run does not evaluate"):
        refuse([monitoring], False)


@pytest.mark.parametrize(
    ("monitor", "mode"),
    [
        ("val_loss", "min"),
        ("tiny_digits/loss", "min"),
        ("val_a/accuracy", "max"),
        ("val_a/neg_log_perplexity", "max"),
        ("val_a/wer", "min"),
        ("val_bleu", "max"),
        ("val_a/mae", "min"),
    ],
)
def test_which_direction_is_better(monitor: str, mode: str) -> None:
    callback = keras.callbacks.EarlyStopping(monitor=monitor)
    choose_direction(callback)
    assert callback.mode == mode
    callback = keras.callbacks.EarlyStopping(monitor=monitor, mode="max")
    choose_direction(callback)
    assert callback.mode == "max"


def test_a_run_on_another_number_of_devices_is_refused(folder: Path) -> None:
    settings = {**ONE, "train_steps": 1, "eval_steps": 0}
    train(folder, "devices", **settings)
    path = folder / "devices" / "run.json"
    record = json.loads(path.read_text())
    assert record["devices"] == 1
    path.write_text(json.dumps({**record, "devices": 4}))
    with pytest.raises(UserError, match="a batch on each of 4 devices at every step, and 1 device"):
        train(folder, "devices", **{**settings, "train_steps": 2})
    path.write_text(json.dumps({n: v for n, v in record.items() if n != "devices"}))
    assert train(folder, "devices", **{**settings, "train_steps": 2}).step == 2
