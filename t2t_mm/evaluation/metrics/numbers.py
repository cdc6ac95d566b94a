"""Metrics of numbers: correlation, and squared error."""

from __future__ import annotations

import numpy as np

from t2t_mm.evaluation.metrics.statistics import Answers, Statistics, mean_of, share


def pearson(answers: Answers) -> Statistics:
    """Pearson's correlation, -1 to 1, with the first reference; 0 where a side is constant."""
    return _correlation("pearson", *_numbers(answers))


def spearman(answers: Answers) -> Statistics:
    """Spearman's rank correlation, -1 to 1: Pearson's of the ranks, ties sharing their mean rank.

    Ranks are of the whole set, also in a bootstrap's resamples.
    """
    from scipy.stats import rankdata

    return _correlation("spearman", *(rankdata(side) for side in _numbers(answers)))


def mse(answers: Answers) -> Statistics:
    """The mean squared error, in the square of the numbers' unit."""
    outputs, references = _numbers(answers)
    return mean_of("mse", list((outputs - references) ** 2))


def _numbers(answers: Answers) -> tuple[np.ndarray, np.ndarray]:
    references = [several[0] for several in answers.references]
    return np.array(answers.outputs, np.float64), np.array(references, np.float64)


def _correlation(name: str, x: np.ndarray, y: np.ndarray) -> Statistics:
    # A shift changes no correlation; it keeps the differences of sums below from cancelling.
    x, y = x - x.mean(), y - y.mean()
    rows = np.stack([np.ones(len(x)), x, y, x * x, y * y, x * y], axis=1)

    def figures(sums: np.ndarray) -> dict[str, float]:
        n, sum_x, sum_y, sum_xx, sum_yy, sum_xy = sums
        spreads = (n * sum_xx - sum_x**2) * (n * sum_yy - sum_y**2)
        return {name: share(n * sum_xy - sum_x * sum_y, np.sqrt(max(spreads, 0.0)))}

    return Statistics(rows, figures)
