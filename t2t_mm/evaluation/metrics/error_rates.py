"""Word and character error rates, by jiwer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from t2t_mm.evaluation.metrics.scripts import UNSPACED, code_of
from t2t_mm.evaluation.metrics.statistics import Answers, Statistics, share
from t2t_mm.evaluation.metrics.text import language_of


def wer(answers: Answers) -> Statistics:
    """Word errors per reference word, against the nearest reference of each output."""
    import jiwer

    found = _error_rate("wer", jiwer.process_words, answers)
    if code_of(language_of(answers)) not in UNSPACED:
        return found
    one_word = "a text without spaces counts as one word; take cer"
    return dataclasses.replace(found, remarks=(one_word,))


def cer(answers: Answers) -> Statistics:
    """Character errors per reference character, against the nearest reference."""
    import jiwer

    return _error_rate("cer", jiwer.process_characters, answers)


def _error_rate(name: str, process: Callable, answers: Answers) -> Statistics:
    rows = []
    for output, candidates in zip(answers.outputs, answers.references, strict=True):
        counts = [_count_errors(process(r, output)) for r in dict.fromkeys(candidates)]
        rows.append(min(counts, key=lambda count: count[0] / max(count[1], 1)))
    # An error rate over empty references is the number of errors: nothing to divide by.
    return Statistics(
        np.array(rows, np.float64), lambda sums: {name: share(sums[0], max(sums[1], 1.0))}
    )


def _count_errors(alignment: Any) -> tuple[int, int]:
    """(errors, length of the reference)."""
    missed = alignment.substitutions + alignment.deletions
    return missed + alignment.insertions, missed + alignment.hits
