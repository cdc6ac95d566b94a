"""Sharing a batch out over cores: the same answers in the same order."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.decoder import Decoder
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.problem import Split
from t2t_mm.runs.cores import Cores, merge_shares
from tests.decoding.decoding_run import features_of, toy_model, words


@pytest.mark.parametrize("cores", [1, 2, 3])
@pytest.mark.parametrize("rows", [0, 1, 7, 8, 13])
def test_shares_come_back_in_order(cores, rows):
    values = np.arange(2 * rows).reshape(rows, 2)
    shares = Cores(cores).map_shares(lambda share: values[share], rows)
    np.testing.assert_array_equal(merge_shares(shares), values)


def test_shares_of_different_lengths_are_padded_with_zeros():
    together = merge_shares([np.array([[1], [3]]), np.array([[2, 2]])])
    np.testing.assert_array_equal(together, [[1, 0], [2, 2], [3, 0]])


def test_shares_run_at_the_same_time():
    both = threading.Barrier(2, timeout=20)
    Cores(2).map_shares(lambda share: both.wait(), 8)


def test_there_are_not_more_shares_than_rows():
    assert len(Cores(8).map_shares(lambda share: share, 3)) == 3


def test_a_failure_is_told():
    def fail(share: slice) -> None:
        raise ValueError(f"share {share.start}")

    with pytest.raises(ValueError, match="share 0"):
        Cores(2).map_shares(fail, 8)


def test_graphs_with_loops_run_in_order():
    cores = Cores(2)
    double = cores.trace(
        lambda x: tf.while_loop(lambda y: tf.reduce_sum(y) < 100, lambda y: [2 * y], [x])[0],
        [tf.TensorSpec([None], tf.int32)],
    )
    x = tf.constant([1, 2, 3, 4, 5, 6, 7, 8])
    shares = cores.map_shares(lambda share: double(x[share]).numpy(), 8)
    np.testing.assert_array_equal(shares[0], [8, 24, 40, 56])  # 1 3 5 7
    np.testing.assert_array_equal(shares[1], [16, 32, 48, 64])  # 2 4 6 8


@pytest.mark.parametrize(
    "settings",
    [
        DecodeSettings(),
        DecodeSettings(beam_size=3, return_beams=True),
        DecodeSettings(sampling_method="random", seed=3),
    ],
    ids=["greedy", "beam", "random"],
)
def test_answers_do_not_depend_on_the_number_of_cores(settings):
    loaded = toy_model()
    task = loaded.tasks["decoding_toy_text"]
    features = features_of(task, [words(Split.TRAIN, i) for i in range(13)])
    one, three = (
        Decoder(loaded.model, loaded.hparams, loaded.vocabularies, settings, cores)(task, features)
        for cores in (1, 3)
    )
    assert [answer.output for answer in one] == [answer.output for answer in three]
    for alone, shared in zip(one, three, strict=True):
        np.testing.assert_allclose(alone.score, shared.score, rtol=1e-5)
        assert len(alone.alternatives) == len(shared.alternatives)
