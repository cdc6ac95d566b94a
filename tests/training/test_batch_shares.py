"""A batch cut into shares: the same step as of the whole batch, and the same bits every time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import CheckpointError, HParamError
from t2t_mm.evaluation.teacher_forced import Evaluation
from t2t_mm.registry import HPARAMS, MODELS
from t2t_mm.runs.cores import Cores
from t2t_mm.runs.share_seeds import ShareSeeds
from t2t_mm.training import batch_shares
from t2t_mm.training.dry_run import random_batch
from tests.training.made_step import ALL, ASKED, COLOURS, COUNTED, DIGITS, SETTLED, Made, text_batch
from tests.training.tiny_runs import MULTI_MODEL, assert_equal_checkpoints, train

SHAPES: dict[str, tuple[int, ...]] = {"inputs": (5, 6), "inputs_length": (5,), "targets": (5, 4)}
IMAGES = {**SHAPES, "inputs": (5, 8, 8, 3)}
ROWS = {
    DIGITS: SHAPES,
    COLOURS: {**IMAGES, "targets": (5,)},
    ASKED: {**IMAGES, "question": (5, 6), "question_length": (5,), "targets": (5,)},
    COUNTED: {**SHAPES, "targets": (5,)},
    SETTLED: {**IMAGES, "targets": (5, 3)},
}


@pytest.mark.parametrize("shares", [2, 3])
def test_shares_equal_the_whole_batch(shares: int) -> None:
    whole, shared = (Made(tasks=ALL, batch_shares=n, clip_norm=0.5) for n in (1, shares))
    for task, shapes in ROWS.items():
        batch = random_batch(task, shapes)
        found, wanted = (made(task, batch, loss_weight=0.7) for made in (shared, whole))
        for name in ("loss", "weight", "correct", "examples", "real", "padded", "norm"):
            assert found[name] == pytest.approx(wanted[name], rel=1e-5), (task.name, name)
    for path, value in shared.values().items():
        np.testing.assert_allclose(value, whole.values()[path], rtol=0, atol=2e-5, err_msg=path)


def test_fewer_rows_than_shares_and_accumulated_batches() -> None:
    batches = [text_batch(), random_batch(DIGITS, {**SHAPES, "inputs": (5, 3)})]
    one = random_batch(DIGITS, {"inputs": (1, 3), "inputs_length": (1,), "targets": (1, 2)})
    whole, shared = (Made(batch_shares=n, accumulate_steps=2) for n in (1, 4))
    for group in (batches, [one, one]):
        found, wanted = (made(DIGITS, *group) for made in (shared, whole))
        assert found["loss"] == pytest.approx(wanted["loss"], rel=1e-5)
        assert found["norm"] == pytest.approx(wanted["norm"], rel=1e-5)


@pytest.fixture(autouse=True)
def each_gives_its_memory_back(free_memory: Callable[[], None]) -> Iterator[None]:
    yield
    free_memory()


class OneByOne(Cores):
    """Takes the shares one after the other, the last one first."""

    def map_shares(self, call: Any, rows: int) -> list[Any]:
        shares = min(self.count, rows)
        return [call(slice(i, None, shares)) for i in reversed(range(shares))][::-1]


def test_which_share_is_ready_first_changes_no_bit() -> None:
    """Dropout and the noise of gates included."""
    text = "dropout=0.3,attention_dropout=0.2"
    mades = [Made(text=text, batch_shares=3) for _ in range(2)]
    mades[1].step._take._cores = OneByOne(3)
    batch = random_batch(DIGITS, SHAPES)
    for _ in range(3):
        np.testing.assert_equal(*(made(DIGITS, batch) for made in mades))
    np.testing.assert_equal(mades[0].values(), mades[1].values())


def test_each_share_and_each_step_draws_numbers_of_its_own() -> None:
    seeds = ShareSeeds(5)
    graph = {}
    for _ in range(2):
        for share in range(2):
            with seeds.drawing(tf.constant(share)):
                graph[len(graph)] = [tuple(seeds.next().numpy().tolist()) for _ in range(3)]
        seeds.advance(seeds.draws)
    assert len({seed for found in graph.values() for seed in found}) == 12
    assert seeds.state.numpy().tolist() == [5, 6]
    assert tuple(seeds.next().numpy().tolist()) == (5, 6)


def test_a_step_that_is_not_finite_changes_nothing() -> None:
    made = Made(batch_shares=2, ema_decay=0.9)
    made(DIGITS, text_batch())
    before = made.values(), made.slots()
    assert np.isnan(made(DIGITS, text_batch(), loss_weight=np.nan)["norm"])
    np.testing.assert_equal((made.values(), made.slots()), before)


def test_batches_evaluated_side_by_side_give_the_same_bits() -> None:
    made = Made()
    batches = [random_batch(DIGITS, {**SHAPES, "targets": (5, n)}) for n in range(1, 8)]
    found, wanted = (
        Evaluation(made.model, 0.1, cores)(DIGITS, batches) for cores in (Cores(3), None)
    )
    assert found == wanted and found["loss"] > 0


def test_a_run_keeps_its_shares_wherever_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_memory: Callable[[], None]
) -> None:
    automatic = MULTI_MODEL["hparams"] + ",batch_shares=0"
    options = {**MULTI_MODEL, "local_eval_frequency": 3, "hparams": automatic}
    monkeypatch.setattr(batch_shares, "count_cores", lambda: 2)
    train(tmp_path, "whole", train_steps=6, **options)
    free_memory()
    train(tmp_path, "parts", train_steps=3, **options)
    free_memory()
    monkeypatch.setattr(batch_shares, "count_cores", lambda: 8)
    train(tmp_path, "parts", train_steps=6, **options)
    assert_equal_checkpoints(tmp_path / "whole", tmp_path / "parts")
    record = json.loads((tmp_path / "parts" / "run.json").read_text())
    assert record["hparams"]["batch_shares"] == 2
    changed = {**options, "hparams": MULTI_MODEL["hparams"] + ",batch_shares=3"}
    with pytest.raises(CheckpointError, match="hparam batch_shares: 2 -> 3"):
        train(tmp_path, "parts", train_steps=9, **changed)


def test_a_run_from_before_there_were_shares_goes_on_with_whole_batches(tmp_path: Path) -> None:
    options = {"hparams": "hidden_size=16,filter_size=16,num_heads=2,batch_shares=1"}
    train(tmp_path, "old", train_steps=2, **options)
    path = tmp_path / "old" / "run.json"
    record = json.loads(path.read_text())
    del record["hparams"]["batch_shares"]
    path.write_text(json.dumps(record))
    options = {"hparams": "hidden_size=16,filter_size=16,num_heads=2,batch_shares=0"}
    train(tmp_path, "old", train_steps=4, **options)
    assert json.loads(path.read_text())["hparams"]["batch_shares"] == 1


def test_models_whose_examples_depend_on_one_another_take_whole_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_shares, "count_cores", lambda: 64)
    chosen = {
        hparams_set: batch_shares.with_shares(
            HPARAMS.get(hparams_set)().replace(batch_shares=0), MODELS.get(model), tmp_path
        ).batch_shares
        for model, hparams_set in (
            ("multi_model", "multimodel_tiny"),
            ("multi_model", "multimodel_base"),
            ("resnet", "resnet_tiny"),
        )
    }
    assert chosen == {"multimodel_tiny": 4, "multimodel_base": 1, "resnet_tiny": 1}
    with pytest.raises(HParamError, match="is 2, but examples of a batch .* set it to 1."):
        train(
            tmp_path,
            "refused",
            model="resnet",
            hparams_set="resnet_tiny",
            hparams="batch_shares=2",
            problems="tiny_colours",
        )
