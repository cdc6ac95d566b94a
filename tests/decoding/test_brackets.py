"""Bracket scores against counts by hand."""

from __future__ import annotations

import pytest

from t2t_mm.decoding.brackets import Counts, bracket_scores, compare, read_brackets
from t2t_mm.errors import DataError

GOLD = "(S (NP (DT the) (NN dog)) (VP (VBZ sees) (NP (DT a) (NN cat))))"  # S NP VP NP


def counts(output: str, gold: str = GOLD) -> Counts:
    right = read_brackets(gold)
    assert right is not None
    return compare(read_brackets(output), right)


def test_spans_leave_tags_out():
    found = read_brackets(GOLD)
    assert found is not None
    assert sorted(found.spans) == [("NP", 0, 2), ("NP", 3, 5), ("S", 0, 5), ("VP", 2, 5)]
    assert found.tags == ("DT", "NN", "VBZ", "DT", "NN")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (GOLD, Counts(4, 4, 4, True)),
        # Another label on one bracket.
        (GOLD.replace("VP", "PP"), Counts(3, 4, 4, False)),
        # One bracket is missing.
        ("(S (NP (DT the) (NN dog)) (VP (VBZ sees) (DT a) (NN cat)))", Counts(3, 3, 4, False)),
        # One is too many.
        (GOLD.replace("(NN cat)", "(NX (NN cat))"), Counts(4, 5, 4, False)),
        # Wrong tags and words change no bracket.
        (GOLD.replace("NN dog", "JJ doge"), Counts(4, 4, 4, True)),
        # Another number of words: nothing matches, its own brackets count.
        ("(S (NP (DT the) (NN dog)) (VP (VBZ sees)))", Counts(0, 3, 4, False)),
        # No tree: nothing matches, it has no brackets.
        (GOLD[:-1], Counts(0, 0, 4, False)),
        (GOLD + ")", Counts(0, 0, 4, False)),
        ("the dog sees a cat", Counts(0, 0, 4, False)),
        ("", Counts(0, 0, 4, False)),
        ("(S ())", Counts(0, 0, 4, False)),
        (GOLD + " " + GOLD, Counts(0, 0, 4, False)),
    ],
)
def test_counts(output, expected):
    assert counts(output) == expected


def test_the_same_bracket_twice_counts_twice():
    chain = "(S (NP (NP (NN dog))) (VP (VBZ barks)))"
    single = "(S (NP (NN dog)) (VP (VBZ barks)))"
    assert counts(chain, chain) == Counts(4, 4, 4, True)
    assert counts(single, chain) == Counts(3, 3, 4, False)
    assert counts(chain, single) == Counts(3, 4, 3, False)


def test_standard_parameters():
    """TOP, the unlabelled bracket, punctuation, function tags, traces and ADVP against PRT."""
    gold = "(TOP (S (NP-SBJ (NN dog)) (, ,) (VP (VBZ barks) (NP (-NONE- *)) (ADVP (RB up))) (. .)))"
    output = "( (S (NP (NN dog)) (, ,) (VP (VBZ barks) (NP (-NONE- *)) (PRT (RP up))) (. .)))"
    # S, NP, VP, ADVP; the NP over the trace spans no word.
    assert counts(output, gold) == Counts(4, 4, 4, True)
    # Where a full stop hangs does not matter.
    low = "(S (NP (NN dog)) (, ,) (VP (VBZ barks) (NP (-NONE- *)) (ADVP (RB up)) (. .)))"
    assert counts(low, gold) == Counts(4, 4, 4, True)


def test_sums_over_trees():
    missing = "(S (NP (DT the) (NN dog)) (VP (VBZ sees) (DT a) (NN cat)))"
    scores = bracket_scores([GOLD, missing, "(S"], [GOLD] * 3)
    precision, recall = 7 / 7, 7 / 12
    assert scores == pytest.approx(
        {
            "bracket_f1": 2 * precision * recall / (precision + recall),
            "bracket_precision": precision,
            "bracket_recall": recall,
            "bracket_complete": 1 / 3,
            "bracket_malformed": 1 / 3,
        }
    )


def test_nothing_right_is_zero_and_no_division():
    assert bracket_scores(["x"], [GOLD])["bracket_f1"] == 0.0


def test_a_reference_must_be_a_tree():
    with pytest.raises(DataError, match=r"a reference of bracket_f1 is no bracketed tree: '\(S'\."):
        bracket_scores([GOLD], ["(S"])
