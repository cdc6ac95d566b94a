"""ROUGE-1 and ROUGE-2 of summaries (Lin 2004), by Google's rouge-score.

Words are those of captions (captions.caption_words), unstemmed. rouge-score's own tokenizer keeps
the ASCII letters and digits alone: "café" would be "caf", and a text in Greek would have no words;
and it splits "t-shirt" and "man's", which are one word each here. Elsewhere both give the same
figures. rouge-score's stemmer, which many papers turn on, stays off.

ROUGE-L is captions.rouge_l, whose F is COCO's (beta 1.2); rouge-score's has beta 1.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from t2t_mm.evaluation.metrics.captions import caption_words
from t2t_mm.evaluation.metrics.statistics import Answers, Statistics, mean_of

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer


def rouge_1(answers: Answers) -> Statistics:
    """Mean F1 of single words, 0 to 1, of the reference that it is best for."""
    return _rouge("rouge_1", answers, 1)


def rouge_2(answers: Answers) -> Statistics:
    """Mean F1 of pairs of neighbouring words, likewise."""
    return _rouge("rouge_2", answers, 2)


def rouge_n(output: str, references: tuple[str, ...], order: int) -> float:
    """F1 of common n-grams, each counted as often as both texts have it, 0 to 1.

    Args:
      output: a text.
      references: right ones; the best counts.
      order: words of an n-gram.
    """
    name = f"rouge{order}"
    return float(_scorer(name).score_multi(references, output)[name].fmeasure)


def _rouge(name: str, answers: Answers, order: int) -> Statistics:
    pairs = zip(answers.outputs, answers.references, strict=True)
    return mean_of(name, [rouge_n(output, tuple(rs), order) for output, rs in pairs])


class _CaptionTokenizer:
    """`caption_words`, as rouge-score asks for a tokenizer."""

    def tokenize(self, text: str) -> list[str]:
        return list(caption_words(text))


@functools.cache
def _scorer(name: str) -> RougeScorer:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer([name], tokenizer=_CaptionTokenizer())
