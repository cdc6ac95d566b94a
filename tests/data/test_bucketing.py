"""Boundaries, batch sizes and the layout of an epoch, by value."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest

from t2t_mm.data.batches.bucketing import (
    boundaries,
    bucketed_lengths,
    buckets_for,
    split_into_batches,
)
from t2t_mm.data.batches.selection import select
from t2t_mm.errors import DataError, HParamError
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Audio, Image, Kind, Label, Text
from t2t_mm.problem import Task

TEXT = Text("v", 500)
PICTURE = Image(32)
SOUND = Audio(8000)
LABEL = Label(tuple(map(str, range(10))), "c")


def task(inputs: Kind, targets: Kind = TEXT) -> Task:
    return Task("toy", "toy", inputs, targets, "to_text")


def sizes(inputs: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
    return {"inputs": inputs, "targets": targets}


def test_boundaries_are_tensor2tensors():
    assert boundaries(50) == (
        *(8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20),
        *(22, 24, 26, 28, 30, 33, 36, 39, 42, 46, 50),
    )
    assert boundaries(256)[-10:] == (113, 124, 136, 149, 163, 179, 196, 215, 236, 256)


def test_boundaries_end_at_the_longest():
    assert boundaries(3) == (3,)
    assert boundaries(8) == (8,)
    assert boundaries(9) == (8, 9)
    with pytest.raises(HParamError, match="at least 1, got 0"):
        boundaries(0)


def test_a_bucket_holds_its_boundary():
    buckets = buckets_for(task(TEXT), HParams(batch_size=512), 20)
    assert buckets.indices(np.array([1, 8, 9, 20])).tolist() == [0, 0, 1, 12]


@pytest.mark.parametrize("batch_size", [1, 100, 512, 2048])
def test_a_text_batch_holds_at_most_its_tokens(batch_size):
    buckets = buckets_for(task(TEXT), HParams(batch_size=batch_size), 256)
    for bound, size in zip(buckets.bounds, buckets.batch_sizes, strict=True):
        assert size == 1 or size * bound <= batch_size
        assert (size + 1) * bound > batch_size


def test_pictures_are_bounded_by_number_and_by_target_tokens():
    hparams = HParams(batch_size=512, batch_images=32)
    assert buckets_for(task(PICTURE, LABEL), hparams, 1).batch_sizes == (32,)
    buckets = buckets_for(task(PICTURE), hparams, 64)
    sizes = dict(zip(buckets.bounds, buckets.batch_sizes, strict=True))
    assert sizes[8] == 32 and sizes[16] == 32 and sizes[20] == 25 and sizes[64] == 8


def test_sound_is_bounded_by_seconds():
    hparams = HParams(batch_audio_seconds=48.0)
    buckets = buckets_for(task(SOUND), hparams, 200)
    sizes = dict(zip(buckets.bounds, buckets.batch_sizes, strict=True))
    assert sizes[20] == 24 and sizes[200] == 2  # of 2 and of 20 seconds


def test_bucketed_lengths():
    inputs, targets = np.array([5, 30]), np.array([9, 2])
    assert bucketed_lengths(task(TEXT), sizes(inputs, targets)).tolist() == [9, 30]
    assert bucketed_lengths(task(PICTURE), sizes(inputs * 1000, targets)).tolist() == [9, 2]
    samples = np.array([800, 801, 16000])
    assert bucketed_lengths(task(SOUND), sizes(samples, samples)).tolist() == [1, 2, 20]


def test_several_inputs_are_bucketed_by_their_longest_and_bounded_by_each():
    asked = task({"inputs": PICTURE, "question": TEXT}, LABEL)
    lengths = {"inputs": [9999, 9999], "question": np.array([7, 12]), "targets": np.array([1, 1])}
    lengths = {name: np.asarray(values) for name, values in lengths.items()}
    assert bucketed_lengths(asked, lengths).tolist() == [7, 12]
    buckets = buckets_for(asked, HParams(batch_size=512, batch_images=32), 100)
    by_bound = dict(zip(buckets.bounds, buckets.batch_sizes, strict=True))
    assert by_bound[8] == 32 and by_bound[16] == 32 and by_bound[100] == 5
    heard = task({"inputs": SOUND, "question": TEXT}, LABEL)
    lengths["inputs"] = np.array([8000, 801])
    assert bucketed_lengths(heard, lengths).tolist() == [10, 2]  # sound alone decides


def test_layout_fills_up_with_the_next_bucket():
    # 5 examples of batches of 4, then 4 of batches of 3, nothing, then 1 of batches of 1.
    assert split_into_batches(np.array([5, 4, 0, 1]), (4, 3, 2, 1)).tolist() == [0, 4, 7, 9, 10]


def test_layout_never_exceeds_the_smaller_batch_size():
    # 3 are left of the first bucket: more than the second's batches hold, so they go alone.
    assert split_into_batches(np.array([7, 2]), (4, 2)).tolist() == [0, 4, 7, 9]


@pytest.mark.parametrize("seed", range(20))
def test_layout_covers_everything_within_the_caps(seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 40, 12) * rng.integers(0, 2, 12)
    sizes = tuple(sorted(rng.integers(1, 30, 12).tolist(), reverse=True))
    splits = split_into_batches(counts, sizes)
    assert splits[0] == 0 and splits[-1] == counts.sum() and (np.diff(splits) > 0).all()
    bucket = np.repeat(np.arange(12), counts)
    short = 0
    for begin, end in itertools.pairwise(splits):
        largest = bucket[end - 1]
        assert end - begin <= sizes[largest]
        short += end - begin < sizes[largest]
    assert short <= (counts > 0).sum()


def test_drop_counts():
    lengths = sizes(np.array([3, 11, 10, 4]), np.array([3, 3, 3, 12]))
    chosen = select(task(TEXT), HParams(max_length=10), lengths, True)
    assert chosen.examples.tolist() == [0, 2]
    assert (chosen.counts.total, chosen.counts.used) == (4, 2)
    assert (chosen.counts.dropped, chosen.counts.trimmed) == (2, 0)
    assert str(chosen.counts) == "2 of 4 examples (2 dropped: too long)"


def test_trim_counts_and_sizes():
    hparams = HParams(max_length=10, long_examples="trim")
    lengths = sizes(np.array([3, 11, 99]), np.array([3, 3, 12]))
    chosen = select(task(TEXT), hparams, lengths, True)
    assert chosen.examples.tolist() == [0, 1, 2]
    assert chosen.sizes["inputs"].tolist() == [3, 10, 10]
    assert chosen.sizes["targets"].tolist() == [3, 3, 10]
    assert (chosen.counts.dropped, chosen.counts.trimmed, chosen.counts.used) == (0, 2, 3)


def test_evaluation_has_its_own_limit_and_never_trims():
    hparams = HParams(max_length=10, eval_max_length=20, long_examples="trim")
    lengths = np.array([9, 11, 20, 21])
    chosen = select(task(TEXT), hparams, sizes(lengths, lengths), training=False)
    assert chosen.examples.tolist() == [0, 1, 2] and chosen.counts.dropped == 1


def test_sound_is_limited_in_seconds():
    hparams = HParams(max_audio_seconds=2.0, max_length=100, eval_max_length=200)
    samples, tokens = np.array([16000, 16001, 32000, 32001]), np.array([5, 5, 5, 5])
    both = sizes(samples, tokens)
    assert select(task(SOUND), hparams, both, True).examples.tolist() == [0]
    assert select(task(SOUND), hparams, both, False).examples.tolist() == [0, 1, 2]


def test_pictures_bytes_are_no_length():
    huge = sizes(np.array([10**6]), np.array([1]))
    assert select(task(PICTURE, LABEL), HParams(), huge, True).counts.used == 1


def test_errors_are_sentences():
    lengths = np.array([20, 30])
    with pytest.raises(DataError) as error:
        select(task(TEXT), HParams(max_length=10), sizes(lengths, lengths), True)
    assert str(error.value) == (
        "problem 'toy': every training example is longer than max_length=10; raise it in "
        "--hparams, or set long_examples=trim."
    )
    with pytest.raises(HParamError, match="'long_examples' must be one of drop, trim, got 'cut'"):
        select(task(TEXT), HParams(long_examples="cut"), sizes(lengths, lengths), True)


def test_no_tensorflow_is_needed():
    code = (
        "import sys, t2t_mm.data.batches.bucketing, t2t_mm.data.batches.selection;"
        "import t2t_mm.training.mixing;"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
