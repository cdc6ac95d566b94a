"""Caption metrics against arithmetic by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import sacrebleu

from t2t_mm.evaluation.metrics import compute
from t2t_mm.evaluation.metrics.captions import caption_words, longest_common_subsequence, rouge_l_of
from t2t_mm.evaluation.metrics.meteor import alignment, meteor_of


def value(name, outputs, references):
    return compute([name], outputs, references)[name].value


def test_words_of_captions():
    text = "The man’s T-shirt, (it's) red -- and un_der 2 l'homme Über!"
    expected = "the man's t-shirt it's red and un der 2 l'homme über"
    assert caption_words(text) == expected.split()


def test_bleu_4_is_bleu_over_caption_words_without_smoothing():
    outputs = ["A cat sat on the mat.", "Two dogs!"]
    references = [["The cat sat on a mat", "a cat sat on the red mat"], ["two dogs run", "dogs"]]
    plain = ["a cat sat on the mat", "two dogs"]
    streams = [["the cat sat on a mat", "two dogs run"], ["a cat sat on the red mat", "dogs"]]
    expected = sacrebleu.corpus_bleu(plain, streams, smooth_method="none", tokenize="none")
    assert value("bleu_4", outputs, references) == pytest.approx(expected.score)
    assert value("bleu_4", ["a dog"], [["a dog"]]) == 0.0  # no 4-gram, no smoothing


def test_longest_common_subsequence():
    assert longest_common_subsequence("abcbdab", "bdcaba") == 4
    assert longest_common_subsequence("", "ab") == 0


def test_rouge_l_by_hand():
    """Common: 'a dog on grass', 4 of 5 words out; 4 of 6 and 2 of 2 words of the references."""
    output = ["a", "dog", "lies", "on", "grass"]
    references = [["a", "big", "dog", "sits", "on", "grass"], ["dog", "grass"]]
    precision, recall, b2 = 4 / 5, 1.0, 1.44
    expected = (1 + b2) * precision * recall / (recall + b2 * precision)
    assert rouge_l_of(output, references) == pytest.approx(expected)
    assert rouge_l_of([], references) == 0.0
    assert rouge_l_of(["x"], references) == 0.0
    texts = ["A dog lies on grass.", "x"]
    assert value("rouge_l", texts, [[" ".join(r) for r in references], ["y"]]) == pytest.approx(
        expected / 2
    )


def test_cider_by_hand():
    """Two pictures. Picture 1: "a red dog" against "a red cat" and "a dog"; picture 2: "a sun".

    Every weight is log(2 / pictures whose references have the n-gram): L = log 2 for all but "a",
    which both have: log 1 = 0. The words' vectors, with L = 1 for short (cosines do not care):
      output      red 1, dog 1            norm sqrt 2;  a red 1, red dog 1  norm sqrt 2
      "a red cat" red 1, cat 1            norm sqrt 2;  a red 1, red cat 1  norm sqrt 2
      "a dog"     dog 1                   norm 1;       a dog 1             norm 1
    Trigrams: "a red dog" is nowhere, "a red cat" is not the output's; 4-grams there are none.
      with "a red cat": 1/2 + 1/2 + 0 + 0, equally long
      with "a dog": 1 / (sqrt 2 * 1) + 0 + 0 + 0, a word longer: exp(-1 / 72)
    """
    one = (1 / 2 + 1 / 2) / 4
    two = math.exp(-1 / 72) * (1 / math.sqrt(2)) / 4
    first = 10 * (one + two) / 2
    # "a sun" for "a sun": words 1 ("sun"), bigrams 1, no longer n-grams: 2 of 4 orders.
    second = 10 * (1 + 1) / 4
    got = value("cider", ["A red dog.", "a sun"], [["a red cat", "A dog"], ["a sun"]])
    assert got == pytest.approx((first + second) / 2)


def test_cider_clips_repetition():
    """ "dog dog dog" against "dog": min(3, 1) * 1 over norms 3 * 1, two words longer."""
    got = value("cider", ["dog dog dog", "x"], [["dog"], ["sun"]])
    assert got == pytest.approx(10 * math.exp(-4 / 72) * (1 / 3) / 4 / 2)


def test_cider_against_the_formula_written_with_arrays():
    """CIDEr-D once more, over dense vectors of all n-grams."""
    rng = np.random.default_rng(0)
    vocabulary = np.array(["a", "b", "c", "d", "e", "f"])

    def text() -> str:
        return " ".join(vocabulary[rng.integers(0, 6, rng.integers(4, 9))])

    outputs = [text() for _ in range(5)]
    references = [[text() for _ in range(3)] for _ in range(5)]
    total = 0.0
    for order in range(1, 5):
        grams = list(itertools.product(vocabulary, repeat=order))
        index = {gram: i for i, gram in enumerate(grams)}

        def count(caption, order=order, index=index):
            words = caption.split()
            found = np.zeros(len(index))
            for i in range(len(words) - order + 1):
                found[index[tuple(words[i : i + order])]] += 1
            return found

        counts = np.array([[count(r) for r in rs] for rs in references])  # [5, 3, V]
        frequency = np.maximum((counts.max(1) > 0).sum(0), 1)
        weight = np.log(5 / frequency)
        for output, texts, theirs in zip(outputs, references, counts, strict=True):
            mine = count(output) * weight
            for reference, vector in zip(texts, theirs * weight, strict=True):
                gap = len(output.split()) - len(reference.split())
                norms = np.linalg.norm(mine) * np.linalg.norm(vector)
                cosine = np.minimum(mine, vector) @ vector / norms if norms else 0.0
                total += 10 * np.exp(-(gap**2) / 72) * cosine / 4 / 3 / 5
    assert value("cider", outputs, references) == pytest.approx(total)


def test_meteor_by_hand():
    """ "dogs run in the park" - "a dog runs in a park": dog, run, in, park match by stem.

    4 matches of 5 and of 6 words; chunks: "dog run in" and "park".
    """
    precision, recall = 4 / 5, 4 / 6
    mean = 10 * precision * recall / (recall + 9 * precision)
    expected = mean * (1 - 0.5 * (2 / 4) ** 3)
    output = ["Dogs run in the park."]
    assert value("meteor_stem", output, [["a dog runs in a park"]]) == pytest.approx(expected)
    assert value("meteor_stem", output, [["xyz", "a dog runs in a park"]]) == pytest.approx(
        expected
    )
    assert value("meteor_stem", ["xyz"], [["a dog"]]) == 0.0
    # Over a set the counts are summed first.
    both = value("meteor_stem", [*output, "xyz"], [["a dog runs in a park"], ["a dog"]])
    assert both == pytest.approx(meteor_of(4, 2, 6, 8))


def test_meteor_chunks_are_as_few_as_possible():
    assert alignment(["the", "cat", "the", "mat"], ["the", "mat", "the", "cat"]) == (4, 2, 4, 4)
    # The first "the" goes without a match, so that "the mat" stays together.
    assert alignment(["the", "x", "the", "mat"], ["a", "the", "mat"]) == (2, 1, 4, 3)
    assert alignment(["a", "b", "c"], ["c", "b", "a"]) == (3, 3, 3, 3)
    assert alignment([], ["a"]) == (0, 0, 0, 1)


def test_meteor_chunks_equal_a_search_over_all_matchings():
    rng = np.random.default_rng(1)
    for _ in range(60):
        output = ["abc"[i] for i in rng.integers(0, 3, 5)]
        reference = ["abc"[i] for i in rng.integers(0, 3, 5)]
        matches, chunks, *_ = alignment(output, reference)
        assert chunks == fewest_chunks(output, reference, matches)


def fewest_chunks(output, reference, matches) -> int:
    best = len(output)
    for rows in itertools.combinations(range(len(output)), matches):
        for columns in itertools.permutations(range(len(reference)), matches):
            if all(output[r] == reference[c] for r, c in zip(rows, columns, strict=True)):
                pairs = list(zip(rows, columns, strict=True))
                joined = sum(b == (a[0] + 1, a[1] + 1) for a, b in itertools.pairwise(pairs))
                best = min(best, matches - joined)
    return best if matches else 0
