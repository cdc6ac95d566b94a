"""Spans of tagged words, as CoNLL's script counts them."""

from __future__ import annotations

import numpy as np

from t2t_mm.evaluation.metrics.statistics import Answers, Statistics, share


def span_f1(answers: Answers) -> Statistics:
    """F1 of labelled spans over the whole set: a span counts if its label and both ends are right.

    Spans are read from tags in IOB1 or IOB2 by seqeval, which follows CoNLL-2000's conlleval.
    """
    from seqeval.metrics.sequence_labeling import get_entities

    def spans(tags: str) -> set[tuple[str, int, int]]:
        return set(get_entities(tags.split()))

    rows = []
    for output, references in zip(answers.outputs, answers.references, strict=True):
        found, wanted = spans(output), spans(references[0])
        rows.append([len(found & wanted), len(found), len(wanted)])

    def figures(sums: np.ndarray) -> dict[str, float]:
        hits, found, wanted = sums
        return {
            "span_f1": share(2 * hits, found + wanted),
            "span_precision": share(hits, found),
            "span_recall": share(hits, wanted),
        }

    return Statistics(np.array(rows, np.float64), figures)
