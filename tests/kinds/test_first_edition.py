"""Tasks as the first edition wrote them into run.json, and which networks they named."""

from __future__ import annotations

import pytest

from t2t_mm.errors import CheckpointError
from t2t_mm.kinds import Audio, Image, Label, Text, Tree
from t2t_mm.kinds.first_edition import is_first_edition, networks
from t2t_mm.problem import Task
from t2t_mm.registry import HPARAMS
from t2t_mm.runs.run_record import RunRecord


def spec(modality: str, vocabulary: str | None = None, size: int | None = None, **more) -> dict:
    """A feature's record with all fields that the first edition wrote."""
    fields = {
        "modality": modality, "vocabulary": vocabulary, "vocab_size": size, "image_size": None,
        "channels": 3, "flip": False, "augment": "shift", "sample_rate": None, "absent": False,
    }  # fmt: skip
    return {**fields, **more}


def task(inputs: dict, targets: dict, metrics=("bleu",), labels=(), **more) -> dict:
    fields = {
        "name": "a", "data_name": "a", "command": "c", "metrics": list(metrics),
        "labels": list(labels), "reversed": False, "copied": False, "train_examples": 7,
        "mixing_weight": 1.0, "loss_weight": 1.0,
    }  # fmt: skip
    return {**fields, "inputs": inputs, "targets": targets, **more}


TEXT = spec("text", "vocab.x", 300)
IMAGE = spec("image_small", image_size=32, flip=True)
SOUND = spec("audio_spectral", sample_rate=8000)
LABEL = spec("class_label", "shapes", 3)
ABC = ("a", "b", "c")


@pytest.mark.parametrize(
    ("written", "inputs", "targets"),
    [
        (task(TEXT, TEXT), Text("vocab.x", 300), Text("vocab.x", 300)),
        (task(IMAGE, LABEL, ["accuracy"], ABC), Image(32, flip=True), Label(ABC, "shapes")),
        (task(SOUND, TEXT, ["wer"]), Audio(8000), Text("vocab.x", 300)),
        (
            task(TEXT, TEXT, ["bracket_f1", "exact_match"]),
            Text("vocab.x", 300),
            Tree("vocab.x", 300),
        ),
        (
            task(TEXT, TEXT, ["bracket_f1"], copied=True),
            Tree("vocab.x", 300),
            Tree("vocab.x", 300),
        ),
        (
            task(spec("text", "vocab.x", 300, absent=True), TEXT, []),
            Text("vocab.x", 300, absent=True),
            Text("vocab.x", 300),
        ),
        (
            task(spec("image", image_size=299, channels=1, augment="imagenet"), TEXT),
            Image(299, channels=1, augment="imagenet"),
            Text("vocab.x", 300),
        ),
    ],
)
def test_features_become_kinds(written, inputs, targets):
    assert is_first_edition(written)
    read = Task.from_dict(written)
    assert read.inputs == {"inputs": inputs} and read.targets == targets
    assert (read.name, read.command, read.train_examples) == ("a", "c", 7)
    assert read.metrics == tuple(written["metrics"])
    again = read.to_dict()
    assert not is_first_edition(again) and Task.from_dict(again) == read


def test_fields_that_an_older_run_lacks_have_their_defaults():
    old = {key: value for key, value in IMAGE.items() if key in ("modality", "image_size")}
    read = Task.from_dict(task(old, LABEL, labels=ABC))
    assert read.input == Image(32)


def record(*tasks: dict) -> RunRecord:
    """A run of problems of these features, named by their places."""
    named = {str(i): {**one, "name": str(i)} for i, one in enumerate(tasks)}
    hparams = HPARAMS.get("multimodel_tiny")().to_dict()
    new = [name for name in hparams if name.endswith("_modality") or name == "modalities"]
    old = {name: value for name, value in hparams.items() if name not in new}
    return RunRecord("multi_model", "multimodel_tiny", old, named, 1, {}, 10)


def test_networks_that_are_the_kinds_own_today_are_not_named():
    large = spec("image", image_size=299)
    read = record(task(TEXT, TEXT), task(IMAGE, LABEL, labels=ABC), task(large, TEXT),
                  task(SOUND, TEXT))  # fmt: skip
    assert networks(read.tasks) == {}
    assert read.bound_hparams() == HPARAMS.get("multimodel_tiny")()


def test_other_networks_become_hparams():
    waves = spec("audio", sample_rate=8000)
    small = spec("image_small", image_size=299)
    read = record(task(waves, TEXT), task(small, TEXT), task(IMAGE, TEXT))
    hparams = read.bound_hparams()
    assert (hparams.audio_modality, hparams.image_modality) == ("audio", "image_small")
    assert hparams.text_modality == ""


def test_two_networks_of_one_kind_are_refused():
    read = record(task(SOUND, TEXT), task(spec("audio", sample_rate=8000), TEXT))
    with pytest.raises(CheckpointError) as error:
        read.bound_hparams()
    assert str(error.value) == (
        "its problems read one kind of data by several networks (audio, audio_spectral), and a "
        "run has one hparam 'audio_modality' now; train it anew (t2t-trainer with another "
        "--output_dir)."
    )


def test_a_run_of_the_first_edition_is_read_and_goes_on(tmp_path):
    """A continuation by today's code changes nothing about it."""
    from t2t_mm.runs.run_record import changes

    old = record(task(IMAGE, LABEL, ["accuracy"], ABC))
    old.write(tmp_path)
    read = RunRecord.read(tmp_path)
    (bound,) = read.bound_tasks()
    assert bound.kinds == {"inputs": Image(32, flip=True), "targets": Label(ABC, "shapes")}
    new = RunRecord(
        "multi_model", "multimodel_tiny", read.bound_hparams().to_dict(),
        {bound.name: bound.to_dict()}, 1, {}, 10,
    )  # fmt: skip
    assert changes(read, new) == []
