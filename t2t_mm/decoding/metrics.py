"""Metrics of decoded outputs: text against text, by the field's own libraries.

What is teacher-forced (accuracy per token, perplexity) is not here: the trainer measures it from
logits. An output has one reference or several; all of them are right answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from t2t_mm.decoding.brackets import bracket_scores
from t2t_mm.errors import unknown

Outputs = Sequence[str]
References = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Score:
    """What a metric says of a set of outputs.

    Attributes:
      value: the metric.
      parts: further figures by their own names, such as bracket_precision.
      signature: how it was computed, where the field asks for that (sacrebleu).
    """

    value: float
    parts: dict[str, float] = field(default_factory=dict)
    signature: str = ""


@dataclass(frozen=True)
class Metric:
    """A metric by name.

    Attributes:
      function: (outputs, references) -> Score.
      summary: one line.
      lower_is_better: as for an error rate.
      percent: the value is already on 0 to 100, as BLEU is; otherwise a share, 0 to 1.
    """

    function: Callable[[Outputs, References], Score]
    summary: str
    lower_is_better: bool = False
    percent: bool = False


def bleu(outputs: Outputs, references: References) -> Score:
    """sacrebleu's corpus BLEU, 0 to 100, against all references of each output."""
    from sacrebleu.metrics import BLEU

    return _sacrebleu(BLEU(), outputs, references)


def chrf(outputs: Outputs, references: References) -> Score:
    """sacrebleu's corpus chrF2, 0 to 100."""
    from sacrebleu.metrics import CHRF

    return _sacrebleu(CHRF(), outputs, references)


def exact_match(outputs: Outputs, references: References) -> Score:
    """The share of outputs that equal any of their references, up to white space."""
    hits = [
        _squeeze(o) in {_squeeze(r) for r in rs} for o, rs in zip(outputs, references, strict=True)
    ]
    return Score(sum(hits) / len(hits))


def accuracy(outputs: Outputs, references: References) -> Score:
    """The share of right class labels."""
    return exact_match(outputs, references)


def wer(outputs: Outputs, references: References) -> Score:
    """Word errors per reference word (jiwer), against the nearest reference of each output."""
    import jiwer

    return _error_rate(jiwer.process_words, outputs, references)


def cer(outputs: Outputs, references: References) -> Score:
    """Character errors per reference character (jiwer), against the nearest reference."""
    import jiwer

    return _error_rate(jiwer.process_characters, outputs, references)


def bracket_f1(outputs: Outputs, references: References) -> Score:
    """Labelled bracket F1 as EVALB counts it, against the first reference; see brackets.py."""
    parts = bracket_scores(outputs, [rs[0] for rs in references])
    return Score(parts.pop("bracket_f1"), parts)


METRICS: dict[str, Metric] = {
    "bleu": Metric(bleu, "Corpus BLEU (sacrebleu).", percent=True),
    "chrf": Metric(chrf, "Corpus chrF2 (sacrebleu).", percent=True),
    "exact_match": Metric(exact_match, "Outputs that equal a reference."),
    "accuracy": Metric(accuracy, "Right class labels."),
    "wer": Metric(wer, "Word error rate (jiwer).", lower_is_better=True),
    "cer": Metric(cer, "Character error rate (jiwer).", lower_is_better=True),
    "bracket_f1": Metric(bracket_f1, "Labelled bracket F1, as EVALB counts."),
}


def find_metric(name: str) -> Metric:
    """The metric of that name.

    Raises:
      UnknownNameError: with the nearest known name.
    """
    if name not in METRICS:
        raise unknown("metric", name, METRICS, "the problem's metrics")
    return METRICS[name]


def compute(names: Iterable[str], outputs: Outputs, references: References) -> dict[str, Score]:
    """Computes several metrics.

    Args:
      names: of the metrics.
      outputs: N decoded texts.
      references: N lists of at least one right answer.

    Returns:
      Name -> score; a value is NaN where there are no outputs at all.

    Raises:
      UnknownNameError: for an unknown metric.
      ValueError: if the two differ in length, or an output has no reference.
    """
    if len(outputs) != len(references) or not all(references):
        raise ValueError(f"{len(outputs)} outputs need as many non-empty lists of references")
    found = {name: find_metric(name) for name in names}
    if not outputs:
        return {name: Score(float("nan")) for name in found}
    return {name: metric.function(outputs, references) for name, metric in found.items()}


def flatten(scores: dict[str, Score]) -> dict[str, float]:
    """Values and parts by name, ready for metrics.jsonl."""
    flat: dict[str, float] = {}
    for name, score in scores.items():
        flat |= {name: score.value, **score.parts}
    return flat


def _sacrebleu(metric: Any, outputs: Outputs, references: References) -> Score:
    most = max(len(rs) for rs in references)
    streams = [[rs[i] if i < len(rs) else None for rs in references] for i in range(most)]
    value = metric.corpus_score(list(outputs), streams).score
    return Score(value, signature=str(metric.get_signature()))


def _error_rate(process: Callable, outputs: Outputs, references: References) -> Score:
    errors = size = 0
    for output, candidates in zip(outputs, references, strict=True):
        counts = [_count_errors(process(r, output)) for r in dict.fromkeys(candidates)]
        best = min(counts, key=lambda count: count[0] / max(count[1], 1))
        errors, size = errors + best[0], size + best[1]
    return Score(errors / max(size, 1))


def _count_errors(alignment: Any) -> tuple[int, int]:
    """(errors, length of the reference)."""
    missed = alignment.substitutions + alignment.deletions
    return missed + alignment.insertions, missed + alignment.hits


def _squeeze(text: str) -> str:
    return " ".join(text.split())
