"""Several inputs, numbers, tags and sets of labels: from samples over records to batches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2t_mm.data.batches.pipeline import (
    count_examples,
    evaluation_batches,
    largest_batch,
    training_batches,
)
from t2t_mm.data.binding import bind, load_vocabularies, shard_paths
from t2t_mm.data.generation import api
from t2t_mm.data.generation.verification import verify
from t2t_mm.data.records.manifest import load_manifest, manifest_path
from t2t_mm.errors import DataError
from t2t_mm.files.writing import file_digest
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Audio, Image, Label, Number, Tags, Text
from t2t_mm.kinds.vocabulary import EOS, Vocabulary
from t2t_mm.lookup import find_problem, find_problems
from t2t_mm.problem import Problem, Split, Task, Text2NumberProblem, Text2TagsProblem
from tests.data.datagen_toys import Given, png, sentence, tone
from tests.data.several_toys import COLOURS, count, tags
from tests.data.stored_shards import pcm, serve, write_shards
from tests.data.tfds_folders import parse_example

HPARAMS = HParams(batch_size=96, batch_images=8, max_length=30)


def generate(problems: list[Problem], data_dir: Path, **options: Any) -> None:
    api.generate(problems, data_dir, **{"num_workers": 1, "log": lambda line: None, **options})


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All toys, made by one worker."""
    folder = tmp_path_factory.mktemp("several")
    generate(find_problems("several_toy*"), folder)
    return folder


def task_of(name: str, data_dir: Path) -> Task:
    return bind(find_problem(name), data_dir)


def records(name: str, data_dir: Path, split: str = "train") -> list[dict[str, Any]]:
    found = []
    for path in shard_paths(task_of(name, data_dir), split, data_dir):
        content, at = path.read_bytes(), 0
        while at < len(content):
            size = int.from_bytes(content[at : at + 8], "little")
            found.append(parse_example(content[at + 12 : at + 12 + size]))
            at += 16 + size
    return found


def first_epoch(task: Task, data_dir: Path, hparams: HParams = HPARAMS) -> list[dict[str, Any]]:
    used, batches = count_examples(task, "train", data_dir, hparams, training=True).used, []
    for batch in training_batches(task, data_dir, hparams, 0).as_numpy_iterator():
        batches.append(batch)
        used -= len(batch["targets"])
        if used <= 0:
            return batches
    raise AssertionError


def rows(batches: list[dict[str, Any]], name: str) -> list[Any]:
    return [row for batch in batches for row in batch[name]]


# Stored.


def test_every_input_is_stored_beside_its_answer(data_dir: Path) -> None:
    vocabulary = Vocabulary.load(data_dir / "vocab.several_toy_question.model")
    stored = records("several_toy_question", data_dir)
    assert len(stored) == 60
    for example in stored:
        assert example.keys() == {"inputs", "question", "targets"}
        question = vocabulary.decode(example["question"])
        assert example["question"][-1] == EOS
        number = int(question.split()[1])
        assert example["inputs"] == [png(number % 3, number)]
        answer = question.endswith(COLOURS[number % 3])
        assert example["targets"].tolist() == [int(answer)]


def test_each_text_has_its_own_vocabulary_and_an_order_of_names(data_dir: Path) -> None:
    task = task_of("several_toy_pair", data_dir)
    assert list(task.kinds) == ["first", "second", "targets"]
    assert task.text_vocabularies == ["vocab.pair_a", "vocab.pair_b"]
    vocabularies = load_vocabularies([task], data_dir)
    expected = {
        (
            sentence(0, Split.TRAIN, i, 2 + i % 5),
            sentence(1, Split.TRAIN, i, 9 - i % 7).upper(),
            int(2 + i % 5 <= 9 - i % 7),
        )
        for i in range(60)
    }
    assert expected == {
        (
            vocabularies["vocab.pair_a"].decode(e["first"]),
            vocabularies["vocab.pair_b"].decode(e["second"]),
            int(e["targets"][0]),
        )
        for e in records("several_toy_pair", data_dir)
    }


