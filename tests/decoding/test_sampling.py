"""Sampling: what is drawn follows the truncated softmax; what is drawn for an input is its own."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.search.conditions import UNCONDITIONAL, Conditions
from t2t_mm.decoding.search.constraints import MinLength, NeverEnd, NoRepeatNgram
from t2t_mm.decoding.search.sampling import draw, sample
from t2t_mm.decoding.settings import DecodeSettings
from tests.decoding.search_steps import Random

LOGITS = np.array([2.0, 0.5, 1.0, -1.0, 1.5, 0.0], np.float32)  # 0 is padding
EVENLY = (np.arange(10_000, dtype=np.float32) + 0.5) / 10_000


def settings(**changes) -> DecodeSettings:
    return DecodeSettings(sampling_method="random").replace(**changes)


def truncated(temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> np.ndarray:
    """The probabilities that tokens should be drawn with, float64 [V]."""
    p = np.exp(LOGITS.astype(np.float64) / temperature)
    p[0] = 0
    order = np.argsort(-p)
    p[order[top_k or len(p) :]] = 0
    p /= p.sum()
    fewest = 1 + int(np.searchsorted(np.cumsum(p[order]), top_p - 1e-9))
    p[order[fewest:]] = 0
    return p / p.sum()


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"temperature": 0.3},
        {"temperature": 4.0},
        {"top_k": 1},
        {"top_k": 3},
        {"top_k": 99},
        {"top_p": 0.2},
        {"top_p": 0.8},
        {"temperature": 2.0, "top_k": 4, "top_p": 0.75},
    ],
)
def test_tokens_are_drawn_with_the_probabilities_of_the_truncated_softmax(how):
    """Evenly spread numbers: each token gets its share of them, within one at either end."""
    names = {"temperature": "sampling_temp", "top_k": "sampling_keep_top_k",
             "top_p": "sampling_keep_top_p"}  # fmt: skip
    logits = np.tile(LOGITS, [len(EVENLY), 1])
    tokens = draw(logits, EVENLY, settings(**{names[k]: v for k, v in how.items()}))
    shares = np.bincount(tokens, minlength=len(LOGITS)) / len(EVENLY)
    np.testing.assert_allclose(shares, truncated(**how), atol=3e-4)
    assert shares[0] == 0


@pytest.mark.parametrize("temperature", [1e-6, 1e-40])
def test_a_tiny_temperature_is_greedy(temperature):
    tokens = draw(
        np.tile(LOGITS, [3, 1]), [0.0, 0.5, 0.9999999], settings(sampling_temp=temperature)
    )
    np.testing.assert_array_equal(tokens, [4, 4, 4])


def test_the_ends_of_the_numbers_draw_tokens_that_are_kept():
    ends = np.array([0.0, 1 - 2**-24], np.float32)
    for top_k in (0, 2):
        tokens = draw(np.tile(LOGITS, [2, 1]), ends, settings(sampling_keep_top_k=top_k))
        wanted = [1, 5] if top_k == 0 else [4, 2]
        np.testing.assert_array_equal(tokens, wanted)


def constant(tokens, position, state):
    return tf.tile(LOGITS[None], [tf.size(tokens), 1]), state


def test_draws_of_many_inputs_and_positions_are_independent():
    rows = 2000
    graph = tf.function(lambda limits: sample(constant, (), limits, settings(), tf.range(rows)))
    written = graph(tf.fill([rows], 3))
    ids, p = written.ids.numpy()[:, 0], truncated()
    first = np.bincount(ids[:, 0], minlength=6) / rows
    np.testing.assert_allclose(first, p, atol=4 * np.sqrt(0.25 / rows))
    alive = ids[ids[:, 0] != 1]
    np.testing.assert_array_equal(ids[ids[:, 0] == 1][:, 1:], 0)
    pairs = np.zeros([6, 6])
    np.add.at(pairs, (alive[:, 0], alive[:, 1]), 1 / len(alive))
    single = np.where(np.arange(6) == 1, 0, p)
    wanted = np.outer(single / single.sum(), p)
    np.testing.assert_allclose(pairs, wanted, atol=4 * np.sqrt(0.25 / len(alive)))
    # Chi-squared over the pairs: 4 * 5 cells, 19 degrees of freedom, 0.999 quantile 43.8.
    cells = wanted > 0
    assert len(alive) * np.sum((pairs - wanted)[cells] ** 2 / wanted[cells]) < 43.8


def test_scores_are_those_of_the_model_whatever_the_temperature():
    written = sample(
        constant, (), tf.fill([20], 4), settings(sampling_temp=3.0, alpha=0.6), tf.range(20)
    )
    log_p = LOGITS - np.log(np.sum(np.exp(LOGITS)))
    for ids, score, rank in zip(*(part.numpy()[:, 0] for part in written), strict=True):
        tokens = ids[ids != 0]
        assert score == pytest.approx(log_p[tokens].sum(), rel=1e-5)
        assert rank == pytest.approx(score / ((5 + len(tokens)) / 6) ** 0.6, rel=1e-5)


def written_by(step: Random, rows: list[int], limits: list[int], seed: int = 0) -> list[list[int]]:
    chosen = Random(step.start[rows], step.recur, step.embed, step.out)
    state = chosen.state(1, max(limits))
    found = sample(chosen.step, state, tf.constant(limits), settings(seed=seed), tf.constant(rows))
    return [[int(i) for i in ids if i] for ids in found.ids.numpy()[:, 0]]


def test_the_same_seed_draws_the_same_and_another_one_does_not():
    step = Random.make(0, 4, 9)
    rows = [0, 1, 2, 3]
    one = written_by(step, rows, [12] * 4, seed=7)
    assert written_by(step, rows, [12] * 4, seed=7) == one
    assert written_by(step, rows, [12] * 4, seed=8) != one
    assert len(written_by(step, rows, [12] * 4, seed=2**63 + 5)) == 4  # any whole number


def test_neither_batch_nor_place_nor_limits_change_what_an_input_gets():
    step = Random.make(0, 4, 9)
    limits = [6, 9, 12, 7]
    together = written_by(step, [0, 1, 2, 3], limits)
    assert written_by(step, [3, 1], [7, 9]) == [together[3], together[1]]
    for row in range(4):
        assert written_by(step, [row], [limits[row]]) == [together[row]]
    assert written_by(step, [0], [50])[0][:6] == together[0]


def test_equal_inputs_of_other_numbers_draw_on_their_own():
    written = sample(constant, (), tf.fill([30], 5), settings(), tf.range(30))
    assert len({tuple(ids) for ids in written.ids.numpy()[:, 0]}) > 10


def outputs_of(
    step: Random,
    rows: list[int],
    limits: list[int],
    count: int,
    conditions: Conditions = UNCONDITIONAL,
):
    """num_decodes outputs of each row: lists of token lists, and their scores and ranks."""
    chosen = Random(step.start[rows], step.recur, step.embed, step.out)
    state = chosen.state(count, max(limits) + 9)
    how = settings(num_decodes=count, alpha=0.6)
    found = sample(chosen.step, state, tf.constant(limits), how, tf.constant(rows), conditions)
    assert found.ids.shape[:2] == (len(rows), count)
    ids = [[[int(i) for i in one if i] for one in of_row] for of_row in found.ids.numpy()]
    return ids, found.scores.numpy(), found.normalised.numpy()


def test_several_outputs_come_best_first_with_their_own_scores():
    step = Random.make(0, 3, 9)
    ids, scores, ranks = outputs_of(step, [0, 1, 2], [9, 5, 7], 6)
    assert np.all(np.diff(ranks) <= 0) and np.all(ranks[:, 0] > ranks[:, -1])
    for row in range(3):
        assert len({tuple(one) for one in ids[row]}) > 2
        for one, score, rank in zip(ids[row], scores[row], ranks[row], strict=True):
            wanted = step.log_probability(row, tuple(one))
            assert score == pytest.approx(wanted, rel=1e-4)
            assert rank == pytest.approx(wanted / ((5 + len(one)) / 6) ** 0.6, rel=1e-4)


def test_a_larger_number_of_outputs_only_adds_some():
    step = Random.make(0, 3, 9)
    rows, limits = [0, 1, 2], [9, 5, 7]
    few, many = (outputs_of(step, rows, limits, count)[0] for count in (2, 5))
    one = written_by(step, rows, limits)
    for row in range(3):
        assert one[row] in few[row]
        assert all(few[row].count(output) <= many[row].count(output) for output in few[row])


def test_outputs_depend_on_neither_batch_nor_place():
    step = Random.make(0, 4, 9)
    limits = [6, 9, 12, 7]
    together = outputs_of(step, [0, 1, 2, 3], limits, 3)[0]
    assert outputs_of(step, [3, 1], [7, 9], 3)[0] == [together[3], together[1]]


def test_outputs_of_an_input_are_drawn_independently():
    """The pairs of the first two tokens, one of each output, have the product's probabilities."""
    rows, p, how = 1000, truncated(), settings(num_decodes=2)
    graph = tf.function(lambda limits: sample(constant, (), limits, how, tf.range(rows)))
    found = graph(tf.fill([rows], 1))
    pairs = np.zeros([6, 6])
    np.add.at(pairs, tuple(found.ids.numpy()[:, :, 0].T), 1 / rows)
    pairs = (pairs + pairs.T) / 2  # which of them is better is no chance
    np.testing.assert_allclose(pairs, np.outer(p, p), atol=4 * np.sqrt(0.25 / rows))
    wanted = np.outer(p, p)[1:, 1:]
    assert rows * np.sum((pairs[1:, 1:] - wanted) ** 2 / wanted) < 52.6  # 25 cells, 0.999 quantile


