"""Problems of several inputs, numbers, tags and sets in one model: trained, resumed, answering."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import tests.data.several_toys  # noqa: F401  registers them
from t2t_mm.data.binding import bind
from t2t_mm.decoding.model_loading import LoadedModel, load
from t2t_mm.errors import UserError
from t2t_mm.lookup import find_problem
from tests.data.datagen_toys import png
from tests.training.tiny_runs import metrics, stored, train

NAMES = [f"several_toy_{name}" for name in ("number", "question", "sets", "tags")]
QUESTION = {"inputs": png(1, 0), "question": "number 1 : is it green"}
STEPS = {"local_eval_frequency": 4, "problems": ",".join(NAMES)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of 8 steps, and one that was stopped after 4 and resumed."""
    folder = tmp_path_factory.mktemp("kinds")
    train(folder, "whole", train_steps=8, **STEPS)
    for steps in (4, 8):
        train(folder, "resumed", train_steps=steps, **STEPS)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> LoadedModel:
    return load(folder / "whole")


def test_every_problem_has_a_finite_loss(folder: Path) -> None:
    for split in ("train", "dev"):
        lines = [line for line in metrics(folder / "whole") if line["split"] == split]
        losses = {line["problem"]: line["metrics"]["loss"] for line in lines}
        assert set(NAMES) <= losses.keys()
        assert all(map(math.isfinite, losses.values())), losses


def test_a_resumed_run_is_the_same_to_the_bit(folder: Path) -> None:
    one, other = stored(folder / "whole"), stored(folder / "resumed")
    assert any("slots" in key for key in one)
    assert one.keys() == other.keys()
    assert [key for key in one if one[key].tobytes() != other[key].tobytes()] == []


def test_the_run_remembers_the_kinds(folder: Path, model: LoadedModel) -> None:
    for name in NAMES:
        assert model.tasks[name] == bind(find_problem(name), folder / "data")
    written = json.loads((folder / "whole" / "run.json").read_text())
    assert "several_toy_question" in json.dumps(written)


def test_answers_are_of_the_kind_that_was_declared(model: LoadedModel) -> None:
    (answer,) = model.decode("several_toy_question", [QUESTION])
    assert answer.output in ("no", "yes")
    assert {one.output for one in answer.alternatives} == {"no", "yes"}
    numbers = model.decode("several_toy_number", ["a red circle", "a"])
    assert all(math.isfinite(float(one.output)) for one in numbers)
    words = ["a red circle above", "café", "Straße blue"]
    found = model.decode("several_toy_tags", words)
    for text, one in zip(words, found, strict=True):
        assert len(one.output.split()) == len(text.split())
        assert set(one.output.split()) <= {"O", "B-COLOR"}
    (sets,) = model.decode("several_toy_sets", [png(0, 5)])
    assert set(filter(None, sets.output.split(","))) <= {"two", "three", "five"}


def test_an_answer_does_not_depend_on_its_neighbors(model: LoadedModel) -> None:
    longer = {"inputs": png(0, 1), "question": " ".join(["really"] * 12)}
    (alone,) = model.decode("several_toy_question", [QUESTION])
    (beside, _) = model.decode("several_toy_question", [QUESTION, longer])
    assert beside.output == alone.output
    assert beside.score == pytest.approx(alone.score, abs=1e-5)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"inputs": png(1, 0)}, "question"),
        ({**QUESTION, "answer": "yes"}, "answer"),
        ("is it green", "question"),
        ({**QUESTION, "question": " "}, "question is empty text; give at least one character"),
        ({**QUESTION, "inputs": b"none"}, "inputs is not an image"),
    ],
)
def test_inputs_that_do_not_fit_are_a_sentence(
    model: LoadedModel, given: object, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence) as error:
        model.decode("several_toy_question", [given])
    assert str(error.value).count("\n") == 0
