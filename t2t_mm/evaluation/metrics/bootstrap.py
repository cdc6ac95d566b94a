"""Bootstrap confidence intervals of metrics, over the examples (Koehn 2004).

A resample draws N of the N examples with replacement; the interval is from the 2.5th to the 97.5th
percentile of the figure over the resamples. The seed is fixed: the same outputs have the same
interval, and two systems over the same examples are drawn alike, which a paired comparison needs.
It says what another sample of examples would change, not what another training would.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from t2t_mm.evaluation.metrics.statistics import Interval, Statistics

RESAMPLES = 1000
SEED = 12345
LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """Two systems over the same examples.

    Attributes:
      value: the first one's figure less the second one's.
      interval: its 95 % confidence interval, drawn in pairs.
      against: the share of resamples in which the difference is zero or has the other sign.
    """

    value: float
    interval: Interval
    against: float


def intervals(
    statistics: Statistics, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Interval]:
    """The 95 % confidence interval of each of a metric's figures."""
    drawn = _drawn(statistics, resamples, seed)
    return {name: _percentiles(values) for name, values in drawn.items()}


def difference(
    first: Statistics, second: Statistics, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Difference]:
    """Compares two systems' outputs for the same examples by one metric.

    Raises:
      ValueError: if the two have not equally many examples.
    """
    if len(first.rows) != len(second.rows):
        raise ValueError(f"{len(first.rows)} and {len(second.rows)} examples cannot be paired")
    mine = _drawn(first, resamples, seed)
    theirs = _drawn(second, resamples, seed)
    own, other = first.figures(first.rows.sum(0)), second.figures(second.rows.sum(0))
    found = {}
    for name, values in mine.items():
        value, drawn = own[name] - other[name], values - theirs[name]
        against = float(np.mean(drawn * np.sign(value) <= 0))
        found[name] = Difference(value, _percentiles(drawn), against)
    return found


def _drawn(statistics: Statistics, resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Each figure over the resamples, float64 [resamples]."""
    drawn = [
        statistics.figures(weights @ statistics.rows)
        for weights in _weights(len(statistics.rows), resamples, seed)
    ]
    return {name: np.array([each[name] for each in drawn]) for name in drawn[0]}


def _weights(examples: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """The number of draws of each example, float64 [N], for each resample."""
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        chosen = rng.integers(examples, size=examples)
        yield np.bincount(chosen, minlength=examples).astype(np.float64)


def _percentiles(values: np.ndarray) -> Interval:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