def test_numbers_tags_and_sets_are_stored(data_dir: Path) -> None:
    numbers = sorted(e["targets"].tolist() for e in records("several_toy_number", data_dir))
    assert numbers == sorted([(1 + i % 9) / 4] for i in range(60))
    vocabulary = Vocabulary.load(data_dir / "vocab.several_toy_tags.model")
    for example in records("several_toy_tags", data_dir):
        text = vocabulary.decode(example["inputs"])
        assert len(example["targets"]) == len(example["inputs"])
        assert [("O", "B-COLOR")[i - 1] for i in example["targets"] if i] == tags(text).split()
        assert example["targets"][-1] == 0  # the end is no word
    sets = [tuple(e["targets"]) for e in records("several_toy_sets", data_dir)]
    divisors = [[n for n, k in enumerate((2, 3, 5)) if i % k == 0] for i in range(60)]
    assert sorted(sets) == sorted(map(tuple, divisors))


def test_the_bytes_do_not_depend_on_workers(data_dir: Path, tmp_path: Path) -> None:
    generate(find_problems("several_toy*"), tmp_path, num_workers=2)
    names = [path.name for path in data_dir.glob("[!.]*") if path.is_file()]
    for name in names:
        assert file_digest(tmp_path / name) == file_digest(data_dir / name), name
    assert verify(find_problems("several_toy*"), tmp_path) == []


# Bound, and the manifest.


def test_bound_problems_know_their_sizes(data_dir: Path) -> None:
    task = task_of("several_toy_question", data_dir)
    size = Vocabulary.load(data_dir / "vocab.several_toy_question.model").size
    assert task.inputs == {
        "inputs": Image(8),
        "question": Text("vocab.several_toy_question", size),
    }
    assert task.targets == Label(("no", "yes"), "several_toy_question", of_several=True)
    assert task_of("several_toy_number", data_dir).targets == Number(0.0, 5.0)
    tagged = task_of("several_toy_tags", data_dir).targets
    assert tagged == Tags(("O", "B-COLOR"), "several_toy_tags", vocabulary="vocab.several_toy_tags")
    assert task_of("several_toy_sets", data_dir).targets.names == ("two", "three", "five")
    for problem in find_problems("several_toy*"):
        bound = bind(problem, data_dir)
        assert Task.from_dict(json.loads(json.dumps(bound.to_dict()))) == bound


def test_the_manifest_tells_of_every_feature(data_dir: Path) -> None:
    manifest = load_manifest("several_toy_question", data_dir)
    assert list(manifest.features) == ["inputs", "question", "targets"]
    assert manifest.features["question"]["vocabulary"] == "vocab.several_toy_question"
    assert manifest.labels == ("no", "yes")
    written = json.loads(manifest_path("several_toy_question", data_dir).read_text())
    assert written["inputs"].keys() == {"inputs", "question"}
    assert load_manifest("several_toy_sets", data_dir).labels == ("two", "three", "five")


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"inputs": {"inputs": Image(8)}}, "the features inputs, question, targets, not inputs,"),
        (
            {"inputs": {"inputs": Image(8), "question": Audio(8000)}},
            "question of kind text, not audio",
        ),
        (
            {"inputs": {"inputs": Image(8), "question": Text("vocab.other")}},
            "question in vocab.several_toy_question, not vocab.other",
        ),
        ({"labels": ("yes", "no")}, "the 2 labels (no, yes), not (yes, no)"),
        ({"targets": Number(0.0, 1.0)}, "targets of kind label, not number"),
        (
            {"targets": Label(("no", "yes"), "several_toy_question", multiple=True)},
            "targets with multiple None, not True",
        ),
    ],
)
def test_data_of_another_declaration_are_refused(
    data_dir: Path, change: dict[str, Any], difference: str
) -> None:
    problem = find_problem("several_toy_question")
    problem.__dict__.update(change)
    with pytest.raises(DataError) as error:
        bind(problem, data_dir)
    assert f"were made with {difference}" in str(error.value)


def test_numbers_of_another_range_are_refused(data_dir: Path) -> None:
    problem = find_problem("several_toy_number")
    problem.targets = Number(0.0, 4.0)
    with pytest.raises(DataError, match=r"were made with targets with high 5.0, not 4.0; run"):
        bind(problem, data_dir)


