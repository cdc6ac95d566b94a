"""A cut run: the same answers from less, what was predicted, ready for use and further training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from t2t_mm.errors import CheckpointError, UnknownNameError, UserError
from t2t_mm.runs.checkpoints import find
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.stored import StoredCheckpoint
from t2t_mm.runs.surgery.cutting import Cut
from t2t_mm.runs.surgery.expert_usage import expert_usage, used_experts
from t2t_mm.runs.surgery.opened import new_folder, open_checkpoint
from t2t_mm.runs.surgery.parts import parameters
from tests.runs.made_runs import ALL, HPARAMS_TEXT, loaded, logits, make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path) -> Path:
    return make_run(tmp_path_factory.mktemp("cut") / "run", tiny_data, ALL)


def cut(run: Path, problems: str, to: Path, **more) -> Cut:
    opened = open_checkpoint(run)
    made = Cut(opened, opened.named(problems.split(",")), more.pop("experts", {}))
    made.write(to, **more)
    return made


@pytest.mark.parametrize("problem", ["tiny_colours", "tiny_digits", "tiny_digits_rev"])
def test_answers_stay_bit_for_bit_and_the_size_is_the_predicted_one(
    run: Path, tiny_data: Path, tmp_path: Path, problem: str
) -> None:
    plan = Cut(open_checkpoint(run), open_checkpoint(run).named([problem]), {})
    predicted = parameters(plan.after())
    cut(run, problem, tmp_path / "cut")
    assert (
        logits(tmp_path / "cut", tiny_data, problem).tobytes()
        == logits(run, tiny_data, problem).tobytes()
    )
    shapes = StoredCheckpoint(find(tmp_path / "cut")).variables
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == predicted
    assert predicted < parameters(plan.before())
    record = RunRecord.read(tmp_path / "cut")
    assert list(record.tasks) == [problem]
    assert list(record.vocabularies) == ([] if problem == "tiny_colours" else ["vocab.tiny_digits"])
    assert sorted(p.stem for p in (tmp_path / "cut" / "vocab").iterdir()) == list(
        record.vocabularies
    )
    assert record.origin["tool"] == "cut" and record.origin["step"] == 7
    assert find(tmp_path / "cut").endswith("model-7")


def test_what_is_left_out(run: Path, tmp_path: Path) -> None:
    made = cut(run, "tiny_digits", tmp_path / "cut")
    gone = {part.name for part in made.before()} - {part.name for part in made.after()}
    assert gone == {"image_small.16", "class_label.tiny_colours.3.16"}
    before = {part.name: part for part in made.before()}
    after = {part.name: part for part in made.after()}
    assert before["commands"].parameters == 2 * 16 and after["commands"].parameters == 16
    assert before["decoder_mixture"].problems == ("tiny_digits", "tiny_digits_rev")
    assert before["encoder_mixture"].problems == tuple(ALL.split(","))
    assert not StoredCheckpoint(find(tmp_path / "cut")).slots


def test_the_optimizer_may_be_kept(run: Path, tmp_path: Path) -> None:
    cut(run, "tiny_digits", tmp_path / "cut", keep_optimizer=True)
    old, new = (StoredCheckpoint(find(folder)) for folder in (run, tmp_path / "cut"))
    assert new.slots.keys() < old.slots.keys()
    trained = {v.path for v in loaded(tmp_path / "cut").trainable_variables}
    assert {name.rpartition("/")[0] for name in new.slots} == trained
    for name in new.slots:
        cut_rows = name in ("joint/commands/m", "joint/commands/v")
        wanted = old.slot(name)[:1] if cut_rows else old.slot(name)
        np.testing.assert_array_equal(new.slot(name), wanted)


def test_an_averaged_run_is_cut_to_its_average(tmp_path: Path, tiny_data: Path) -> None:
    run = make_run(tmp_path / "run", tiny_data, ALL, f"{HPARAMS_TEXT},ema_decay=0.9")
    averaged, raw = (logits(run, tiny_data, "tiny_digits", flag) for flag in (True, False))
    assert not np.allclose(averaged, raw)
    cut(run, "tiny_digits", tmp_path / "small")
    cut(run, "tiny_digits", tmp_path / "whole", keep_optimizer=True)
    assert np.array_equal(logits(tmp_path / "small", tiny_data, "tiny_digits"), averaged)
    assert np.array_equal(logits(tmp_path / "whole", tiny_data, "tiny_digits"), averaged)
    assert np.array_equal(logits(tmp_path / "whole", tiny_data, "tiny_digits", False), raw)


def test_experts_below_the_threshold_go(run: Path, tiny_data: Path, tmp_path: Path) -> None:
    opened = open_checkpoint(run)
    tasks = opened.named(["tiny_digits", "tiny_digits_rev"])
    model = loaded(run)
    usage = expert_usage(model, tasks, tiny_data, opened.hparams)
    for shares in usage.values():
        for share in shares.values():
            assert share.sum() == pytest.approx(2.0) and share.max() <= 1.0
    kept = used_experts(usage, 0.3, least=2)
    assert kept and all(2 <= len(experts) < 5 for experts in kept.values())
    made = cut(run, "tiny_digits,tiny_digits_rev", tmp_path / "cut", experts=kept)
    hparams = RunRecord.read(tmp_path / "cut").bound_hparams()
    old, new = (StoredCheckpoint(find(folder)) for folder in (run, tmp_path / "cut"))
    for name, experts in kept.items():
        assert getattr(hparams, name.replace("_mixture", "_experts")) == len(experts)
        for leaf, axis in (("gate_kernel", 1), ("expert_in", 0), ("expert_out", 0)):
            path = f"joint/multi_model/{name}/{leaf}"
            np.testing.assert_array_equal(
                new.variable(path), np.take(old.variable(path), experts, axis)
            )
    total = sum(int(np.prod(shape)) for shape in new.variables.values())
    assert total == parameters(made.after())
    cut_model = loaded(tmp_path / "cut")  # it is built, loaded and routes
    again = expert_usage(cut_model, tasks, tiny_data, hparams)
    assert {name: len(next(iter(shares.values()))) for name, shares in again.items()} == {
        name: len(kept.get(name, range(5))) for name in usage
    }


def test_an_unused_expert_changes_nothing(run: Path, tiny_data: Path, tmp_path: Path) -> None:
    opened = open_checkpoint(run)
    tasks = opened.named(["tiny_digits"])
    usage = expert_usage(loaded(run), tasks, tiny_data, opened.hparams)
    # The least that any expert serves is nothing or some positions: cut exactly those of nothing.
    kept = {
        name: np.flatnonzero(shares["tiny_digits"] > 0).tolist() for name, shares in usage.items()
    }
    cut(run, "tiny_digits", tmp_path / "cut", experts=kept)
    np.testing.assert_allclose(
        logits(tmp_path / "cut", tiny_data, "tiny_digits"),
        logits(run, tiny_data, "tiny_digits"),
        rtol=1e-4,
        atol=1e-5,
    )


def test_used_experts_are_those_of_any_problem_and_at_least_k() -> None:
    shares = {"a": np.array([0.9, 0.0, 0.1, 1.0]), "b": np.array([0.0, 0.02, 0.98, 1.0])}
    assert used_experts({"m": shares}, 0.02, 2) == {}
    assert used_experts({"m": shares}, 0.05, 2) == {"m": [0, 2, 3]}
    assert used_experts({"m": shares}, 0.99, 2) == {"m": [2, 3]}
    for wrong in (0.0, -1.0, 1.5):
        with pytest.raises(UserError, match="--expert_threshold must lie above 0 and at most at 1"):
            used_experts({"m": shares}, wrong, 2)


def test_mistakes_are_sentences(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown problem of this model 'tiny_digit'"):
        open_checkpoint(run).named(["tiny_digit"])
    with pytest.raises(UserError, match="exists and is not empty; name a new folder"):
        new_folder(run)
    assert new_folder(tmp_path / "new") == tmp_path / "new"
    opened = open_checkpoint(run)
    with pytest.raises(CheckpointError, match="has no hparam 'other_experts'"):
        _ = Cut(opened, opened.named(["tiny_digits"]), {"other_mixture": [0, 1]}).hparams
