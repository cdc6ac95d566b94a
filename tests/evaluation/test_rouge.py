"""ROUGE-1 and ROUGE-2 by hand, on the words of captions."""

from __future__ import annotations

import pytest

from t2t_mm.evaluation.metrics import compute
from t2t_mm.evaluation.metrics.rouge import rouge_n


def test_by_hand() -> None:
    output, reference = "The cat sat. The dog", "a cat sat on the mat"
    # the, cat, sat of 5 and 6 words; "cat sat" of 4 and 5 pairs
    assert rouge_n(output, (reference,), 1) == pytest.approx(2 * 3 / (5 + 6))
    assert rouge_n(output, (reference,), 2) == pytest.approx(2 * 1 / (4 + 5))
    assert rouge_n("", (reference,), 1) == rouge_n("x", (reference,), 2) == 0.0
    assert rouge_n(reference, (reference.upper(),), 2) == 1.0


def test_words_of_any_script() -> None:
    assert rouge_n("ein süßer Kater", ("Ein süßer Hund",), 1) == pytest.approx(2 / 3)
    assert rouge_n("η γάτα κάθισε", ("η γάτα έφυγε",), 2) == pytest.approx(1 / 2)
    assert rouge_n("a t-shirt", ("the t-shirts",), 1) == 0.0  # not the "t" of both


def test_the_best_reference_counts_and_examples_weigh_alike() -> None:
    references = [["x y", "a cat sat on the mat"], ["q"]]
    scores = compute(["rouge_1", "rouge_2"], ["The cat sat. The dog", "z"], references)
    assert scores["rouge_1"].value == pytest.approx(6 / 11 / 2)
    assert scores["rouge_2"].value == pytest.approx(2 / 9 / 2)
