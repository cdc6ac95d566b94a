"""Bootstrap intervals against brute force: every resample scored anew from its texts."""

from __future__ import annotations

import jiwer
import numpy as np
import pytest
import sacrebleu

from t2t_mm.evaluation.metrics import Answers, compute, flatten_intervals
from t2t_mm.evaluation.metrics.bootstrap import RESAMPLES, SEED, difference, intervals
from t2t_mm.registry import METRICS

WORDS = np.array(["the", "a", "red", "blue", "dog", "cat", "sees", "likes", "on", "under"])
RNG = np.random.default_rng(0)
REFERENCES = [" ".join(WORDS[RNG.integers(0, 10, 8)]) for _ in range(20)]
OUTPUTS = [
    " ".join(w if RNG.random() < 0.8 else "x" for w in reference.split())
    for reference in REFERENCES
]
WORSE = [" ".join(o.split()[:-2]) for o in OUTPUTS]
RANKED = [[(label, -0.1)] for label in "ab" * 10]
ANSWERS = Answers(OUTPUTS, [[r] for r in REFERENCES])


def samples(count: int) -> list[np.ndarray]:
    """The examples that each resample draws."""
    rng = np.random.default_rng(SEED)
    return [rng.integers(20, size=20) for _ in range(count)]


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("bleu", lambda out, ref: sacrebleu.corpus_bleu(out, [ref]).score),
        ("chrf", lambda out, ref: sacrebleu.corpus_chrf(out, [ref]).score),
        ("ter", lambda out, ref: sacrebleu.corpus_ter(out, [ref]).score),
        ("wer", lambda out, ref: jiwer.wer(ref, out)),
        ("exact_match", lambda out, ref: np.mean([o == r for o, r in zip(out, ref, strict=True)])),
        ("meteor_stem", lambda out, ref: compute(["meteor_stem"], out, [[r] for r in ref])),
    ],
)
def test_intervals_equal_brute_force(name, whole):
    drawn = [
        whole([OUTPUTS[i] for i in rows], [REFERENCES[i] for i in rows]) for rows in samples(50)
    ]
    values = [one["meteor_stem"].value if isinstance(one, dict) else one for one in drawn]
    expected = np.percentile(values, [2.5, 97.5])
    got = intervals(METRICS.get(name).statistics(ANSWERS), resamples=50)
    assert got[name] == pytest.approx(tuple(expected), rel=1e-9, abs=1e-12)


def test_every_figure_has_an_interval_around_it():
    tree = "(S (NP (NN dog)) (VP (VBZ barks)))"
    wrong = "(S (NN dog) (VP (VBZ barks)))"
    scores = compute(
        ["bracket_f1", "bracket_f1_all"],
        [tree, wrong, "(S"] * 10,
        [[tree]] * 30,
        resamples=200,
    )
    found = flatten_intervals(scores)
    for score in scores.values():
        for name, value in score.parts.items():
            low, high = found[name]
            assert low <= value <= high
        low, high = next(iter(score.intervals.values()))
        assert 0 < low < score.value < high < 1


def test_no_intervals_unless_asked_for():
    assert compute(["bleu"], ANSWERS)["bleu"].intervals == {}


def test_the_same_seed_gives_the_same_interval_and_another_another():
    statistics = METRICS.get("wer").statistics(ANSWERS)
    assert intervals(statistics) == intervals(statistics, RESAMPLES, SEED)
    assert intervals(statistics) != intervals(statistics, seed=SEED + 1)


def test_it_is_as_wide_as_theory_says():
    """A share of 50 % of 400: standard error 0.025, so 0.5 ± 0.049."""
    answers = Answers(["a"] * 400, [["a"], ["b"]] * 200)
    low, high = intervals(METRICS.get("exact_match").statistics(answers))["exact_match"]
    assert (low, high) == pytest.approx((0.451, 0.549), abs=0.008)


def test_a_paired_difference_draws_both_alike():
    first = METRICS.get("wer").statistics(ANSWERS)
    second = METRICS.get("wer").statistics(Answers(WORSE, ANSWERS.references))
    found = difference(first, second)["wer"]
    own = jiwer.wer(REFERENCES, OUTPUTS) - jiwer.wer(REFERENCES, WORSE)
    assert found.value == pytest.approx(own) and own < 0
    gaps = [
        jiwer.wer([REFERENCES[i] for i in rows], [OUTPUTS[i] for i in rows])
        - jiwer.wer([REFERENCES[i] for i in rows], [WORSE[i] for i in rows])
        for rows in samples(40)
    ]
    few = difference(first, second, resamples=40)["wer"]
    assert few.interval == pytest.approx(tuple(np.percentile(gaps, [2.5, 97.5])))
    assert few.against == np.mean(np.array(gaps) >= 0)
    # The same against itself differs by nothing, however wide each one's own interval is.
    same = difference(first, first)["wer"]
    assert same.value == 0 and same.interval == (0, 0)
    with pytest.raises(ValueError, match="20 and 19 examples cannot be paired"):
        difference(
            first, METRICS.get("wer").statistics(Answers(OUTPUTS[1:], ANSWERS.references[1:]))
        )
