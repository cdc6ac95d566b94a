"""Prefixes and constraints in greedy and beam search: exact over few tokens, and early ends."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.search.conditions import Conditions
from t2t_mm.decoding.search.greedy import greedy
from tests.decoding.search_steps import (
    CALLS,
    Random,
    Rules,
    by_hand_under,
    exhaustive_under,
)

EOS = 1
ALPHAS = (0.0, 3.0)
CONSTRAINED = [
    Rules(min_length=2),
    Rules(never_end=True),
    Rules(ngram=1),
    Rules(ngram=2),
    Rules(min_length=3, ngram=1),  # with few words, some outputs can only end
]
PREFIXED = [Rules(), Rules(scored=True), Rules(min_length=2, ngram=2), Rules(scored=True, ngram=1)]
PREFIXES = [(2, 3), (), (3,)]  # of three inputs


def with_prefixes(rules: Rules) -> list[Rules]:
    return [Rules(**{**vars(rules), "prefix": prefix}) for prefix in PREFIXES]


def assert_found(written, row: int, wanted: list, rules: Rules, step: Random) -> None:
    """The hypotheses of one input are these (rank, ids), and what is left over is empty."""
    ids, scores, ranks = (part[row] for part in written)
    got = [tuple(int(i) for i in hypothesis if i) for hypothesis in ids]
    assert got == [tokens for _, tokens in wanted] + [()] * (len(got) - len(wanted))
    count = len(wanted)
    np.testing.assert_allclose(ranks[:count], [r for r, _ in wanted], rtol=1e-4, atol=1e-5)
    logs = [rules.score(step, row, tokens) for _, tokens in wanted]
    np.testing.assert_allclose(scores[:count], logs, rtol=1e-4, atol=1e-5)
    assert np.all(ranks[count:] == -np.inf) and np.all(scores[count:] == -np.inf)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("rules", [*map(with_prefixes, PREFIXED), *([r] * 3 for r in CONSTRAINED)])
def test_a_wide_beam_is_an_exhaustive_search(rules, alpha):
    limits = [1, 4, 3]
    step = Random.make(1, 3, 5)
    written = step.search_under(rules, limits, 3**4, alpha)
    for row, limit in enumerate(limits):
        wanted = exhaustive_under(rules[row], step, row, 5, limit, alpha)[: 3**4]
        assert wanted
        assert_found(written, row, wanted, rules[row], step)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("rules", [*map(with_prefixes, PREFIXED), *([r] * 3 for r in CONSTRAINED)])
def test_a_narrow_beam_equals_a_plain_one(rules, alpha):
    limits = [9, 3, 7]
    step = Random.make(1, 3, 7, to_eos=0.5)
    written = step.search_under(rules, limits, 3, alpha)
    for row, limit in enumerate(limits):
        wanted = by_hand_under(rules[row], step, row, 7, limit, alpha, 3)
        assert_found(written, row, wanted, rules[row], step)


@pytest.mark.parametrize("rules", [*map(with_prefixes, PREFIXED), *([r] * 3 for r in CONSTRAINED)])
def test_greedy_takes_the_likeliest_of_what_is_allowed(rules):
    limits = [6, 3, 8]
    for seed in range(2):
        step = Random.make(seed, 3, 6)
        written = step.search_under(rules, limits, 1, 0.6)
        for row, limit in enumerate(limits):
            ids = rules[row].prefix
            while len(ids) < limit + len(rules[row].prefix) and (ids[-1:] != (EOS,)):
                scores = step.next_scores(row, ids)
                ids = (*ids, max(rules[row].allowed(ids, 6), key=lambda token: scores[token]))
            wanted = [(rules[row].rank(step, row, ids, 0.6), ids)]
            assert_found(written, row, wanted, rules[row], step)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("rules", [*map(with_prefixes, PREFIXED[1:3]), [Rules(min_length=4)] * 3])
def test_stopping_early_changes_nothing(rules, alpha):
    limits, saved = [20, 12, 17], 0
    for seed in range(4):
        step = Random.make(seed, 3, 6, to_eos=1.5)
        CALLS.clear()
        early = step.search_under(rules, limits, 3, alpha)
        saved -= len(CALLS)
        CALLS.clear()
        late = step.search_under(rules, limits, 3, alpha, stop_early=False)
        saved += len(CALLS)
        for one, other in zip(early, late, strict=True):
            length = min(one.shape[-1], other.shape[-1])
            np.testing.assert_array_equal(one[..., :length], other[..., :length])
    if alpha < 1:
        assert saved > 10  # or nothing is shown


@pytest.mark.parametrize("scored", [False, True])
def test_a_prefix_that_would_be_written_anyway_changes_nothing(scored):
    """Greedy search goes on as it would have; the score is that of the whole, or of the rest."""
    step, limits = Random.make(4, 3, 9), [12, 12, 12]
    free = step.search(limits, 1, 0.6)
    tokens = [tuple(int(i) for i in ids[0] if i) for ids in free[0]]
    assert min(map(len, tokens)) > 3
    rules = [Rules(prefix=ids[:n], scored=scored) for ids, n in zip(tokens, (3, 1, 2), strict=True)]
    left = [12 - len(one.prefix) for one in rules]
    written = step.search_under(rules, left, 1, 0.6)
    np.testing.assert_array_equal(written[0], free[0])
    before = [step.log_probability(row, one.prefix) for row, one in enumerate(rules)]
    wanted = free[1][:, 0] - (0 if scored else np.array(before))
    np.testing.assert_allclose(written[1][:, 0], wanted, rtol=1e-4)
    if scored:
        np.testing.assert_allclose(written[2], free[2], rtol=1e-5)


def test_the_beginning_of_the_best_hypothesis_leads_to_it_again():
    step, limits, wide = Random.make(2, 3, 5), [4, 3, 4], 3**4
    free = step.search(limits, wide, 3.0)
    tokens = [tuple(int(i) for i in ids[0] if i) for ids in free[0]]
    assert max(map(len, tokens)) > 2
    rules = [Rules(prefix=ids[:-1], scored=True) for ids in tokens]
    left = [n - len(one.prefix) for n, one in zip(limits, rules, strict=True)]
    written = step.search_under(rules, left, wide, 3.0)
    assert [tuple(int(i) for i in ids[0] if i) for ids in written[0]] == tokens
    np.testing.assert_allclose(written[2][:, 0], free[2][:, 0], rtol=1e-5)


@pytest.mark.parametrize("beams", [1, 3])
def test_a_row_depends_neither_on_its_batch_nor_on_the_others_prefixes(beams):
    together = Random.make(1, 3, 6)
    limits, rules = [4, 11, 7], with_prefixes(Rules(min_length=2, ngram=2))
    written = together.search_under(rules, limits, beams, 0.6)
    for row, limit in enumerate(limits):
        alone = Random(together.start[row : row + 1], together.recur, together.embed, together.out)
        ids, scores, _ = alone.search_under(rules[row : row + 1], [limit], beams, 0.6)
        width = ids.shape[2]
        np.testing.assert_array_equal(written[0][row, :, :width], ids[0])
        assert not written[0][row, :, width:].any()
        np.testing.assert_allclose(written[1][row], scores[0], rtol=1e-5)


@pytest.mark.parametrize("beams", [1, 3])
def test_no_prefix_is_the_same_as_an_empty_one(beams):
    step, limits = Random.make(3, 3, 6), [5, 8, 3]
    for one, other in zip(
        step.search(limits, beams, 0.6),
        step.search_under([Rules()] * 3, limits, beams, 0.6),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_an_end_inside_of_a_prefix_is_a_token_like_others():
    step = Random.make(0, 1, 6)
    for beams in (1, 2):
        (ids,) = step.search_under([Rules(prefix=(2, EOS, 3))], [4], beams, 0.0)[0]
        assert tuple(ids[0, :3]) == (2, EOS, 3) and ids[0, 3] != 0


def test_only_unscored_tokens_of_a_prefix_are_left_out_of_a_given_score():
    """The same tokens written either way: the scores differ by the prefix's log-probability."""

    def step(tokens, position, state):
        return tf.tile(tf.constant([[0.0, 1.0, 2.0]]), [tf.size(tokens), 1]), state

    log_p = np.array([0.0, 1.0, 2.0]) - np.log(1 + np.e + np.exp(2))
    for scored, wanted in ((False, 2 * log_p[2]), (True, 4 * log_p[2])):
        conditions = Conditions(prefix=tf.constant([[2, 2]]), score_prefix=scored)
        found = greedy(step, (), tf.constant([2]), 1.0, conditions)
        np.testing.assert_array_equal(found.ids, [[[2, 2, 2, 2]]])
        assert float(found.scores[0, 0]) == pytest.approx(wanted, rel=1e-5)
        length = 4 if scored else 2
        assert float(found.normalised[0, 0]) == pytest.approx(wanted * 6 / (5 + length), rel=1e-5)
