"""Metrics of captions: words alone, BLEU-4 and ROUGE-L over them. CIDEr and METEOR have own files.

The caption evaluation of COCO tokenises with a Java program (the Stanford PTB tokeniser), lowers
case and drops punctuation. Here words are runs of letters and digits of any script, with hyphens
and apostrophes inside ("t-shirt", "man's", "l'homme" are one word each), in lower case; all else is
dropped. Of writing without spaces between words, such as Chinese, each character is a word. Figures
of two such tokenisations differ a little: compare only within one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from t2t_mm.evaluation.metrics.scripts import UNSPACED_CHARACTERS
from t2t_mm.evaluation.metrics.statistics import Answers, Statistics, mean_of
from t2t_mm.evaluation.metrics.text import bleu_variant

BETA = 1.2  # weight of recall in ROUGE-L, as in COCO's evaluation

_LETTERS = rf"[^\W_{UNSPACED_CHARACTERS}]+"
_WORD = re.compile(f"[{UNSPACED_CHARACTERS}]|{_LETTERS}(?:['’-]{_LETTERS})*")


def caption_words(text: str) -> list[str]:
    """The words of a caption, in lower case."""
    return _WORD.findall(text.lower().replace("’", "'"))


def bleu_4(answers: Answers) -> Statistics:
    """BLEU-4 of captions, 0 to 100: over caption words, without smoothing, closest reference."""
    plain = Answers(
        [" ".join(caption_words(output)) for output in answers.outputs],
        [[" ".join(caption_words(r)) for r in rs] for rs in answers.references],
    )
    return bleu_variant("bleu_4", plain, tokenize="none", smooth_method="none")


def rouge_l(answers: Answers) -> Statistics:
    """Mean ROUGE-L of captions, 0 to 1: longest common subsequences, the best of each reference.

    Precision and recall are each the best over the references, as in COCO's evaluation:
    F = (1 + b²) P R / (R + b² P) with b = 1.2 (Lin 2004).
    """
    return mean_of(
        "rouge_l",
        [
            rouge_l_of(caption_words(output), [caption_words(r) for r in references])
            for output, references in zip(answers.outputs, answers.references, strict=True)
        ],
    )


def rouge_l_of(output: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """ROUGE-L of one caption, given as words."""
    common = [longest_common_subsequence(output, reference) for reference in references]
    precision = max(common) / len(output) if output else 0.0
    recall = max(c / len(r) if r else 0.0 for c, r in zip(common, references, strict=True))
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def longest_common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Its length; words between may be left out on both sides."""
    row = [0] * (len(b) + 1)
    for word in a:
        before = row[:]
        for j, other in enumerate(b):
            row[j + 1] = before[j] + 1 if word == other else max(before[j + 1], row[j])
    return row[-1]
