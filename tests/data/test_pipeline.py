"""Batches: what they hold, that nothing is lost or doubled, and that a run goes on where it was."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.data.batches import pipeline
from t2t_mm.data.batches.pipeline import (
    count_examples,
    evaluation_batches,
    largest_batch,
    next_batch,
    training_batches,
)
from t2t_mm.errors import DataError
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Audio
from t2t_mm.problem import Task
from tests.data.stored_shards import (
    LABEL,
    PICTURE,
    SOUND,
    TEXT,
    make_task,
    pcm,
    png,
    sentence,
    serve,
    stored_order,
    write_shards,
)

HPARAMS = HParams(batch_size=128, batch_images=8, batch_audio_seconds=4.0, max_length=40)
COUNT = 150
KINDS = {
    "text": (TEXT, TEXT),
    "picture": (PICTURE, TEXT),
    "label": (PICTURE, LABEL),
    "sound": (SOUND, TEXT),
}


def examples_of(kind: str, count: int = COUNT) -> list[dict]:
    """Examples whose targets differ, so that each can be recognised (but for labels)."""
    rng = np.random.default_rng(7)
    examples = []
    for i in range(count):
        target: list[int] | int = [3 + i, *sentence(rng, 2, 20)]
        if kind == "label":
            target = i % 10
        inputs = {
            "text": lambda: sentence(rng, 3, 40),
            "sound": lambda: pcm(rng.normal(0, 0.1, rng.integers(2000, 9000))),
        }.get(kind, lambda: png(rng))
        examples.append({"inputs": inputs(), "targets": target})
    return examples


@pytest.fixture(params=KINDS)
def stored(request, tmp_path, monkeypatch) -> tuple[Task, list[dict]]:
    """A problem of each kind, with its examples."""
    examples = examples_of(request.param)
    serve(monkeypatch, write_shards(tmp_path, examples))
    return make_task(*KINDS[request.param]), examples


@pytest.fixture
def text(tmp_path, monkeypatch) -> tuple[Task, list[dict]]:
    """A text problem."""
    examples = examples_of("text")
    serve(monkeypatch, write_shards(tmp_path, examples))
    return make_task(TEXT, TEXT), examples


def take(dataset: tf.data.Dataset, count: int) -> list[dict]:
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def same(one: list[dict], other: list[dict]) -> bool:
    return len(one) == len(other) and all(
        a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)
        for a, b in zip(one, other, strict=True)
    )


def epoch(task: Task, hparams: HParams = HPARAMS, seed: int = 0) -> list[dict]:
    """The batches of the first epoch."""
    used = count_examples(task, "train", "", hparams, training=True).used
    batches = []
    for batch in training_batches(task, "", hparams, seed).as_numpy_iterator():
        batches.append(batch)
        used -= len(batch["inputs"])
        if used <= 0:
            return batches


def rows(batches: list[dict], side: str) -> list[tuple]:
    """Token sequences without padding."""
    return [tuple(row[row != 0].tolist()) for batch in batches for row in batch[side]]


def test_batches_keep_the_contract(stored):
    task, _ = stored
    dataset = training_batches(task, "", HPARAMS, 0)
    size, bins = PICTURE.size, HPARAMS.audio_mel_bins
    shape, dtype = {
        "text": ([None, None], tf.int32),
        "image": ([None, size, size, 3], tf.float32),
        "audio": ([None, None, bins], tf.float32),
    }[task.input.name]
    targets = [None] if task.targets.name == "label" else [None, None]
    assert dataset.element_spec == {
        "inputs": tf.TensorSpec(shape, dtype),
        "inputs_length": tf.TensorSpec([None], tf.int32),
        "targets": tf.TensorSpec(targets, tf.int32),
    }
    for batch in take(dataset, 20):
        lengths = batch["inputs_length"]
        if task.input.name == "image":
            assert (lengths == size * size).all()
            continue
        assert lengths.max() == batch["inputs"].shape[1]  # no longer than the longest
        for row, length in zip(batch["inputs"], lengths, strict=True):
            assert (row[length:] == 0).all() and np.any(row[length - 1] != 0)


def test_an_epoch_holds_every_example_once_and_is_exact(stored):
    task, examples = stored
    batches = epoch(task)
    assert sum(len(batch["inputs"]) for batch in batches) == COUNT
    if task.targets.name == "label":
        labels = np.concatenate([batch["targets"] for batch in batches]).tolist()
        assert Counter(labels) == Counter(example["targets"] for example in examples)
    else:
        assert Counter(rows(batches, "targets")) == Counter(tuple(e["targets"]) for e in examples)


def test_sides_stay_together(text):
    task, examples = text
    pairs = {tuple(e["targets"]): tuple(e["inputs"]) for e in examples}
    batches = epoch(task)
    for target, source in zip(rows(batches, "targets"), rows(batches, "inputs"), strict=True):
        assert pairs[target] == source


def test_epochs_differ_in_order_alone(text):
    task, _ = text
    first = epoch(task)
    second = take(training_batches(task, "", HPARAMS, 0), 2 * len(first))[len(first) :]
    assert rows(first, "targets") != rows(second, "targets")
    assert sorted(rows(first, "targets")) == sorted(rows(second, "targets"))


def test_batches_do_not_come_sorted_by_length(text):
    task, _ = text
    lengths = [batch["inputs"].shape[1] for batch in epoch(task)]
    assert abs(np.corrcoef(lengths, np.arange(len(lengths)))[0, 1]) < 0.6


@pytest.mark.parametrize("batch_size", [30, 128, 1000])
def test_text_batches_are_within_their_tokens_and_well_filled(text, batch_size):
    task, _ = text
    filled = []
    for batch in epoch(task, HPARAMS.replace(batch_size=batch_size)):
        positions = max(batch["inputs"].size, batch["targets"].size)
        assert positions <= batch_size or len(batch["inputs"]) == 1
        filled.append(positions / batch_size)
    assert np.mean(filled) > 0.6


def test_picture_and_sound_batches_are_within_their_budgets(stored):
    task, _ = stored
    for batch in epoch(task):
        if task.input.name == "image":
            assert len(batch["inputs"]) <= HPARAMS.batch_images
            if task.targets.name == "text":
                assert batch["targets"].size <= HPARAMS.batch_size
        if task.input.name == "audio":
            seconds = batch["inputs"].shape[0] * batch["inputs"].shape[1] * 0.010
            assert seconds <= HPARAMS.batch_audio_seconds


def test_batches_follow_from_the_seed_whatever_the_threads(stored, monkeypatch):
    task, _ = stored
    first = take(training_batches(task, "", HPARAMS, 3), 40)
    monkeypatch.setattr(pipeline.os, "cpu_count", lambda: 16)
    again = training_batches(task, "", HPARAMS, 3)
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    assert same(first, take(again.with_options(options), 40))
    assert not same(first, take(training_batches(task, "", HPARAMS, 4), 40))


def test_problems_over_the_same_data_are_shuffled_differently(text):
    assert text  # its files are served
    orders = [rows(epoch(make_task(TEXT, TEXT, name)), "targets") for name in ("toy", "other")]
    assert orders[0] != orders[1]


def test_a_saved_iterator_goes_on_where_it_was(stored, tmp_path):
    task, _ = stored
    iterator = iter(training_batches(task, "", HPARAMS, 0))
    for _ in range(37):  # in the midst of an epoch
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).write(str(tmp_path / "state"))
    size = sum(file.stat().st_size for file in tmp_path.glob("state*"))
    assert size < 40_000
    expected = [next(iterator) for _ in range(50)]
    resumed = iter(training_batches(task, "", HPARAMS, 0))
    next(resumed)
    tf.train.Checkpoint(iterator=resumed).read(path).assert_consumed()
    for wanted in expected:
        got = next(resumed)
        assert all(np.array_equal(got[key], wanted[key]) for key in wanted)


def test_pictures_are_augmented_anew_each_epoch(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    serve(monkeypatch, write_shards(tmp_path, [{"inputs": png(rng), "targets": 1}], 1))
    seen = take(training_batches(make_task(PICTURE, LABEL), "", HPARAMS, 0), 30)
    assert len({batch["inputs"].tobytes() for batch in seen}) > 10


def test_evaluation_holds_every_example_once_the_longest_first(stored):
    task, examples = stored
    batches = take(evaluation_batches(task, "dev", "", HPARAMS), 1000)
    index = np.concatenate([batch["index"] for batch in batches])
    assert index.dtype == np.int32 and sorted(index.tolist()) == list(range(COUNT))
    order = stored_order(COUNT)
    for batch in batches:
        for position, target in zip(batch["index"], batch["targets"], strict=True):
            expected = examples[order[position]]["targets"]
            assert target[target != 0].tolist() == expected if target.ndim else target == expected
    if task.input.name != "image":
        lengths = [batch["inputs"].shape[1] for batch in batches]
        assert lengths[0] == max(lengths)
    assert same(batches, take(evaluation_batches(task, "dev", "", HPARAMS), 1000))


def test_some_batches_of_an_evaluation_are_of_all_lengths(text):
    task, _ = text
    everything = take(evaluation_batches(task, "dev", "", HPARAMS), 1000)
    some = take(evaluation_batches(task, "dev", "", HPARAMS, batches=4), 1000)
    assert len(some) == 4
    lengths = [batch["inputs"].shape[1] for batch in some]
    assert lengths[0] == everything[0]["inputs"].shape[1] and lengths[-1] < lengths[0] / 2
    more = take(evaluation_batches(task, "dev", "", HPARAMS, batches=10**6), 1000)
    assert same(more, everything)


def test_references_come_with_evaluation(tmp_path, monkeypatch):
    answers = [[b"one"], [b"one", b"two", b"three"], []]
    examples = [
        {"inputs": [4, 1], "targets": [5, 1], **({"references": r} if r else {})} for r in answers
    ]
    serve(monkeypatch, write_shards(tmp_path, examples, 1))
    task = make_task(TEXT, TEXT)
    [batch] = take(evaluation_batches(task, "test", "", HPARAMS), 10)
    by_index = dict(zip(batch["index"].tolist(), batch["references"].tolist(), strict=True))
    padded = [row + [b""] * (3 - len(row)) for row in answers]
    assert [by_index[i] for i in range(3)] == padded
    assert "references" not in take(training_batches(task, "", HPARAMS, 0), 1)[0]
    reverse = make_task(TEXT, TEXT, "toy_rev", reversed=True)
    assert "references" not in take(evaluation_batches(reverse, "test", "", HPARAMS), 1)[0]


def test_rev_and_copy_swap_the_sides(tmp_path, monkeypatch):
    serve(monkeypatch, write_shards(tmp_path, [{"inputs": [4, 9, 1], "targets": [5, 1]}], 1))

    def sides(**how) -> tuple[list, list]:
        [batch] = take(training_batches(make_task(TEXT, TEXT, **how), "", HPARAMS, 0), 1)
        return batch["inputs"][0].tolist(), batch["targets"][0].tolist()

    assert sides() == ([4, 9, 1], [5, 1])
    assert sides(reversed=True) == ([5, 1], [4, 9, 1])
    assert sides(copied=True) == ([5, 1], [5, 1])
    assert sides(copied=True, reversed=True) == ([5, 1], [5, 1])


def test_long_examples_are_dropped_or_trimmed_and_counted(tmp_path, monkeypatch):
    long, short = list(range(3, 63)), [9, 1]
    examples = [{"inputs": long, "targets": short}, {"inputs": short, "targets": short}]
    serve(monkeypatch, write_shards(tmp_path, examples, 1))
    task, trim = make_task(TEXT, TEXT), HPARAMS.replace(long_examples="trim")
    assert set(rows(take(training_batches(task, "", HPARAMS, 0), 4), "inputs")) == {tuple(short)}
    counts = count_examples(task, "train", "", HPARAMS, training=True)
    assert (counts.used, counts.dropped, counts.trimmed) == (1, 1, 0)
    cut = {tuple(short), tuple(long[:40])}
    assert set(rows(take(training_batches(task, "", trim, 0), 4), "inputs")) == cut
    counts = count_examples(task, "train", "", trim, training=True)
    assert (counts.used, counts.dropped, counts.trimmed) == (2, 0, 1)
    # Evaluation keeps it whole.
    kept = set(rows(take(evaluation_batches(task, "dev", "", HPARAMS), 4), "inputs"))
    assert kept == {tuple(short), tuple(long)}
    assert count_examples(task, "dev", "", HPARAMS, training=False).dropped == 0


def test_long_sound_is_trimmed_to_its_seconds(tmp_path, monkeypatch):
    examples = [{"inputs": pcm(np.full(16000, 0.1)), "targets": [5, 1]}]
    serve(monkeypatch, write_shards(tmp_path, examples, 1))
    hparams = HPARAMS.replace(long_examples="trim", max_audio_seconds=1.0, audio_modality="audio")
    task = make_task(Audio(8000), TEXT)
    [batch] = take(training_batches(task, "", hparams, 0), 1)
    assert batch["inputs"].shape == (1, 8000) and batch["inputs_length"].tolist() == [8000]


def test_the_largest_batch_is_as_large_as_they_get(stored):
    task, _ = stored
    shapes = largest_batch(task, "", HPARAMS)
    batches = [batch for seed in range(2) for batch in epoch(task, seed=seed)]
    sizes = [batch["inputs"].size + batch["targets"].size for batch in batches]
    largest = math.prod(shapes["inputs"]) + math.prod(shapes["targets"])
    assert 0.7 * largest < max(sizes) < 1.12 * largest
    assert all(len(shapes[side]) == batches[0][side].ndim for side in shapes)
    assert shapes["inputs_length"] == shapes["inputs"][:1] == shapes["targets"][:1]


def test_altered_and_cut_files_are_named(tmp_path, monkeypatch):
    paths = write_shards(tmp_path, examples_of("text", 30))
    serve(monkeypatch, paths)
    content = bytearray(paths[1].read_bytes())
    content[len(content) // 2] ^= 255
    paths[1].write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"^problem 'toy': .*toy-1-of-3 is cut off or altered;"):
        training_batches(make_task(TEXT, TEXT), "", HPARAMS, 0)
    paths[1].write_bytes(bytes(content[:-5]))
    with pytest.raises(DataError, match=r"toy-1-of-3 is cut off or altered"):
        evaluation_batches(make_task(TEXT, TEXT), "dev", "", HPARAMS)


def test_what_breaks_during_training_is_named_too(text):
    task, _ = text
    iterator = iter(training_batches(task, "", HPARAMS, 0))
    [path, *_] = pipeline.shard_paths(task, "train", "")
    path.write_bytes(b"\xff" * path.stat().st_size)
    with pytest.raises(DataError, match=r"^problem 'toy': .*toy-0-of-3 is cut off or altered"):
        for _ in range(30):
            next_batch(iterator, task, data_dir="")


def test_what_is_no_picture_is_a_sentence(tmp_path, monkeypatch):
    serve(monkeypatch, write_shards(tmp_path, [{"inputs": b"no picture", "targets": 1}], 1))
    task = make_task(PICTURE, LABEL)
    with pytest.raises(
        DataError, match="problem 'toy': a record cannot be read .*generate the data"
    ):
        next_batch(iter(training_batches(task, "", HPARAMS, 0)), task)


def test_records_of_another_kind_missing_and_empty_files(tmp_path, monkeypatch):
    serve(monkeypatch, write_shards(tmp_path, [{"inputs": [4, 1]}], 1))
    with pytest.raises(DataError, match="problem 'toy': a record of .* cannot be read"):
        training_batches(make_task(PICTURE, TEXT), "", HPARAMS, 0)
    serve(monkeypatch, [tmp_path / "absent"])
    with pytest.raises(DataError, match="problem 'toy': cannot read .*absent; generate its data"):
        training_batches(make_task(TEXT, TEXT), "", HPARAMS, 0)
    Path(tmp_path / "empty").touch()
    serve(monkeypatch, [tmp_path / "empty"])
    with pytest.raises(DataError, match="problem 'toy': no example in .*empty"):
        training_batches(make_task(TEXT, TEXT), "", HPARAMS, 0)


def test_everything_too_long_is_a_sentence(text):
    task, _ = text
    with pytest.raises(DataError, match="every training example is longer than max_length=2"):
        training_batches(task, "", HPARAMS.replace(max_length=2), 0)
