"""A grown run: old answers unchanged, new parts as those of a fresh model."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import tests.data.several_toys  # noqa: F401  registers them
from t2t_mm.data.generation.api import generate
from t2t_mm.data.vocabularies.building import vocabulary_path
from t2t_mm.errors import CheckpointError, HParamError, UserError
from t2t_mm.lookup import find_problems
from t2t_mm.runs.checkpoints import by_path, find
from t2t_mm.runs.model_making import make_model
from t2t_mm.runs.replicas import Replicas
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.stored import StoredCheckpoint
from t2t_mm.runs.surgery.growing import Growth, frozen_old, grow, no_steps_for
from t2t_mm.runs.surgery.opened import open_checkpoint
from t2t_mm.runs.surgery.parts import model_parts
from tests.runs.made_runs import ALL, HPARAMS_TEXT, loaded, logits, make_run

OLD = ("tiny_colours", "tiny_digits_rev")
COMMANDS = "joint/commands"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path) -> Path:
    """Holds run/, of two problems and with a moving average, and grown/, of a third one too."""
    folder = tmp_path_factory.mktemp("grow")
    make_run(folder / "run", tiny_data, ",".join(OLD), f"{HPARAMS_TEXT},ema_decay=0.9")
    grown(folder / "run", tiny_data).write(folder / "grown")
    return folder


def grown(run: Path, data_dir: Path, problems: str = ALL, hparams: str = "") -> Growth:
    return grow(open_checkpoint(run), find_problems(problems), data_dir, hparams)


@pytest.mark.parametrize("problem", OLD)
def test_old_answers_stay_bit_for_bit(folder: Path, tiny_data: Path, problem: str) -> None:
    old, new = (logits(folder / name, tiny_data, problem) for name in ("run", "grown"))
    assert old.tobytes() == new.tobytes()


def test_run_json_lists_old_and_new(folder: Path) -> None:
    record = RunRecord.read(folder / "grown")
    assert sorted(record.tasks) == sorted(ALL.split(","))
    assert record.origin["old_problems"] == list(OLD)
    assert record.origin["new_problems"] == ["tiny_digits"]
    assert find(folder / "grown").endswith("model-0")


def test_rows_of_commands_go_by_name(folder: Path) -> None:
    # "to_digits" is new and sorts before the old "to_text".
    model = loaded(folder / "grown")
    assert model.command_names == ["to_digits", "to_text"]
    before, after = (StoredCheckpoint(find(folder / name)) for name in ("run", "grown"))
    np.testing.assert_array_equal(after.variable(COMMANDS)[1], before.variable(COMMANDS)[0])
    fresh = after.variable(COMMANDS)[0]
    assert 0.5 < fresh.std() < 1.5  # drawn with deviation 1
    assert not np.allclose(fresh, before.variable(COMMANDS)[0], atol=0.1)

    m = after.slot(f"{COMMANDS}/m")
    np.testing.assert_array_equal(m[1:], before.slot(f"{COMMANDS}/m"))
    assert not m[0].any()
    average = after.slot(f"{COMMANDS}/sliding_average")
    np.testing.assert_array_equal(average[0], fresh)
    np.testing.assert_array_equal(average[1:], before.slot(f"{COMMANDS}/sliding_average"))
    assert after.slot(f"{COMMANDS}/steps") == before.slot(f"{COMMANDS}/steps")
    assert after.slot(f"{COMMANDS}/sliding_average_steps") == 0


def test_new_variables_are_a_fresh_models_and_old_slots_stay(
    tiny_data: Path, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", tiny_data, "tiny_colours")
    grown(run, tiny_data, "tiny_digits").write(tmp_path / "grown")
    record = RunRecord.read(tmp_path / "grown")
    tasks = record.bound_tasks()
    fresh = make_model(record.model, tasks, record.bound_hparams(), record.seed, Replicas())
    old, new = (StoredCheckpoint(find(place)) for place in (run, tmp_path / "grown"))
    variables = by_path(fresh.variables)
    added = new.variables.keys() - old.variables.keys()
    assert {path.split("/")[1] for path in added} == {"text.vocab.tiny_digits.16", "commands"}
    for path in new.variables:
        wanted = old.variable(path) if path in old.variables else variables[path].numpy()
        if path != COMMANDS:
            np.testing.assert_array_equal(new.variable(path), wanted)

    # What is new has no slots yet: it begins as in a fresh run.
    assert new.slots == old.slots
    for name in new.slots:
        np.testing.assert_array_equal(new.slot(name), old.slot(name))


def test_mistakes_are_sentences(folder: Path, tiny_data: Path, tmp_path: Path) -> None:
    run = folder / "run"
    with pytest.raises(UserError, match="names no problem that this model lacks; it has tiny_col"):
        grown(run, tiny_data, "tiny_colours")
    with pytest.raises(HParamError, match="'hidden_size' is part of the trained model"):
        grown(run, tiny_data, hparams="hidden_size=32")
    vocabulary = vocabulary_path("vocab.tiny_digits", run / "vocab")
    content = vocabulary.read_bytes()
    other = next((folder / "grown" / "vocab").iterdir()).read_bytes()
    assert content == other
    vocabulary.write_bytes(changed(content))
    with pytest.raises(CheckpointError, match="is not the one that the model was trained with"):
        _ = grown(run, tiny_data).vocabularies
    vocabulary.write_bytes(content)


def changed(content: bytes) -> bytes:
    """The same vocabulary with another score."""
    from sentencepiece import sentencepiece_model_pb2

    model = sentencepiece_model_pb2.ModelProto.FromString(content)
    model.pieces[-1].score -= 1.0
    return model.SerializeToString()


@pytest.mark.parametrize("averaged", [True, False])
def test_old_problems_can_be_held_fixed(folder: Path, tiny_data: Path, averaged: bool) -> None:
    import t2t_mm
    from t2t_mm.training.continuation import arguments

    run, to = folder / "run", folder / "held"
    if not to.exists():
        plan = grown(run, tiny_data, hparams=f"mixing_weights={no_steps_for(OLD)}")
        held = dataclasses.replace(plan, hparams=plan.hparams.replace(freeze=frozen_old(plan)))
        held.write(to)
        settings = {**arguments(to), "train_steps": 2, "schedule": "train", "progress": False}
        t2t_mm.train(**settings, data_dir=tiny_data, output_dir=to)
        assert find(to).endswith("model-2")
    before, after = StoredCheckpoint(find(run)), StoredCheckpoint(find(to))
    for path in before.variables.keys() & after.variables.keys():
        if f"{path}/sliding_average" in before.slots and path != COMMANDS:
            np.testing.assert_array_equal(
                after.variable(path), before.slot(f"{path}/sliding_average")
            )
    start = StoredCheckpoint(find(folder / "grown")).variable(COMMANDS)
    assert (after.variable(COMMANDS)[0] != start[0]).all()  # the new problem's is trained
    owners = {name.rpartition("/")[0] for name in after.slots}
    assert owners == {COMMANDS, *(p for p in after.variables.keys() - before.variables.keys())}
    for problem in OLD:  # the average's answers in both cases: what is frozen keeps no other
        old = logits(run, tiny_data, problem)
        assert logits(to, tiny_data, problem, averaged).tobytes() == old.tobytes()


def test_rows_of_input_slots_go_by_name(folder: Path, tiny_data: Path, tmp_path: Path) -> None:
    """A first problem of several inputs, then one whose inputs have other names too."""
    names = ("several_toy_question", "several_toy_pair")
    generate(find_problems(",".join(names)), tiny_data, num_workers=1, log=lambda line: None)
    grown(folder / "run", tiny_data, f"{','.join(OLD)},{names[0]}").write(tmp_path / "one")
    grown(tmp_path / "one", tiny_data, f"{','.join(OLD)},{','.join(names)}").write(tmp_path / "two")
    for problem in OLD:
        old, new = (logits(run, tiny_data, problem) for run in (folder / "run", tmp_path / "two"))
        assert old.tobytes() == new.tobytes()
    before, after = loaded(tmp_path / "one"), loaded(tmp_path / "two")
    assert set(before.slot_names) < set(after.slot_names)
    for row, name in enumerate(before.slot_names):
        found = np.array(after.slots)[after.slot_names.index(name)]
        np.testing.assert_array_equal(found, np.array(before.slots)[row])
    assert len(np.unique(np.array(after.slots)[:, 0])) == len(after.slot_names)
    parts = {part.kind: part for part in model_parts(open_checkpoint(tmp_path / "two"))}
    assert parts["slots"].problems == tuple(sorted(names))
