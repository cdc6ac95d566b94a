"""Metrics of decoded outputs, by name; see docs/metrics.md for what each one is.

What is teacher-forced (accuracy per token, perplexity) is not here: evaluation/teacher_forced.py
measures it from logits.
"""

from t2t_mm.evaluation.metrics.known import (
    applies,
    compute,
    find_metric,
    flatten,
    flatten_intervals,
    remarks_on,
)
from t2t_mm.evaluation.metrics.metric import Metric, metric
from t2t_mm.evaluation.metrics.statistics import (
    Answers,
    Interval,
    References,
    Score,
    Statistics,
    answers_of,
    mean_of,
)

__all__ = [
    "Answers",
    "Interval",
    "Metric",
    "References",
    "Score",
    "Statistics",
    "answers_of",
    "applies",
    "compute",
    "find_metric",
    "flatten",
    "flatten_intervals",
    "mean_of",
    "metric",
    "remarks_on",
]
