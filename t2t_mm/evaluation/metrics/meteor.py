"""METEOR with exact and stem matches alone; WordNet's synonyms need data that we do not ship.

Banerjee & Lavie 2005: words match if they are equal or have one stem (Porter 1980). Of m matches,
P = m / words of the output, R = m / words of the reference, F = 10 P R / (R + 9 P). Matches that
are neighbours in both texts form chunks; F is lowered by 0.5 (chunks / m)³. Of several references
the best counts. Over a set, m, chunks and lengths are summed first, as METEOR's system score is.
English only: the stems are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from t2t_mm.evaluation.metrics.captions import caption_words
from t2t_mm.evaluation.metrics.statistics import Answers, Statistics

_STATES = 40  # partial alignments kept; the search is exact while there are no more

Counts = tuple[int, int, int, int]  # matches, chunks, words of the output, of the reference


def meteor_stem(answers: Answers) -> Statistics:
    """METEOR over a set of captions, 0 to 1, without synonyms."""
    import snowballstemmer

    stem = snowballstemmer.stemmer("porter").stemWords
    rows = []
    for output, references in zip(answers.outputs, answers.references, strict=True):
        mine = stem(caption_words(output))
        counts = [alignment(mine, stem(caption_words(r))) for r in dict.fromkeys(references)]
        rows.append(max(counts, key=lambda each: meteor_of(*each)))
    return Statistics(
        np.array(rows, np.float64), lambda sums: {"meteor_stem": meteor_of(*sums.tolist())}
    )


def meteor_of(matches: float, chunks: float, output: float, reference: float) -> float:
    """The score that follows from the counts."""
    if not matches:
        return 0.0
    precision, recall = matches / output, matches / reference
    mean = 10 * precision * recall / (recall + 9 * precision)
    return mean * (1 - 0.5 * (chunks / matches) ** 3)


def alignment(output: Sequence[str], reference: Sequence[str]) -> Counts:
    """Matches words one to one: as many as there can be, in as few chunks as possible.

    Args:
      output: stems.
      reference: likewise.
    """
    matches = (Counter(output) & Counter(reference)).total()
    return matches, _chunks(output, reference), len(output), len(reference)


def _chunks(output: Sequence[str], reference: Sequence[str]) -> int:
    """The fewest chunks of a largest matching, by a search over the output's words in turn."""
    places = {stem: [i for i, s in enumerate(reference) if s == stem] for stem in set(output)}
    surplus = Counter(output) - Counter(reference)  # how often a stem must go without a match
    # (reference positions used, what the word before matched or -2, skipped) -> chunks
    states: dict[tuple[frozenset[int], int, tuple[str, ...]], int] = {(frozenset(), -2, ()): 0}
    for stem in output:
        found: dict[tuple[frozenset[int], int, tuple[str, ...]], int] = {}
        for (used, last, skipped), chunks in states.items():
            free = [i for i in places[stem] if i not in used]
            for i in free:
                key = (used | {i}, i, skipped)
                found[key] = min(found.get(key, chunks + 2), chunks + (i != last + 1))
            if skipped.count(stem) < surplus[stem]:
                key = (used, -2, tuple(sorted((*skipped, stem))))
                found[key] = min(found.get(key, chunks), chunks)
        states = dict(sorted(found.items(), key=lambda item: item[1])[:_STATES])
    return min(states.values(), default=0)
