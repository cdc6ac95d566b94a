"""Labelled bracket scores of a set of trees; how two trees are compared is in brackets.py."""

from __future__ import annotations

import numpy as np

from t2t_mm.errors import DataError
from t2t_mm.evaluation.brackets import Brackets, compare, evalb, read_any_brackets, read_brackets
from t2t_mm.evaluation.metrics.statistics import Answers, Statistics, share


def bracket_f1(answers: Answers) -> Statistics:
    """EVALB's figures, against the first reference.

    Outputs that EVALB cannot compare are left out of all of them; bracket_skipped is their share.
    """
    rows = []
    for output, gold in _read(answers, "bracket_f1"):
        counts = evalb(output, gold)
        if counts is None:
            rows.append([1.0] + [0.0] * 10)
            continue
        crossing = counts.crossing
        flags = [counts.complete, crossing, crossing == 0, crossing <= 2]
        rows.append(
            [1, 1, counts.matched, counts.output, counts.gold, *flags, counts.words, counts.tags]
        )
    return Statistics(np.array(rows, np.float64), _evalb_figures)


def _evalb_figures(sums: np.ndarray) -> dict[str, float]:
    every, valid, matched, output, gold, complete, crossing, none, two, words, tags = sums
    return {
        **_scores("", matched, output, gold),
        "bracket_complete": share(complete, valid),
        "bracket_crossing": share(crossing, valid),
        "bracket_no_crossing": share(none, valid),
        "bracket_2_or_less_crossing": share(two, valid),
        "bracket_tagging": share(tags, words),
        "bracket_skipped": share(every - valid, every),
    }


def bracket_f1_all(answers: Answers) -> Statistics:
    """The same over all outputs, by the brackets' places; see brackets.compare."""
    rows = []
    pairs = _read(answers, "bracket_f1_all")
    for line, (output, gold) in zip(answers.outputs, pairs, strict=True):
        counts = compare(output or read_any_brackets(line), gold)
        complete = counts.complete and output is not None
        rows.append([1, counts.matched, counts.output, counts.gold, complete, output is None])
    return Statistics(np.array(rows, np.float64), _all_figures)


def _all_figures(sums: np.ndarray) -> dict[str, float]:
    every, matched, output, gold, complete, malformed = sums
    return {
        **_scores("_all", matched, output, gold),
        "bracket_complete_all": share(complete, every),
        "bracket_malformed": share(malformed, every),
    }


def _scores(suffix: str, matched: float, output: float, gold: float) -> dict[str, float]:
    precision, recall = share(matched, output), share(matched, gold)
    return {
        f"bracket_f1{suffix}": share(2 * precision * recall, precision + recall),
        f"bracket_precision{suffix}": precision,
        f"bracket_recall{suffix}": recall,
    }


def _read(answers: Answers, metric: str) -> list[tuple[Brackets | None, Brackets]]:
    """Pairs of what was written, None if it is not a tree, and what is right."""
    pairs = []
    for output, references in zip(answers.outputs, answers.references, strict=True):
        gold = read_brackets(references[0])
        if gold is None:
            raise DataError(f"a reference of {metric} is not a bracketed tree: '{references[0]}'.")
        pairs.append((read_brackets(output), gold))
    return pairs
