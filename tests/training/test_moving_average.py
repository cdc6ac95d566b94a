"""The moving average of the weights against numpy, resumed exactly, and given to who loads."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.data.binding import bind
from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.lookup import find_problems
from t2t_mm.runs.checkpoints import by_path, find, load_variables
from t2t_mm.runs.model_making import make_model
from t2t_mm.runs.replicas import Replicas
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.stored import StoredCheckpoint
from t2t_mm.runs.weights import has_average, load_weights, without_raw
from t2t_mm.training.moving_average import ExponentialMovingAverage
from tests.training.tiny_runs import TRANSFORMER, stored, train

DECAY = 0.6
HPARAMS = f"{TRANSFORMER},ema_decay={DECAY}"


def variable(value: np.ndarray, name: str) -> keras.Variable:
    return keras.Variable(value, dtype="float32", name=name)


def groups() -> dict[str, list[keras.Variable]]:
    rng = np.random.default_rng(0)
    return {
        "a": [variable(rng.normal(size=(2, 3)), "x"), variable(rng.normal(size=4), "y")],
        "b": [variable(rng.normal(size=5), "z")],
    }


def test_follows_the_weights_of_touched_groups_alone() -> None:
    variables, rng = groups(), np.random.default_rng(1)
    averages = ExponentialMovingAverage(DECAY, variables)
    averages.start()
    update = {name: tf.function(lambda name=name: averages.update(name)) for name in variables}
    wanted = {name: [np.array(v) for v in group] for name, group in variables.items()}
    counts = dict.fromkeys(variables, 0)
    for name in "aababbaaaaaaa":
        decay = min(DECAY, (1 + counts[name]) / (10 + counts[name]))
        counts[name] += 1
        for one, average in zip(variables[name], wanted[name], strict=True):
            one.assign(one + rng.normal(size=one.shape).astype("float32"))
            average += (1 - decay) * (np.array(one) - average)
        update[name]()
    for name, group in variables.items():
        own = [np.array(v) for v in group]
        with averages.swapped():
            for one, average in zip(group, wanted[name], strict=True):
                np.testing.assert_allclose(np.array(one), average, rtol=1e-5, atol=1e-6)
        assert all(np.array_equal(v, o) for v, o in zip(group, own, strict=True))
        assert averages._counts[name].variable.numpy() == counts[name]
        assert {n for slot in averages.slots for n in slot.shapes} >= {
            f"{v.path}/sliding_average_steps" for v in group
        }


def test_the_decay_is_what_caps_it() -> None:
    variables = {"a": [keras.Variable([1.0])]}
    averages = ExponentialMovingAverage(0.2, variables)
    averages.start()
    variables["a"][0].assign([2.0])
    expected = 1.0
    for step in range(4):
        averages.update("a")
        decay = min(0.2, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * 2.0
        assert averages._vectors["a"].variable.numpy()[0] == pytest.approx(expected)


def test_off_costs_nothing() -> None:
    averages = ExponentialMovingAverage(0.0, groups())
    averages.start()
    averages.update("a")
    assert averages.slots == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds data/ and whole/, a run of 12 steps with an average."""
    folder = tmp_path_factory.mktemp("averages")
    train(folder, "whole", hparams=HPARAMS)
    return folder


def test_training_is_the_same_and_resumes_bit_for_bit(folder: Path) -> None:
    train(folder, "plain", train_steps=4)
    train(folder, "parts", hparams=HPARAMS, train_steps=4)
    with_average, plain = stored(folder / "parts"), stored(folder / "plain")
    assert all(plain[key].tobytes() == with_average[key].tobytes() for key in plain)
    assert len(with_average) > len(plain)

    train(folder, "parts", hparams=HPARAMS)
    whole, parts = stored(folder / "whole"), stored(folder / "parts")
    assert whole.keys() == parts.keys()
    assert [key for key in whole if whole[key].tobytes() != parts[key].tobytes()] == []


def test_loading_takes_the_average_and_best_holds_it(folder: Path) -> None:
    run = folder / "whole"
    record = RunRecord.read(run)
    tasks, checkpoint = record.bound_tasks(), find(run)
    model = make_model(record.model, tasks, record.bound_hparams(), 0, Replicas())
    variables = by_path(model.variables)

    load_weights(checkpoint, model, tasks)
    averaged = {path: v.numpy() for path, v in variables.items()}
    load_weights(checkpoint, model, tasks, averaged=False)
    raw = {path: v.numpy() for path, v in variables.items()}
    assert raw.keys() == averaged.keys()
    assert all(np.array_equal(raw[p], StoredCheckpoint(checkpoint).variable(p)) for p in raw)
    apart = [p for p in raw if not np.array_equal(raw[p], averaged[p])]
    assert set(apart) == {v.path for v in model.trainable_variables}

    # The last evaluation was at step 12; where it was the best, best/ has what it evaluated.
    best = find(run, best=True)
    assert not has_average(StoredCheckpoint(best)) and has_average(StoredCheckpoint(checkpoint))
    if best.endswith("-12"):
        load_variables(best, variables)
        assert all(np.array_equal(variables[p], averaged[p]) for p in averaged)


def test_evaluation_sees_the_average(folder: Path) -> None:
    from t2t_mm.training.dev_evaluation import DevEvaluator

    run = folder / "whole"
    record = RunRecord.read(run)
    tasks = [bind(problem, folder / "data") for problem in find_problems(",".join(record.tasks))]
    hparams = record.bound_hparams()
    model = make_model(record.model, tasks, hparams, 0, Replicas())
    load_weights(find(run), model, tasks)
    found = DevEvaluator(model, tasks, folder / "data", hparams, 1)()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for name, values in found.items():
        (logged,) = [
            line["metrics"]["loss"]
            for line in lines
            if (line["step"], line["split"], line["problem"]) == (12, "dev", name)
        ]
        assert values["loss"] == pytest.approx(logged, rel=1e-6)


def test_names_and_range() -> None:
    assert without_raw(None) == (None, True)
    assert without_raw("best:raw") == ("best", False)
    assert without_raw(":raw") == (None, False)
    with pytest.raises(HParamError, match="'ema_decay' must be at least 0 and below 1, got '1.0'"):
        HParams().replace(ema_decay=1.0).check()
