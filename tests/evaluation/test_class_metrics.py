"""Accuracy, top-5 and calibration error by hand."""

from __future__ import annotations

import math

import pytest

from t2t_mm.evaluation.metrics import answers_of, compute


def ranked(*pairs):
    return [(label, math.log(probability)) for label, probability in pairs]


RANKED = [
    ranked(("a", 0.9), ("b", 0.06), ("c", 0.02), ("d", 0.01), ("e", 0.005)),
    ranked(("b", 0.39), ("a", 0.3), ("c", 0.2), ("d", 0.06), ("e", 0.03)),
    ranked(("c", 0.42), ("a", 0.3), ("b", 0.2), ("d", 0.06), ("e", 0.01)),
    ranked(("d", 0.95), ("a", 0.02), ("b", 0.01), ("c", 0.01), ("e", 0.005)),
]
OUTPUTS = [each[0][0] for each in RANKED]


def test_top_1_and_top_5():
    answers = answers_of(OUTPUTS, [["a"], ["e"], ["f"], ["a"]], RANKED)
    scores = compute(["accuracy", "accuracy_top5"], answers)
    assert scores["accuracy"].value == 1 / 4
    assert scores["accuracy_top5"].value == 3 / 4  # "f" is not among five


def test_calibration_error_by_hand():
    """Each probability has a bin of its own, 1/15 wide.

    0.39 is in (5/15, 6/15], right: |1 - 0.39|. 0.42 in (6/15, 7/15], wrong: |0 - 0.42|. 0.9 in
    (13/15, 14/15], wrong: 0.9. 0.95 in the last one, right: |1 - 0.95|.
    """
    answers = answers_of(OUTPUTS, [["x"], ["b"], ["x"], ["d"]], RANKED)
    expected = (0.61 + 0.42 + 0.9 + 0.05) / 4
    assert compute(["calibration_error"], answers)["calibration_error"].value == pytest.approx(
        expected
    )


def test_a_bin_averages_before_it_compares():
    """0.95 twice, once right: |0.5 - 0.95|, not the mean of 0.05 and 0.95."""
    answers = answers_of(["d", "d"], [["d"], ["x"]], [RANKED[3], RANKED[3]])
    score = compute(["calibration_error"], answers)["calibration_error"]
    assert score.value == pytest.approx(0.45)


def test_certainty_has_a_bin():
    answers = answers_of(["a", "b"], [["a"], ["b"]], [ranked(("a", 1.0)), [("b", -1000.0)]])
    score = compute(["calibration_error"], answers)["calibration_error"]
    assert score.value == pytest.approx((0 + 1) / 2)


def test_labels_need_their_probabilities():
    with pytest.raises(ValueError, match="needs labels with their probabilities"):
        compute(["accuracy_top5"], ["a"], [["a"]])
    with pytest.raises(ValueError, match="1 outputs need as many lists of ranked labels"):
        answers_of(["a"], [["a"]], [])
