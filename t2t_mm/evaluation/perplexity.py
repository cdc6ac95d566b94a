"""Perplexities of language models: how many tokens, or words, the model hesitates between.

Teacher-forced: each token is predicted from the right ones before it in its example. What stands
before an example in its document is not known to the model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from t2t_mm.decoding.splits import Answered

TOKENS, WORDS = "perplexity_per_token", "perplexity_per_word"


def with_perplexities(
    figures: Mapping[str, float], answers: Sequence[Answered]
) -> dict[str, float]:
    """Teacher-forced figures and the two perplexities that follow from them.

    Both are exp(-(log-probability of all texts, their ends included) / count). The count of tokens
    depends on the vocabulary; that of words does not, so figures of different vocabularies can be
    compared: white space parts words, and each text's end counts as one more, as is usual for
    the Penn Treebank (its <eos>).

    Args:
      figures: neg_log_perplexity, the mean log-probability of a token, is read.
      answers: the examples that they are of.
    """
    mean = figures.get("neg_log_perplexity")
    if mean is None or not answers:
        return dict(figures)
    tokens = sum(len(one.ids) for one in answers)
    words = sum(len(one.targets.split()) + 1 for one in answers)
    return {**figures, TOKENS: _exp(-mean), WORDS: _exp(-mean * tokens / words)}


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
