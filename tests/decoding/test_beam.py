"""Beam search: exact on tiny vocabularies, equal to a plain one elsewhere, and when it stops."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.search.beam import beam_search
from t2t_mm.decoding.search.greedy import greedy
from tests.decoding.search_steps import CALLS, Random, by_hand, exhaustive

ALPHAS = (0.0, 0.6, 1.0, 3.0)


def assert_found(written, row: int, wanted: list) -> None:
    """The hypotheses of one input are these (rank, ids), and what is left over is empty."""
    ids, scores, ranks = (part[row] for part in written)
    got = [tuple(int(i) for i in hypothesis if i) for hypothesis in ids]
    assert got == [tokens for _, tokens in wanted] + [()] * (len(got) - len(wanted))
    count = len(wanted)
    np.testing.assert_allclose(ranks[:count], [rank for rank, _ in wanted], rtol=1e-4)
    assert np.all(ranks[count:] == -np.inf) and np.all(scores[count:] == -np.inf)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(("vocabulary", "limits"), [(4, [1, 4, 2, 4]), (5, [3, 1, 2])])
def test_a_wide_beam_is_an_exhaustive_search(vocabulary, limits, alpha):
    """As wide as there are prefixes: the K best of all that can be written, for every input."""
    beams = (vocabulary - 2) ** max(limits)
    for seed in range(3):
        step = Random.make(seed, len(limits), vocabulary)
        written = step.search(limits, beams, alpha)
        for row, limit in enumerate(limits):
            wanted = exhaustive(step, row, vocabulary, limit, alpha)[:beams]
            assert_found(written, row, wanted)
            logs = [step.log_probability(row, ids) for _, ids in wanted]
            np.testing.assert_allclose(written[1][row, : len(logs)], logs, rtol=1e-4)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("beams", [2, 3, 5])
def test_a_narrow_beam_equals_a_plain_one(beams, alpha):
    limits = [9, 2, 6, 12]
    for seed in range(3):
        step = Random.make(seed, len(limits), 7, to_eos=0.5)
        written = step.search(limits, beams, alpha)
        for row, limit in enumerate(limits):
            assert_found(written, row, by_hand(step, row, 7, limit, alpha, beams))


@pytest.mark.parametrize("alpha", ALPHAS)
def test_stopping_early_changes_nothing(alpha):
    saved = 0
    for seed in range(6):
        step = Random.make(seed, 4, 6, to_eos=1.5)
        CALLS.clear()
        early = step.search([20, 5, 13, 17], 3, alpha)
        saved += 20 - len(CALLS)
        CALLS.clear()
        late = step.search([20, 5, 13, 17], 3, alpha, stop_early=False)
        assert len(CALLS) == 20
        for one, other in zip(early, late, strict=True):
            np.testing.assert_array_equal(one, other)
    if alpha <= 1:
        assert saved > 20  # or nothing is shown


@pytest.mark.parametrize("keep", [1, 2])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_keeping_fewer_stops_earlier_and_finds_the_same_best(alpha, keep):
    saved, limits = 0, [20, 5, 13, 17]
    for seed in range(6):
        step = Random.make(seed, 4, 6, to_eos=1.0)
        CALLS.clear()
        ids, scores, ranks = step.search(limits, 3, alpha, keep=keep)
        saved -= len(CALLS)
        CALLS.clear()
        all_ids, all_scores, all_ranks = step.search(limits, 3, alpha)
        saved += len(CALLS)
        length = ids.shape[2]
        np.testing.assert_array_equal(ids, all_ids[:, :keep, :length])
        assert not all_ids[:, :keep, length:].any()
        np.testing.assert_allclose(scores, all_scores[:, :keep], rtol=1e-6)
        np.testing.assert_array_equal(ranks, all_ranks[:, :keep])
    assert saved > 0 or alpha > 1


def test_a_promising_prefix_is_not_given_up():
    """The best output is long: it is found after shorter ones, and the length penalty decides."""
    table = np.full([6, 6], -20.0)
    table[0, 1], table[0, 2] = np.log(0.6), np.log(0.4)  # an end at once, or four sure tokens
    for token, follower in ((2, 3), (3, 4), (4, 5), (5, 1)):
        table[token, follower] = 0.0

    def step(tokens, position, state):
        return tf.gather(tf.constant(table, tf.float32), tokens), state

    for alpha, best in ((0.0, [1]), (3.0, [2, 3, 4, 5, 1])):
        written = beam_search(step, (), tf.constant([9]), 2, alpha)
        assert [int(i) for i in written.ids[0, 0] if i] == best


def test_a_row_does_not_depend_on_its_batch():
    together = Random.make(1, 3, 6)
    limits = [4, 11, 7]
    written = together.search(limits, 3, 0.6)
    for row, limit in enumerate(limits):
        alone = Random(together.start[row : row + 1], together.recur, together.embed, together.out)
        ids, scores, ranks = alone.search([limit], 3, 0.6)
        width = ids.shape[2]
        np.testing.assert_array_equal(written[0][row, :, :width], ids[0])
        assert not written[0][row, :, width:].any()
        np.testing.assert_allclose(written[1][row], scores[0], rtol=1e-5)
        np.testing.assert_allclose(written[2][row], ranks[0], rtol=1e-5)


def test_a_beam_of_one_is_greedy():
    for seed in range(4):
        step = Random.make(seed, 3, 6)
        limits = [8, 3, 12]
        beam = step.search(limits, 1, 0.6)
        state = step.state(1, 12)
        other = greedy(step.step, state, tf.constant(limits), 0.6)
        np.testing.assert_array_equal(beam[0], other.ids)
        np.testing.assert_allclose(beam[1], other.scores, rtol=1e-5)
        np.testing.assert_allclose(beam[2], other.normalised, rtol=1e-5)
        for row, limit in enumerate(limits):
            ids: tuple[int, ...] = ()
            while len(ids) < limit and ids[-1:] != (1,):
                ids = (*ids, 1 + int(np.argmax(step.next_scores(row, ids)[1:])))
            assert tuple(int(i) for i in beam[0][row, 0] if i) == ids


def test_ties_are_broken_by_length_then_by_token():
    def step(tokens, position, state):
        return tf.zeros([tf.size(tokens), 5]), state

    written = beam_search(step, (), tf.constant([2]), 4, 0.0)
    np.testing.assert_array_equal(written.ids[0], [[1, 0], [2, 1], [3, 1], [4, 1]])
    written = beam_search(step, (), tf.constant([1]), 3, 0.0)
    np.testing.assert_array_equal(written.ids[0], [[1], [2], [3]])


def test_every_hypothesis_keeps_its_own_state():
    """The state remembers the tokens; at the end it must be the past of what goes on from it."""
    seen: list = []
    step = Random.make(5, 2, 7)

    def watched(tokens, position, state):
        logits, state = step.step(tokens, position, state)
        tf.py_function(lambda *a: seen.append([x.numpy() for x in a]), [state["past"], logits], [])
        return logits, state

    beam_search(watched, step.state(3, 6), tf.constant([6, 6]), 3, 0.0, stop_early=False)
    for position, (past, logits) in enumerate(seen):
        for r, row in enumerate(past):
            prefix = tuple(int(t) for t in row[1 : position + 1])
            if position:  # before it only one prefix exists
                shifted = logits[r] - np.log(np.sum(np.exp(logits[r].astype(np.float64))))
                np.testing.assert_allclose(shifted, step.next_scores(r // 3, prefix), atol=1e-4)
    assert len(seen) == 6
    assert len({tuple(row) for row in seen[-1][0]}) == 6  # six different pasts


def test_another_way_to_reorder_is_used():
    step, limits = Random.make(2, 2, 6), tf.constant([7, 5])
    calls = []

    def reorder(state, rows):
        calls.append(rows.numpy())
        return {name: tf.gather(tensor, rows) for name, tensor in state.items()}

    other = beam_search(step.step, step.state(3, 7), limits, 3, 0.6, None, reorder, False)
    np.testing.assert_array_equal(other.ids, step.search([7, 5], 3, 0.6)[0])
    assert len(calls) == 7
    for rows in calls:  # a hypothesis goes on from one of its own input
        np.testing.assert_array_equal(rows // 3, [0, 0, 0, 1, 1, 1])


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_padding_is_never_written_and_scores_are_float32(dtype):
    def step(tokens, position, state):
        logits = tf.constant([9.0, 0.0, 1.0, 0.5], dtype)
        return tf.tile(logits[None], [tf.size(tokens), 1]), state

    written = beam_search(step, (), tf.constant([3]), 2, 0.0)
    assert written.scores.dtype == tf.float32
    ids = written.ids.numpy()[0]
    total = np.log(np.sum(np.exp([9.0, 0.0, 1.0, 0.5])))
    logits = [9.0, 0.0, 1.0, 0.5]
    for hypothesis, score in zip(ids, written.scores.numpy()[0], strict=True):
        tokens = [i for i in hypothesis if i]
        assert list(hypothesis) == tokens + [0] * (len(hypothesis) - len(tokens))
        assert score == pytest.approx(sum(logits[i] - total for i in tokens), rel=1e-4)
