"""The metrics by name, and how several are computed at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
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
from t2t_mm.evaluation.metrics.statistics import (
    Answers,
    Interval,
    References,
    Score,
    Statistics,
    answers_of,
)

if TYPE_CHECKING:
    from t2t_mm.problem import Task


@dataclass(frozen=True)
class Metric:
    """A metric by name.

    Attributes:
      statistics: answers -> what each example adds, and what follows from the sums.
      summary: one line.
      answers: what it scores: "any", or the name of a kind.
      lower_is_better: as for an error rate.
      percent: the value is already on 0 to 100, as BLEU is; otherwise a share, 0 to 1.
      numbers: those of its figures that are plain numbers instead, such as a mean count.
    """

    statistics: Callable[[Answers], Statistics]
    summary: str
    answers: str = "text"
    lower_is_better: bool = False
    percent: bool = False
    numbers: frozenset[str] = frozenset()


METRICS: dict[str, Metric] = {
    "bleu": Metric(text.bleu, "Corpus BLEU (sacrebleu).", percent=True),
    "chrf": Metric(text.chrf, "Corpus chrF2 (sacrebleu).", percent=True),
    "ter": Metric(
        text.ter, "Translation edit rate (sacrebleu).", lower_is_better=True, percent=True
    ),
    "exact_match": Metric(classes.exact_match, "Outputs that equal a reference.", "any"),
    "wer": Metric(error_rates.wer, "Word error rate (jiwer).", lower_is_better=True),
    "cer": Metric(error_rates.cer, "Character error rate (jiwer).", lower_is_better=True),
    "bleu_4": Metric(captions.bleu_4, "BLEU-4 of captions.", percent=True),
    "rouge_1": Metric(rouge.rouge_1, "ROUGE-1: F of common words."),
    "rouge_2": Metric(rouge.rouge_2, "ROUGE-2: F of common pairs of words."),
    "rouge_l": Metric(captions.rouge_l, "ROUGE-L of captions and summaries."),
    "cider": Metric(cider.cider, "CIDEr-D of captions, 0 to 10.", numbers=frozenset({"cider"})),
    "meteor_stem": Metric(meteor.meteor_stem, "METEOR of captions, without synonyms."),
    "bracket_f1": Metric(
        trees.bracket_f1,
        "Labelled bracket F1, as EVALB counts.",
        "tree",
        numbers=frozenset({"bracket_crossing"}),
    ),
    "bracket_f1_all": Metric(
        trees.bracket_f1_all, "The same, with what EVALB leaves out as wrong.", "tree"
    ),
    "accuracy": Metric(classes.accuracy, "Right class labels.", "label"),
    "accuracy_top5": Metric(classes.accuracy_top5, "Labels among the five likeliest.", "label"),
    "pearson": Metric(
        numbers.pearson,
        "Pearson's correlation, -1 to 1.",
        "number",
        numbers=frozenset({"pearson"}),
    ),
    "spearman": Metric(
        numbers.spearman,
        "Spearman's rank correlation, -1 to 1.",
        "number",
        numbers=frozenset({"spearman"}),
    ),
    "mse": Metric(
        numbers.mse,
        "Mean squared error.",
        "number",
        lower_is_better=True,
        numbers=frozenset({"mse"}),
    ),
    "span_f1": Metric(spans.span_f1, "F1 of labelled spans of words (seqeval).", "tags"),
    "calibration_error": Metric(
        classes.calibration_error,
        f"Expected calibration error, {classes.BINS} bins of equal width.",
        "label",
        lower_is_better=True,
    ),
}


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
    return METRICS[name]


def applies(name: str, task: Task) -> bool:
    """Whether a metric can score a problem's answers; a language model gives none."""
    metric = find_metric(name)
    if not task.has_inputs:
        return False
    return metric.answers in {"any", *task.targets.families}


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
    value = figures.pop(name)
    found = intervals(statistics, resamples) if resamples else {}
    return Score(value, figures, statistics.signature, found)


def flatten(scores: dict[str, Score]) -> dict[str, float]:
    """Values and parts by name, ready for metrics.jsonl."""
    flat: dict[str, float] = {}
    for name, score in scores.items():
        flat |= {name: score.value, **score.parts}
    return flat


def flatten_intervals(scores: dict[str, Score]) -> dict[str, Interval]:
    """The confidence intervals of all figures by name."""
    return {name: both for score in scores.values() for name, both in score.intervals.items()}