def test_manifests_of_the_first_edition_are_read(data_dir: Path, tmp_path: Path) -> None:
    """One input stands there as the first edition wrote it, which knew no other."""
    name = "several_toy_tags"
    written = json.loads(manifest_path(name, data_dir).read_text())
    vocabulary = f"vocab.{name}"
    assert written["inputs"] == {"kind": "text", "vocabulary": vocabulary, "sample_rate": None}
    assert written["format"] == 1
    # As it wrote a problem from sound to labels.
    written.update(
        inputs={"kind": "audio", "vocabulary": None, "sample_rate": 8000},
        targets={"kind": "label", "vocabulary": "old", "sample_rate": None},
        data_name="old",
        vocabularies={},
    )
    manifest_path("old", tmp_path).write_text(json.dumps(written))
    manifest = load_manifest("old", tmp_path)
    assert list(manifest.features) == ["inputs", "targets"]
    problem = Problem("old")
    problem.labels, problem.inputs = ("O", "B-COLOR"), Audio(8000)
    problem.targets = Label((), "old")
    assert manifest.difference(problem) is None
    problem.inputs = Audio(16_000)
    assert manifest.difference(problem) == "inputs at 8000 Hz, not 16000 Hz"


# Mistakes.

BAD = "; or leave broken examples out with --skip_broken."
SEVERAL = {"inputs": {"inputs": Text("vocab.toy"), "question": Text("vocab.toy")}}
LABELS = Label(("no", "yes"), "toy")


def declared(samples: list[Any], **kinds: Any) -> Given:
    problem = Given("toy", Problem, samples)
    problem.__dict__.update(kinds)
    return problem


def shaped(shape: type[Problem], samples: list[Any], **changes: Any) -> Given:
    return Given("toy", shape, samples, **changes)


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (declared([{"inputs": "a", "targets": "no"}], **SEVERAL, targets=LABELS),
         "must yield mappings of inputs, question, targets and, optionally, references; got "
         "inputs, targets."),
        (declared([{"inputs": "a", "question": " ", "targets": "no"}], **SEVERAL, targets=LABELS),
         "problem 'toy', split train, example 0: question is empty text; give at least one "
         f"character{BAD}"),
        (declared([{"inputs": "a", "question": "b", "targets": "perhaps"}], **SEVERAL,
                  targets=LABELS),
         f"targets has the unknown label 'perhaps'; allowed are no, yes{BAD}"),
        (declared([{"inputs": "a", "targets": ["no", "perhaps"]}], inputs=Text("vocab.toy"),
                  targets=Label(("no", "yes"), "toy", multiple=True)),
         f"targets has the unknown label 'perhaps'; allowed are no, yes{BAD}"),
        (declared([{"inputs": "a", "targets": "no"}], inputs=Text("vocab.toy"),
                  targets=Label((), "toy")),
         "problem 'toy' must declare `labels`, for its targets are labels."),
        (shaped(Text2NumberProblem, [{"inputs": "a", "targets": "much"}]),
         f"targets must be a number, got 'much'{BAD}"),
        (shaped(Text2NumberProblem, [{"inputs": "a", "targets": 1.5}]),
         f"targets must lie between -1 and 1, got 1.5{BAD}"),
        (shaped(Text2NumberProblem, [{"inputs": "a", "targets": float("nan")}]),
         f"targets must lie between -1 and 1, got nan{BAD}"),
        (shaped(Text2TagsProblem, [{"inputs": "a b", "targets": "O"}], labels=("O",)),
         f"targets has 1 tags for 2 words; give one each{BAD}"),
        (shaped(Text2TagsProblem, [{"inputs": "a b", "targets": "O X"}], labels=("O",)),
         f"targets has the unknown tag 'X'; allowed are O{BAD}"),
        (shaped(Text2TagsProblem, [{"inputs": "a\u2581b", "targets": "O"}], labels=("O",)),
         f"targets is beside a text whose words are not parted by single spaces{BAD}"),
    ],
)  # fmt: skip
def test_sentences(tmp_path: Path, problem: Problem, sentence: str) -> None:
    with pytest.raises(DataError) as error:
        generate([problem], tmp_path)
    assert sentence in str(error.value)


