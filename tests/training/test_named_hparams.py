"""Hparams that name something are refused by their own name, before the first step."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_mm.errors import UserError
from t2t_mm.hparam import HParams
from t2t_mm.value_range import Named
from tests.training.tiny_runs import TRANSFORMER, train

WRONG = {
    "problem_choice": "no_such",
    "mixing_weights": "tiny_digits:-1",
    "mixing_schedule": "@0 tiny_digits:x",
    "loss_weights": "no_such:1",
    "optimizer": "no_such",
    "optimizer_hparams": "[no_such=1]",
    "learning_rate_schedule": "no_such",
    "learning_rate_multipliers": "no_such:2",
    "freeze": "no_such",
    "keep_best_metric": "no_such",
    "text_modality": "no_such",
    "image_modality": "no_such",
    "audio_modality": "no_such",
    "label_modality": "no_such",
    "number_modality": "no_such",
    "tags_modality": "no_such",
    "modalities": "text:no_such",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("named")


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_what_is_not_there_is_refused_by_the_hparams_name(
    folder: Path, name: str, value: str
) -> None:
    schedule = ",problem_choice=schedule" if name == "mixing_schedule" else ""
    hparams = f"{TRANSFORMER},{name}={value}{schedule}"
    with pytest.raises(UserError) as error:
        train(folder, name, hparams=hparams, train_steps=1, eval_steps=1)
    assert name.removesuffix("_hparams") in str(error.value)
    assert not (folder / name / "checkpoints").exists()


def test_every_hparam_that_names_something_is_tested() -> None:
    named = {name for name, rule in HParams.rules().items() if isinstance(rule, Named)}
    assert named == set(WRONG)