@pytest.mark.parametrize("count", [1, 3])
def test_a_prefix_that_would_be_drawn_anyway_changes_nothing(count):
    step = Random.make(6, 2, 9)
    rows, limits = [0, 1], [12, 12]
    free = written_by(step, rows, limits)
    prefix = [free[0][:2], free[1][:3]]
    assert len(free[0]) > 3 and len(free[1]) > 4
    padded = tf.constant([[*prefix[0], 0], prefix[1]])
    for scored in (False, True):
        conditions = Conditions(prefix=padded, score_prefix=scored)
        ids, scores, _ = outputs_of(step, rows, [10, 9], count, conditions)
        for row in range(2):
            assert free[row] in ids[row]
            assert all(one[: len(prefix[row])] == prefix[row] for one in ids[row])
            before = 0.0 if scored else step.log_probability(row, tuple(prefix[row]))
            for one, score in zip(ids[row], scores[row], strict=True):
                wanted = step.log_probability(row, tuple(one)) - before
                assert score == pytest.approx(wanted, rel=1e-4, abs=1e-5)


def test_constraints_hold_for_what_is_drawn():
    step, prefix = Random.make(0, 2, 9), tf.constant([[3, 4], [0, 0]])
    conditions = Conditions((MinLength(3), NoRepeatNgram(1)), prefix)
    ids, scores, _ = outputs_of(step, [0, 1], [5, 4], 8, conditions)
    for row, begin in ((0, 2), (1, 0)):
        for one, score in zip(ids[row], scores[row], strict=True):
            assert len(set(one)) == len(one) and 1 not in one[: begin + 3]
            wanted = step.log_probability(row, tuple(one))
            wanted -= step.log_probability(row, tuple(one[:begin]))
            assert score == pytest.approx(wanted, rel=1e-4)
    ids, _, _ = outputs_of(step, [0, 1], [5, 4], 8, Conditions((NeverEnd(),)))
    assert {len(one) for one in ids[0]} == {5} and {len(one) for one in ids[1]} == {4}
    assert not any(1 in one for one in ids[0] + ids[1])