@pytest.mark.parametrize("name", ["targets", "references", "index", "question_length", "a-b"])
def test_names_that_no_input_may_have(name: str) -> None:
    with pytest.raises(TypeError, match=f"an input cannot be named '{name}'"):
        Task("toy", "toy", {name: Text("v", 300)}, LABELS, "to_label")
    with pytest.raises(TypeError, match="input 'a' must be a kind such as Text"):
        Task("toy", "toy", {"a": "text"}, LABELS, "to_label")


@pytest.mark.parametrize("name", ["several_toy_question", "several_toy_pair"])
def test_what_has_several_inputs_is_not_reversed(name: str) -> None:
    assert not find_problem(name).reversible
    with pytest.raises(DataError, match=f"problem '{name}_rev' does not exist: _rev needs text on"):
        find_problem(f"{name}_rev")


# Batches.


def test_batches_hold_a_tensor_and_a_length_of_each_input(data_dir: Path) -> None:
    task = task_of("several_toy_question", data_dir)
    batches = first_epoch(task, data_dir)
    assert len(rows(batches, "targets")) == 60
    for batch in batches:
        assert list(batch) == [
            "inputs", "inputs_length", "question", "question_length", "targets"
        ]  # fmt: skip
        assert batch["inputs"].shape[1:] == (8, 8, 3) and batch["inputs"].dtype == np.float32
        assert (batch["inputs_length"] == 64).all()
        assert batch["question"].shape[1] == batch["question_length"].max()
        assert batch["targets"].shape == (len(batch["inputs"]),)
        # Budgets of both: images, and tokens of what has a length.
        assert len(batch["inputs"]) <= 8
        assert batch["question"].size <= 96 or len(batch["inputs"]) == 1


def test_the_inputs_of_an_example_stay_together(data_dir: Path) -> None:
    task = task_of("several_toy_question", data_dir)
    vocabulary = Vocabulary.load(data_dir / "vocab.several_toy_question.model")
    batches = first_epoch(task, data_dir, HPARAMS.replace(image_augment=False))
    seen = set()
    columns = (rows(batches, name) for name in ("inputs", "question", "targets"))
    for pixels, ids, label in zip(*columns, strict=True):
        question = vocabulary.decode(ids.tolist())
        number = int(question.split()[1])
        assert pixels.mean((0, 1)).argmax() == number % 3
        assert label == question.endswith(COLOURS[number % 3])
        seen.add(number)
    assert seen == set(range(60))


def test_evaluation_holds_every_example_once_with_its_place(data_dir: Path) -> None:
    task = task_of("several_toy_pair", data_dir)
    vocabularies = load_vocabularies([task], data_dir)
    batches = list(evaluation_batches(task, "dev", data_dir, HPARAMS).as_numpy_iterator())
    found = {}
    for batch in batches:
        for i, first, second in zip(batch["index"], batch["first"], batch["second"], strict=True):
            found[int(i)] = (
                vocabularies["vocab.pair_a"].decode(first.tolist()),
                vocabularies["vocab.pair_b"].decode(second.tolist()),
            )
    assert found == {
        i: (sentence(0, Split.DEV, i, 2 + i % 5), sentence(1, Split.DEV, i, 9 - i % 7).upper())
        for i in range(count(Split.DEV))
    }


def test_the_longest_of_several_inputs_decides(data_dir: Path) -> None:
    task = task_of("several_toy_pair", data_dir)
    for batch in first_epoch(task, data_dir):
        longest = max(batch["first"].shape[1], batch["second"].shape[1])
        assert longest * len(batch["first"]) <= 96 or len(batch["first"]) == 1


@pytest.mark.parametrize("policy", ["drop", "trim"])
def test_each_input_is_held_to_the_limit(data_dir: Path, policy: str) -> None:
    task = task_of("several_toy_pair", data_dir)
    sizes = [(len(e["first"]), len(e["second"])) for e in records("several_toy_pair", data_dir)]
    limit = sorted(max(pair) for pair in sizes)[30]
    hparams = HPARAMS.replace(max_length=limit, long_examples=policy)
    long = sum(max(pair) > limit for pair in sizes)
    counts = count_examples(task, "train", data_dir, hparams, training=True)
    assert 0 < long < 60
    assert (counts.dropped, counts.trimmed) == ((long, 0) if policy == "drop" else (0, long))
    batches = first_epoch(task, data_dir, hparams)
    lengths = [
        (int(a), int(b))
        for a, b in zip(rows(batches, "first_length"), rows(batches, "second_length"), strict=True)
    ]
    kept = [
        (min(a, limit), min(b, limit)) for a, b in sizes if policy == "trim" or max(a, b) <= limit
    ]
    assert sorted(lengths) == sorted(kept)


