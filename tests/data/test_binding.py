"""A bound problem knows its sizes; data that do not fit are refused in one sentence each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from t2t_mm.data.binding import bind, load_vocabularies, shard_paths
from t2t_mm.data.generation.api import generate
from t2t_mm.data.records.manifest import load_manifest
from t2t_mm.errors import DataError
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import Task
from tests.data.datagen_toys import ToyImage, ToySound, ToyText

TEXT, IMAGE, SOUND = (
    ToyText("datagen_toy_text"),
    ToyImage("datagen_toy_image"),
    ToySound("datagen_toy_sound"),
)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    generate([TEXT, IMAGE, SOUND], tmp_path, num_workers=1, log=lambda line: None)
    return tmp_path


def test_sizes_are_filled_in(data_dir: Path) -> None:
    size = Vocabulary.load(data_dir / "vocab.datagen_toy_text.model").size
    task = bind(TEXT, data_dir)
    assert (task.input.size, task.targets.size, task.train_examples) == (
        size,
        size,
        600,
    )
    assert task.input.vocabulary == "vocab.datagen_toy_text"
    image = bind(IMAGE, str(data_dir))
    assert (image.input, image.targets.size) == (IMAGE.inputs, 3)
    assert (image.targets.names, image.train_examples) == (("red", "green", "blue"), 40)
    assert bind(SOUND, data_dir).input.sample_rate == 8000
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task


def test_derived_problems_read_the_same_shards(data_dir: Path) -> None:
    task, back, copied = (bind(p, data_dir) for p in (TEXT, TEXT.rev(), TEXT.copy()))
    assert (back.name, back.data_name, back.reversed) == (
        "datagen_toy_text_rev",
        "datagen_toy_text",
        True,
    )
    assert (back.input, back.targets) == (task.targets, task.input)
    assert (copied.input, copied.targets, copied.copied) == (task.targets, task.targets, True)
    assert shard_paths(back, "dev", data_dir) == shard_paths(task, "dev", data_dir)


def test_two_vocabularies_are_swapped_with_their_sides(tmp_path: Path) -> None:
    class TwoSided(ToyText):
        def __init__(self, name: str):
            super().__init__(name)
            import dataclasses

            self.targets = dataclasses.replace(self.targets, vocabulary="vocab.other_side")

    problem = TwoSided("two_sided")
    generate([problem], tmp_path, num_workers=1, log=lambda line: None)
    task, back, copied = (bind(p, tmp_path) for p in (problem, problem.rev(), problem.copy()))
    assert (task.input.vocabulary, task.targets.vocabulary) == (
        "vocab.two_sided",
        "vocab.other_side",
    )
    assert (back.input, back.targets) == (task.targets, task.input)
    assert copied.input == task.targets
    assert sorted(load_vocabularies([task, back], tmp_path)) == [
        "vocab.other_side",
        "vocab.two_sided",
    ]


def test_shard_paths(data_dir: Path) -> None:
    task = bind(TEXT, data_dir)
    names = [path.name for path in shard_paths(task, "train", data_dir)]
    assert names == [f"datagen_toy_text-train-0000{i}-of-00005" for i in range(5)]
    with pytest.raises(DataError, match="'datagen_toy_image' has no split test; it has train, dev"):
        shard_paths(bind(IMAGE, data_dir), "test", data_dir)
    with pytest.raises(DataError, match="has no data in .*elsewhere; run `t2t-datagen"):
        shard_paths(task, "train", data_dir / "elsewhere")


def test_no_data(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        bind(TEXT.rev(), tmp_path)
    assert str(error.value) == (
        f"problem 'datagen_toy_text_rev' has no data in {tmp_path}; run `t2t-datagen "
        f"--problems=datagen_toy_text --data_dir={tmp_path}`."
    )


def test_missing_and_truncated_shards(data_dir: Path) -> None:
    path = data_dir / "datagen_toy_text-train-00001-of-00005"
    with open(path, "ab") as file:
        file.write(b"x")
    with pytest.raises(DataError) as error:
        bind(TEXT, data_dir)
    assert str(error.value) == (
        f"the data of problem 'datagen_toy_text' in {data_dir} are not complete: 1 of 8 shards are "
        f"missing, unfinished or of the wrong size ({path.name}); run `t2t-datagen "
        f"--problems=datagen_toy_text --data_dir={data_dir}`, which makes what is missing."
    )
    path.unlink()
    with pytest.raises(DataError, match=r"1 of 8 shards are missing, unfinished or of the wrong s"):
        bind(TEXT, data_dir)


def test_half_written(data_dir: Path) -> None:
    manifest = load_manifest("datagen_toy_text", data_dir)
    manifest.splits["train"][2:] = [None] * 3
    manifest.complete = False
    manifest.save(data_dir)
    with pytest.raises(DataError, match=r"3 of 8 .*\(datagen_toy_text-train-00002-of-00005, ...\)"):
        bind(TEXT, data_dir)


def test_foreign_vocabulary(data_dir: Path) -> None:
    path = data_dir / "vocab.datagen_toy_text.model"
    path.write_bytes((data_dir / "vocab.datagen_toy_sound.model").read_bytes())
    with pytest.raises(DataError) as error:
        bind(TEXT, data_dir)
    assert str(error.value) == (
        f"the data of problem 'datagen_toy_text' were made with another vocabulary than {path} "
        "(its checksum differs); put the original file back, or run `t2t-datagen "
        f"--problems=datagen_toy_text --data_dir={data_dir} --overwrite`."
    )
    with pytest.raises(
        DataError, match=r"is not the file that t2t-datagen wrote there; put the ori"
    ):
        generate([TEXT], data_dir, num_workers=1, log=lambda line: None)


def test_vocabularies_of_another_size(data_dir: Path) -> None:
    task = bind(TEXT, data_dir)
    assert load_vocabularies([task], data_dir)["vocab.datagen_toy_text"].size == (task.input.size)
    sound = data_dir / "vocab.datagen_toy_sound.model"
    (data_dir / "vocab.datagen_toy_text.model").write_bytes(sound.read_bytes())
    with pytest.raises(
        DataError, match=r"was bound to a vocabulary of \d+ ids, and .* has \d+; it"
    ):
        load_vocabularies([task], data_dir)
    assert load_vocabularies([bind(IMAGE, data_dir)], data_dir) == {}
