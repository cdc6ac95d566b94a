"""Metrics of decoded text: by hand, and against the libraries called directly."""

from __future__ import annotations

import math
from pathlib import Path

import jiwer
import pytest
import sacrebleu

from t2t_mm.errors import UnknownNameError
from t2t_mm.evaluation.metrics import compute, find_metric, flatten
from t2t_mm.registry import METRICS

OUTPUTS = ["the cat sat on the mat", "a dog barks loudly at night", "no"]
FIRST = ["the cat sat on a mat", "a dog barks loudly at night", "yes it is"]
SECOND = ["a cat sat on the mat today", "the dog barks", "no it is not"]


def value(name, outputs, references):
    return compute([name], outputs, references)[name].value


def test_bleu_equals_sacrebleu_with_one_reference():
    score = compute(["bleu"], OUTPUTS, [[r] for r in FIRST])["bleu"]
    expected = sacrebleu.corpus_bleu(OUTPUTS, [FIRST])
    assert score.value == pytest.approx(expected.score)
    assert score.signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")


def test_bleu_with_several_references():
    score = value("bleu", OUTPUTS, list(zip(FIRST, SECOND, strict=True)))
    assert score == pytest.approx(sacrebleu.corpus_bleu(OUTPUTS, [FIRST, SECOND]).score)
    assert score > value("bleu", OUTPUTS, [[r] for r in FIRST])


def test_bleu_with_unequal_numbers_of_references():
    references = [[FIRST[0], SECOND[0]], [FIRST[1]], [FIRST[2], SECOND[2]]]
    streams = [FIRST, [SECOND[0], None, SECOND[2]]]
    assert value("bleu", OUTPUTS, references) == pytest.approx(
        sacrebleu.corpus_bleu(OUTPUTS, streams).score
    )


def test_bleu_by_hand():
    """6 words, precisions 5/6, 3/5, 2/4, 1/3, no brevity penalty."""
    expected = 100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25
    got = value("bleu", ["the cat sat on the mat"], [["the cat sat on a mat"]])
    assert got == pytest.approx(expected)


@pytest.mark.parametrize("name", ["chrf", "ter"])
def test_chrf_and_ter_equal_sacrebleu(name):
    corpus = {"chrf": sacrebleu.corpus_chrf, "ter": sacrebleu.corpus_ter}[name]
    one = compute([name], OUTPUTS, [[r] for r in FIRST])[name]
    assert one.value == pytest.approx(corpus(OUTPUTS, [FIRST]).score)
    assert one.signature.startswith("nrefs:1|case:") and "version:" in one.signature
    both = value(name, OUTPUTS, list(zip(FIRST, SECOND, strict=True)))
    assert both == pytest.approx(corpus(OUTPUTS, [FIRST, SECOND]).score)


def test_wer_and_cer_equal_jiwer_over_the_corpus():
    references = [[r] for r in FIRST]
    assert value("wer", OUTPUTS, references) == pytest.approx(jiwer.wer(FIRST, OUTPUTS))
    assert value("cer", OUTPUTS, references) == pytest.approx(jiwer.cer(FIRST, OUTPUTS))


def test_wer_by_hand():
    """1 substitution of 6; 1 insertion of 2; nothing was said for 2 words."""
    outputs = ["the cat sat on the mat", "a big dog", ""]
    references = [["the cat sat on a mat"], ["a dog"], ["two words"]]
    assert value("wer", outputs, references) == pytest.approx((1 + 1 + 2) / (6 + 2 + 2))
    assert value("cer", ["abcd"], [["abxd"]]) == pytest.approx(1 / 4)


def test_wer_takes_the_nearest_reference():
    assert value("wer", ["a b c"], [["x y z", "a b d"]]) == pytest.approx(1 / 3)


def test_exact_match_takes_any_reference_and_ignores_spacing():
    references = [["x", "the cat  sat on the mat "], ["a dog"], ["No"]]
    assert value("exact_match", OUTPUTS, references) == pytest.approx(1 / 3)


def test_accuracy_of_labels():
    assert value("accuracy", ["red", "blue", "red"], [["red"], ["red"], ["red"]]) == 2 / 3


def test_flatten_keeps_parts():
    tree = "(S (NP (NN dog)) (VP (VBZ barks)))"
    scores = compute(["bracket_f1_all", "exact_match"], [tree], [[tree]])
    assert flatten(scores) == {
        "bracket_f1_all": 1.0,
        "bracket_precision_all": 1.0,
        "bracket_recall_all": 1.0,
        "bracket_complete_all": 1.0,
        "bracket_malformed": 0.0,
        "exact_match": 1.0,
    }


def test_no_outputs_at_all():
    assert all(math.isnan(score.value) for score in compute(METRICS, [], []).values())


def test_an_output_needs_a_reference():
    with pytest.raises(ValueError, match="1 outputs need as many non-empty lists of references"):
        compute(["bleu"], ["a"], [[]])


def test_unknown_metric():
    with pytest.raises(
        UnknownNameError, match=r"unknown metric 'blue' \(from the problem's metrics\); did you"
    ):
        find_metric("blue")


def test_the_page_describes_every_metric():
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert [name for name in METRICS if f"`{name}`" not in page] == []