def test_the_batch_to_rehearse_with_is_the_largest(data_dir: Path) -> None:
    task = task_of("several_toy_question", data_dir)
    shapes = largest_batch(task, data_dir, HPARAMS)
    batch, length = shapes["question"]
    assert shapes == {
        "inputs": (batch, 8, 8, 3),
        "inputs_length": (batch,),
        "question": (batch, length),
        "question_length": (batch,),
        "targets": (batch,),
    }
    assert all(b["question"].size <= batch * length for b in first_epoch(task, data_dir))


def test_sound_alone_decides_beside_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = np.arange(1, 21) * 800  # a tenth of a second each
    examples = [
        {"inputs": pcm(tone(300, 8000, n / 8000)), "question": [3 + i] * 20 + [1], "targets": 0}
        for i, n in enumerate(samples)
    ]
    serve(monkeypatch, write_shards(tmp_path, examples))
    inputs = {"inputs": Audio(8000), "question": Text("vocab.test", 500)}
    task = Task("toy", "toy", inputs, LABELS, "to_label")
    hparams = HParams(batch_size=4, batch_audio_seconds=4.0, audio_modality="audio")
    batches = first_epoch(task, tmp_path, hparams)
    assert sorted(rows(batches, "inputs_length")) == samples.tolist()
    assert all(batch["inputs"].size <= 4 * 8000 for batch in batches)
    assert max(len(batch["inputs"]) for batch in batches) > 4
    longer = rows(batches, "question")
    assert {int(row[0]) for row in longer} == set(range(3, 23))


def test_two_images_are_varied_each_in_its_own_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = png(0, 0)
    serve(monkeypatch, write_shards(tmp_path, [{"a": image, "b": image, "targets": 0}] * 8))
    task = Task("toy", "toy", {"a": Image(16), "b": Image(16)}, LABELS, "to_label")
    (batch,) = first_epoch(task, tmp_path)
    assert not np.array_equal(batch["a"], batch["b"])
    still = HPARAMS.replace(image_augment=False)
    (batch,) = first_epoch(task, tmp_path, still)
    np.testing.assert_array_equal(batch["a"], batch["b"])


def test_batches_of_numbers_tags_and_sets(data_dir: Path) -> None:
    numbers = first_epoch(task_of("several_toy_number", data_dir), data_dir)
    assert all(batch["targets"].dtype == np.float32 for batch in numbers)
    assert sorted(rows(numbers, "targets")) == sorted((1 + i % 9) / 4 for i in range(60))
    vocabulary = Vocabulary.load(data_dir / "vocab.several_toy_tags.model")
    tagged = first_epoch(task_of("several_toy_tags", data_dir), data_dir)
    for batch in tagged:
        assert batch["targets"].shape == batch["inputs"].shape
        for ids, found in zip(batch["inputs"], batch["targets"], strict=True):
            names = [("O", "B-COLOR")[i - 1] for i in found if i]
            assert names == tags(vocabulary.decode(ids.tolist())).split()
    sets = first_epoch(task_of("several_toy_sets", data_dir), data_dir)
    expected = [[float(i % k == 0) for k in (2, 3, 5)] for i in range(60)]
    assert sorted(map(list, rows(sets, "targets"))) == sorted(expected)


def test_tags_are_trimmed_with_their_words(data_dir: Path) -> None:
    task = task_of("several_toy_tags", data_dir)
    hparams = HPARAMS.replace(max_length=4, long_examples="trim")
    for batch in first_epoch(task, data_dir, hparams):
        assert batch["targets"].shape == batch["inputs"].shape
        assert batch["inputs"].shape[1] <= 4
