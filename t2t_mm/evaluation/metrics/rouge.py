"""ROUGE-1 and ROUGE-2 of summaries (Lin 2004); ROUGE-L is captions.rouge_l.

Words are those of captions (captions.caption_words), unstemmed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from t2t_mm.evaluation.metrics.captions import caption_words
from t2t_mm.evaluation.metrics.statistics import Answers, Statistics, mean_of


def rouge_1(answers: Answers) -> Statistics:
    """Mean F1 of single words, 0 to 1, of the reference that it is best for."""
    return _rouge("rouge_1", answers, 1)


def rouge_2(answers: Answers) -> Statistics:
    """Mean F1 of pairs of neighbouring words, likewise."""
    return _rouge("rouge_2", answers, 2)


def _rouge(name: str, answers: Answers, order: int) -> Statistics:
    return mean_of(
        name,
        [
            max(overlap(output, reference, order) for reference in references)
            for output, references in zip(answers.outputs, answers.references, strict=True)
        ],
    )


def overlap(output: str, reference: str, order: int) -> float:
    """F1 of common n-grams, each counted as often as both texts have it.

    Args:
      output, reference: texts.
      order: words of an n-gram.
    """
    ours, theirs = (_grams(caption_words(text), order) for text in (output, reference))
    common = (ours & theirs).total()
    return 2 * common / (ours.total() + theirs.total()) if common else 0.0


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[i:] for i in range(order)), strict=False))
