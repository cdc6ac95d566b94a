"""Correlations against SciPy's, spans against seqeval's own F1 and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from seqeval.metrics import f1_score

from t2t_mm.evaluation.metrics import compute, flatten

NUMBERS = ("pearson", "spearman", "mse")


def test_correlations_are_scipys_also_far_from_zero() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(1e6, 1.0, 200).round(1)  # rounded: there are ties
    y = x + rng.normal(0.0, 0.7, 200).round(1)
    found = flatten(compute(NUMBERS, [str(v) for v in x], [[str(v)] for v in y]))
    assert found["pearson"] == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
    assert found["spearman"] == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)
    assert found["mse"] == pytest.approx(((x - y) ** 2).mean())


def test_a_constant_answer_correlates_with_nothing() -> None:
    found = flatten(compute(NUMBERS, ["2.0"] * 3, [["1.0"], ["2.0"], ["4.0"]]))
    assert found == {"pearson": 0.0, "spearman": 0.0, "mse": pytest.approx(5 / 3)}


def test_only_the_order_counts_for_spearman() -> None:
    found = flatten(compute(NUMBERS, ["1", "10", "1000"], [["0.1"], ["0.2"], ["0.3"]]))
    assert found["spearman"] == pytest.approx(1.0) and found["pearson"] < 0.9


def test_spans_by_hand() -> None:
    outputs = ["B-PER I-PER O B-LOC", "O B-PER O"]
    references = ["B-PER I-PER O B-ORG", "O B-PER I-PER"]
    found = flatten(compute(["span_f1"], outputs, [[one] for one in references]))
    # One of three found spans is right, and one of three wanted ones found.
    assert found == {name: pytest.approx(1 / 3) for name in found}
    assert set(found) == {"span_f1", "span_precision", "span_recall"}


def test_spans_are_those_of_seqeval_over_the_set() -> None:
    rng = np.random.default_rng(5)
    names = ("O", "B-A", "I-A", "B-B", "I-B")
    outputs = [[names[i] for i in rng.integers(0, 5, 8)] for _ in range(50)]
    references = [[names[i] for i in rng.integers(0, 5, 8)] for _ in range(50)]
    found = compute(
        ["span_f1"], [" ".join(o) for o in outputs], [[" ".join(r)] for r in references]
    )
    assert found["span_f1"].value == pytest.approx(f1_score(references, outputs))


def test_nothing_found_and_nothing_wanted_is_no_division() -> None:
    assert compute(["span_f1"], ["O O"], [["O O"]])["span_f1"].value == 0.0
