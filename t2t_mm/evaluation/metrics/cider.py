"""CIDEr-D: how much a caption says that people say of this image and not of others.

Vedantam et al., arXiv 1411.5726, section 4 and its appendix on CIDEr-D, with the constants of
COCO's evaluation: n-grams of 1 to 4 words, sigma 6, times 10. Words are those of captions.py;
nothing is stemmed, as in CIDEr-D.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from t2t_mm.evaluation.metrics.captions import caption_words
from t2t_mm.evaluation.metrics.statistics import Answers, Statistics, mean_of

ORDERS = 4
SIGMA = 6.0  # words; a caption that is this much longer or shorter loses 39 %
SCALE = 10.0

Ngram = tuple[str, ...]
Counts = Counter[Ngram]
Vector = dict[Ngram, float]


def cider(answers: Answers) -> Statistics:
    """Mean CIDEr-D, 0 to 10.

    An n-gram weighs log(N / images whose references have it), N being the number of images
    here; so one image alone scores 0, and figures of sets of different sizes do not compare.
    """
    references = [[_counts(caption_words(r)) for r in rs] for rs in answers.references]
    documents = Counter(ngram for each in references for ngram in set().union(*each))
    weights = {n: math.log(len(references) / count) for n, count in documents.items()}
    default = math.log(len(references))  # of what no reference has
    outputs = (_counts(caption_words(output)) for output in answers.outputs)
    return mean_of(
        "cider",
        [_score(out, rs, weights, default) for out, rs in zip(outputs, references, strict=True)],
    )


def _counts(words: Sequence[str]) -> Counts:
    return Counter(
        tuple(words[i : i + n]) for n in range(1, ORDERS + 1) for i in range(len(words) - n + 1)
    )


def _score(output: Counts, references: Sequence[Counts], weights: Vector, default: float) -> float:
    mine = _by_order(output, weights, default)
    total = 0.0
    for reference in references:
        theirs = _by_order(reference, weights, default)
        penalty = math.exp(-((_length(output) - _length(reference)) ** 2) / (2 * SIGMA**2))
        total += penalty * sum(map(_similarity, mine, theirs)) / ORDERS
    return SCALE * total / len(references)


def _by_order(counts: Counts, weights: Vector, default: float) -> list[Vector]:
    """The weighted counts as a vector for each length of n-grams."""
    vectors: list[Vector] = [{} for _ in range(ORDERS)]
    for ngram, count in counts.items():
        vectors[len(ngram) - 1][ngram] = count * weights.get(ngram, default)
    return vectors


def _similarity(output: Vector, reference: Vector) -> float:
    """The cosine; what the output repeats beyond the reference adds nothing to the product."""
    product = sum(min(v, reference[n]) * reference[n] for n, v in output.items() if n in reference)
    norms = math.hypot(*output.values()) * math.hypot(*reference.values())
    return product / norms if norms else 0.0


def _length(counts: Counts) -> int:
    return sum(count for ngram, count in counts.items() if len(ngram) == 1)
