"""The metrics by name, and how several are computed at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from t2t_mm.errors import unknown
from t2t_mm.evaluation.metrics import (
    captions,
    cider,
    classes,
    error_rates,
    meteor,
    numbers,
    rouge,
    spans,
    text,
    trees,
)
from t2t_mm.evaluation.metrics.bootstrap import intervals
from t2t_mm.evaluation.metrics.metric import ANY, Metric
from t2t_mm.evaluation.metrics.statistics import (
    Answers,
    Interval,
    References,
    Score,
    answers_of,
)
from t2t_mm.registry import METRICS

if TYPE_CHECKING:
    from t2t_mm.problem import Task


_NUMBER, _LABEL, _TREE = frozenset({"number"}), frozenset({"label"}), frozenset({"tree"})

_BUILT_IN = (
    Metric("bleu", text.bleu, "Corpus BLEU (sacrebleu).", percent=True),
    Metric("chrf", text.chrf, "Corpus chrF2 (sacrebleu).", percent=True),
    Metric(
        "ter",
        text.ter,
        "Translation edit rate (sacrebleu).",
        higher_is_better=False,
        percent=True,
    ),
    Metric("exact_match", classes.exact_match, "Outputs that equal a reference.", frozenset({ANY})),
    Metric("wer", error_rates.wer, "Word error rate (jiwer).", higher_is_better=False),
    Metric("cer", error_rates.cer, "Character error rate (jiwer).", higher_is_better=False),
    Metric("bleu_4", captions.bleu_4, "BLEU-4 of captions.", percent=True),
    Metric("rouge_1", rouge.rouge_1, "ROUGE-1: F of common words."),
    Metric("rouge_2", rouge.rouge_2, "ROUGE-2: F of common pairs of words."),
    Metric("rouge_l", captions.rouge_l, "ROUGE-L of captions and summaries."),
    Metric("cider", cider.cider, "CIDEr-D of captions, 0 to 10.", numbers=frozenset({"cider"})),
    Metric("meteor_stem", meteor.meteor_stem, "METEOR of captions, without synonyms."),
    Metric(
        "bracket_f1",
        trees.bracket_f1,
        "Labelled bracket F1, as EVALB counts.",
        _TREE,
        numbers=frozenset({"bracket_crossing"}),
    ),
    Metric(
        "bracket_f1_all",
        trees.bracket_f1_all,
        "The same, with what EVALB leaves out as wrong.",
        _TREE,
    ),
    Metric("accuracy", classes.accuracy, "Right class labels.", _LABEL),
    Metric("accuracy_top5", classes.accuracy_top5, "Labels among the five likeliest.", _LABEL),
    Metric(
        "pearson",
        numbers.pearson,
        "Pearson's correlation, -1 to 1.",
        _NUMBER,
        numbers=frozenset({"pearson"}),
    ),
    Metric(
        "spearman",
        numbers.spearman,
        "Spearman's rank correlation, -1 to 1.",
        _NUMBER,
        numbers=frozenset({"spearman"}),
    ),
    Metric(
        "mse",
        numbers.mse,
        "Mean squared error.",
        _NUMBER,
        higher_is_better=False,
        numbers=frozenset({"mse"}),
    ),
    Metric(
        "span_f1", spans.span_f1, "F1 of labelled spans of words (seqeval).", frozenset({"tags"})
    ),
    Metric(
        "calibration_error",
        classes.calibration_error,
        f"Expected calibration error, {classes.BINS} bins of equal width.",
        _LABEL,
        higher_is_better=False,
    ),
)

for _metric in _BUILT_IN:
    METRICS.register(_metric.name, _metric, _metric.summary)


def find_metric(name: str, where: str = "the problem's metrics") -> Metric:
    """The metric of that name.

    Args:
      name: of the metric.
      where: it comes from, for the error.

    Raises:
      UnknownNameError: with the nearest known name.
    """
    if name not in METRICS:
        raise unknown("metric", name, METRICS, where)
    return METRICS.get(name)


def applies(name: str, task: Task) -> bool:
    """True if a metric can score a problem's answers; a language model gives none."""
    return find_metric(name).fits(task.targets.families) and task.has_inputs


def compute(
    names: Iterable[str],
    outputs: Answers | Sequence[str],
    references: References = (),
    resamples: int = 0,
) -> dict[str, Score]:
    """Computes several metrics.

    Args:
      names: of the metrics.
      outputs: N decoded texts; or them with their references, as `Answers`.
      references: N lists of at least one right answer.
      resamples: of the bootstrap; 0: no confidence intervals.

    Returns:
      Name -> score; a value is NaN where there are no outputs at all.

    Raises:
      UnknownNameError: for an unknown metric.
      ValueError: if the two differ in length, or an output has no reference.
    """
    answers = outputs if isinstance(outputs, Answers) else answers_of(outputs, references)
    found = {name: find_metric(name) for name in names}
    if not len(answers):
        return {name: Score(float("nan")) for name in found}
    return {name: _score(name, metric, answers, resamples) for name, metric in found.items()}


def _score(name: str, metric: Metric, answers: Answers, resamples: int) -> Score:
    statistics = metric.statistics(answers)
    figures = statistics.figures(statistics.rows.sum(0))
    if name not in figures:
        raise TypeError(
            f"the metric '{name}' gave the figures {', '.join(figures) or 'none'}; one of them "
            "must have its name"
        )
    value = figures.pop(name)
    found = intervals(statistics, resamples) if resamples else {}
    return Score(value, figures, statistics.signature, found, statistics.remarks)


def remarks_on(scores: Mapping[str, Score]) -> list[str]:
    """All that may mislead in these scores, with the metrics' names."""
    return [f"{name}: {text}" for name, score in scores.items() for text in score.remarks]


def flatten(scores: dict[str, Score]) -> dict[str, float]:
    """Values and parts by name, ready for metrics.jsonl."""
    flat: dict[str, float] = {}
    for name, score in scores.items():
        flat |= {name: score.value, **score.parts}
    return flat


def flatten_intervals(scores: dict[str, Score]) -> dict[str, Interval]:
    """The confidence intervals of all figures by name."""
    return {name: both for score in scores.values() for name, both in score.intervals.items()}
