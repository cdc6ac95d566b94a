"""Right or wrong as a whole: exact match, accuracy, top-5 accuracy, calibration."""

from __future__ import annotations

import math

import numpy as np

from t2t_mm.evaluation.metrics.statistics import Answers, Ranked, Statistics, mean_of

TOP = 5
BINS = 15  # of the calibration error, equal in width (Guo et al., arXiv 1706.04599)


def exact_match(answers: Answers) -> Statistics:
    """The share of outputs that equal any of their references, up to white space."""
    return mean_of("exact_match", _hits(answers))


def accuracy(answers: Answers) -> Statistics:
    """The share of right class labels."""
    return mean_of("accuracy", _hits(answers))


def accuracy_top5(answers: Answers) -> Statistics:
    """The share of examples whose label is among the five likeliest."""
    return mean_of(
        "accuracy_top5",
        [
            float(any(label in references for label, _ in ranked[:TOP]))
            for ranked, references in zip(_ranked(answers), answers.references, strict=True)
        ],
    )


def calibration_error(answers: Answers) -> Statistics:
    """The distance of stated probabilities from the shares of right answers.

    Examples go into 15 bins of equal width by the probability of the likeliest label: bin b holds
    (b/15, (b+1)/15]. The error is the mean over the examples of |accuracy - mean probability| of
    their bin.
    """
    hits = _hits(answers)
    rows = np.zeros([len(hits), 2, BINS])
    for row, hit, ranked in zip(rows, hits, _ranked(answers), strict=True):
        probability = math.exp(ranked[0][1])
        into = min(max(math.ceil(probability * BINS) - 1, 0), BINS - 1)
        row[:, into] = 1, hit - probability

    def figures(sums: np.ndarray) -> dict[str, float]:
        sizes, gaps = sums.reshape(2, BINS)
        return {"calibration_error": float(np.abs(gaps).sum() / max(sizes.sum(), 1.0))}

    return Statistics(rows.reshape(len(hits), -1), figures)


def _hits(answers: Answers) -> list[float]:
    return [
        float(_collapse_spaces(output) in {_collapse_spaces(reference) for reference in references})
        for output, references in zip(answers.outputs, answers.references, strict=True)
    ]


def _collapse_spaces(text: str) -> str:
    return " ".join(text.split())


def _ranked(answers: Answers) -> list[Ranked]:
    if answers.ranked is None:
        raise ValueError("this metric needs labels with their probabilities")
    return list(answers.ranked)
