"""Greedy search over steps whose logits are given: what it writes, when it stops, its scores."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.search.greedy import greedy

V = 5  # 0 is padding, 1 ends


def chain(table: np.ndarray, calls: list | None = None):
    """A step whose logits depend on the row and the last token: table [B, V + 1, V]."""

    def step(tokens, position, state):
        tf.py_function(
            lambda t: calls.append(t.numpy()) if calls is not None else None, [tokens], []
        )
        last = tf.where(position == 0, V, tokens)
        return tf.gather(tf.constant(table, tf.float32), last, batch_dims=1), state

    return step


def run(step, limits, state=()):
    graph = tf.function(lambda limits: greedy(step, state, limits), autograph=False)
    found = graph(tf.constant(limits, tf.int32))
    return found.ids.numpy()[:, 0], found.scores.numpy()[:, 0]


def table_for(rows: list[list[int]]) -> np.ndarray:
    """Logits 2 for the wanted successor, else 0; each token has one successor in a row."""
    table = np.zeros([len(rows), V + 1, V])
    for i, row in enumerate(rows):
        for before, token in zip([V, *row], row, strict=False):
            table[i, before, token] = 2.0
    return table


def test_writes_each_row_up_to_its_eos_and_pads_after_it():
    ids, scores = run(chain(table_for([[2, 3, 4, 1], [3, 1], [1]])), [9, 9, 9])
    np.testing.assert_array_equal(ids, [[2, 3, 4, 1], [3, 1, 0, 0], [1, 0, 0, 0]])
    log_p = 2 - np.log(np.exp(2) + 4)  # of every choice
    np.testing.assert_allclose(scores, [4 * log_p, 2 * log_p, log_p], rtol=1e-6)


def test_stops_when_all_have_ended():
    calls: list = []
    run(chain(table_for([[2, 3, 1], [3, 1]]), calls), [50, 50])
    assert len(calls) == 3


def test_a_row_is_cut_at_its_own_limit():
    table = np.zeros([2, V + 1, V])
    table[:, :, 3] = 1.0  # for ever
    ids, scores = run(chain(table), [2, 4])
    np.testing.assert_array_equal(ids, [[3, 3, 0, 0], [3, 3, 3, 3]])
    log_p = 1 - np.log(np.e + 4)
    np.testing.assert_allclose(scores, [2 * log_p, 4 * log_p], rtol=1e-6)


def test_padding_is_never_written():
    table = np.zeros([1, V + 1, V])
    table[:, :, 0] = 9.0
    table[:, :, 4] = 1.0
    ids, scores = run(chain(table), [2])
    np.testing.assert_array_equal(ids, [[4, 4]])
    np.testing.assert_allclose(scores, 2 * (1 - np.log(np.exp(9) + np.e + 3)), rtol=1e-6)


def test_an_ended_row_goes_on_with_padding():
    calls: list = []
    run(chain(table_for([[2, 3, 4, 1], [1]]), calls), [9, 9])
    np.testing.assert_array_equal(calls, [[0, 0], [2, 1], [3, 0], [4, 0]])


def test_the_state_goes_from_step_to_step():
    """A step that never reads the tokens, but counts in its state, as caches do."""

    def step(tokens, position, state):
        count, sums = state["count"], state["sums"]
        logits = tf.one_hot(2 + count, V)
        return logits, {"count": count + 1, "sums": sums + tf.cast(count, tf.float32)[:, None]}

    state = {"count": tf.zeros([2], tf.int32), "sums": tf.zeros([2, 3])}
    ids, _ = run(step, [3, 3], state)
    np.testing.assert_array_equal(ids, [[2, 3, 4], [2, 3, 4]])


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_scores_are_float32_whatever_the_logits(dtype):
    def step(tokens, position, state):
        return tf.cast(tf.one_hot([2], V), dtype), state

    _, scores = run(step, [100])
    np.testing.assert_allclose(scores, [100 * (1 - np.log(np.e + 4))], rtol=1e-5)
