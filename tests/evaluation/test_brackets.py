"""Bracket scores against counts by hand."""

from __future__ import annotations

import pytest

from t2t_mm.errors import DataError
from t2t_mm.evaluation.brackets import (
    BracketCounts,
    compare,
    evalb,
    read_any_brackets,
    read_brackets,
)
from t2t_mm.evaluation.metrics import compute, flatten

GOLD = "(S (NP (DT the) (NN dog)) (VP (VBZ sees) (NP (DT a) (NN cat))))"  # S NP VP NP


def counts(output: str, gold: str = GOLD) -> BracketCounts:
    right = read_brackets(gold)
    assert right is not None
    return compare(read_any_brackets(output), right)


def scores(outputs, golds) -> dict[str, float]:
    return flatten(compute(["bracket_f1", "bracket_f1_all"], outputs, [[g] for g in golds]))


def test_spans_leave_tags_out():
    found = read_brackets(GOLD)
    assert found is not None
    assert sorted(found.spans) == [("NP", 0, 2), ("NP", 3, 5), ("S", 0, 5), ("VP", 2, 5)]
    assert found.tags == ("DT", "NN", "VBZ", "DT", "NN")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (GOLD, BracketCounts(4, 4, 4, True)),
        # Another label on one bracket.
        (GOLD.replace("VP", "PP"), BracketCounts(3, 4, 4, False)),
        # One bracket is missing.
        (
            "(S (NP (DT the) (NN dog)) (VP (VBZ sees) (DT a) (NN cat)))",
            BracketCounts(3, 3, 4, False),
        ),
        # One is too many.
        (GOLD.replace("(NN cat)", "(NX (NN cat))"), BracketCounts(4, 5, 4, False)),
        # Wrong tags and words change no bracket.
        (GOLD.replace("NN dog", "JJ doge"), BracketCounts(4, 4, 4, True)),
        # Another number of words: brackets are compared by their places; NP 0-2 is right.
        ("(S (NP (DT the) (NN dog)) (VP (VBZ sees)))", BracketCounts(1, 3, 4, False)),
        # No tree: nothing matches, it has no brackets.
        (GOLD[:-1], BracketCounts(0, 0, 4, False)),
        (GOLD + ")", BracketCounts(0, 0, 4, False)),
        ("the dog sees a cat", BracketCounts(0, 0, 4, False)),
        ("", BracketCounts(0, 0, 4, False)),
        ("(S ())", BracketCounts(0, 0, 4, False)),
        # Two trees are of another length.
        (GOLD + " " + GOLD, BracketCounts(4, 8, 4, False)),
        # Without words; then one whose NP is not closed, and one with a closing symbol too many.
        ("S NP DT NN /NP VP VBZ NP DT NN /NP /VP /S", BracketCounts(4, 4, 4, True)),
        ("S NP DT NN VP VBZ NP DT NN /NP /VP /S", BracketCounts(3, 4, 4, False)),
        ("S NP DT NN /NP VP VBZ NP DT NN /NP /VP /VP /S", BracketCounts(4, 4, 4, True)),
    ],
)
def test_counts(output, expected):
    assert counts(output) == expected


def test_the_same_bracket_twice_counts_twice():
    chain = "(S (NP (NP (NN dog))) (VP (VBZ barks)))"
    single = "(S (NP (NN dog)) (VP (VBZ barks)))"
    assert counts(chain, chain) == BracketCounts(4, 4, 4, True)
    assert counts(single, chain) == BracketCounts(3, 3, 4, False)
    assert counts(chain, single) == BracketCounts(3, 4, 3, False)


def test_standard_parameters():
    """TOP, the unlabelled bracket, punctuation, function tags, traces and ADVP against PRT."""
    gold = "(TOP (S (NP-SBJ (NN dog)) (, ,) (VP (VBZ barks) (NP (-NONE- *)) (ADVP (RB up))) (. .)))"
    output = "( (S (NP (NN dog)) (, ,) (VP (VBZ barks) (NP (-NONE- *)) (PRT (RP up))) (. .)))"
    # S, NP, VP, ADVP; the NP over the trace spans no word.
    assert counts(output, gold) == BracketCounts(4, 4, 4, True)
    # Where a full stop hangs does not matter.
    low = "(S (NP (NN dog)) (, ,) (VP (VBZ barks) (NP (-NONE- *)) (ADVP (RB up)) (. .)))"
    assert counts(low, gold) == BracketCounts(4, 4, 4, True)


def test_evalb_refuses_other_words_and_lengths_and_what_its_own_tags_delete():
    right = read_brackets(GOLD)
    assert right is not None
    assert evalb(right, right) is not None
    for other in ("", "(S", GOLD[:-1], GOLD.replace("cat", "cats"), f"(S {GOLD} (NN now))"):
        assert evalb(read_brackets(other), right) is None
    # A word tagged as a full stop is left out of its own tree alone.
    assert evalb(read_brackets(GOLD.replace("(NN cat)", "(. cat)")), right) is None
    # Where one notation has no words, none are compared.
    tags = read_brackets("S NP DT NN /NP VP VBZ NP DT NN /NP /VP /S")
    assert evalb(tags, right) == evalb(right, right)


def test_tags_and_crossing_brackets():
    gold = read_brackets("(S (NP (DT a) (NN b)) (VP (VB c) (NP (NN d))))")
    output = read_brackets("(S (DT a) (X (NN b) (Y (NN c))) (NP (NN d)))")
    assert gold is not None
    counts = evalb(output, gold)
    assert counts is not None
    # S 0-4 and NP 3-4 are right; X 1-3 crosses NP 0-2 (and VP 2-4); Y 2-3 crosses nothing.
    assert (counts.matched, counts.output, counts.gold) == (2, 4, 4)
    assert (counts.crossing, counts.words, counts.tags) == (1, 4, 3)


def test_sums_over_trees():
    missing = "(S (NP (DT the) (NN dog)) (VP (VBZ sees) (DT a) (NN cat)))"
    # EVALB leaves the third one out; over all of them it lacks four brackets.
    f1, f1_all = 2 * 1 * (7 / 8) / (1 + 7 / 8), 2 * 1 * (7 / 12) / (1 + 7 / 12)
    assert scores([GOLD, missing, "(S"], [GOLD] * 3) == pytest.approx(
        {
            "bracket_f1": f1,
            "bracket_precision": 7 / 7,
            "bracket_recall": 7 / 8,
            "bracket_complete": 1 / 2,
            "bracket_crossing": 0,
            "bracket_no_crossing": 1,
            "bracket_2_or_less_crossing": 1,
            "bracket_tagging": 1,
            "bracket_skipped": 1 / 3,
            "bracket_f1_all": f1_all,
            "bracket_precision_all": 7 / 7,
            "bracket_recall_all": 7 / 12,
            "bracket_complete_all": 1 / 3,
            "bracket_malformed": 1 / 3,
        }
    )


def test_nothing_right_is_zero_and_no_division():
    found = scores(["(S"], [GOLD])
    assert found["bracket_f1"] == found["bracket_f1_all"] == 0.0
    assert found["bracket_skipped"] == found["bracket_malformed"] == 1.0


def test_a_reference_must_be_a_tree():
    said = r"a reference of bracket_f1 is not a bracketed tree: '\(S'\."
    with pytest.raises(DataError, match=said):
        scores([GOLD], ["(S"])
