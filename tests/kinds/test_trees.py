"""Trees: what cleaning takes away, and that nothing else is lost."""

from __future__ import annotations

import random

import pytest

from t2t_mm.errors import DataError
from t2t_mm.kinds import trees
from t2t_mm.kinds.trees import ParseTree

# Written for this test, in the treebank's notation: traces, function tags, indices, two trees.
MRG = """
( (S
    (NP-SBJ-1 (DT The) (NN cat) )
    (VP (VBD was)
      (VP (VBN seen)
        (NP (-NONE- *-1) )
        (PP-LOC=2 (IN in)
          (NP (NP (NNP Rome)) ))))
    (. .) ))
((FRAG (ADVP|PRT (RB so)) (-LRB- -LRB-) (X (NP (-NONE- *T*-1)) (VP-TPC (-NONE- *?*)))))
"""
CLEANED = [
    "(S (NP (DT The) (NN cat)) (VP (VBD was) (VP (VBN seen) (PP (IN in) (NP (NNP Rome))))) (. .))",
    "(FRAG (ADVP (RB so)) (-LRB- -LRB-))",
]


def test_cleans_traces_function_tags_empty_constituents_and_repeated_labels() -> None:
    found = [trees.clean(tree) for _, tree in trees.parse_all(MRG)]
    assert [trees.linearize(tree) for tree in found] == CLEANED
    assert trees.words(found[0]) == ["The", "cat", "was", "seen", "in", "Rome", "."]


def test_tells_the_line_where_each_tree_begins() -> None:
    assert [line for line, _ in trees.parse_all(MRG)] == [2, 10]


def test_cleaning_again_changes_nothing_and_raw_trees_come_back() -> None:
    for _, tree in trees.parse_all(MRG):
        assert trees.parse(trees.linearize(tree)) == tree
        cleaned = trees.clean(tree)
        assert trees.clean(cleaned) == cleaned


def test_keeps_other_unary_chains() -> None:
    line = "(S (VP (VB Go)))"
    assert trees.linearize(trees.clean(trees.parse(f"( {line})"))) == line


def test_names_an_outermost_bracket_of_several_constituents() -> None:
    cleaned = trees.clean(trees.parse("( (S (UH yes)) (. .))"))
    assert trees.linearize(cleaned) == "(TOP (S (UH yes)) (. .))"


def test_a_tree_of_traces_alone_is_nothing() -> None:
    assert trees.clean(trees.parse("( (S (NP-SBJ (-NONE- *)) (VP (-NONE- *?*))))")) is None


def random_tree(rng: random.Random, depth: int) -> ParseTree:
    label = rng.choice(["NP", "VP", "S", "-LRB-", "PRP$", "''", "."])
    if depth == 0 or rng.random() < 0.3:
        return ParseTree(label, (rng.choice(["the", "1\\/2", "-RRB-", "d'être", "…"]),))
    return ParseTree(label, tuple(random_tree(rng, depth - 1) for _ in range(rng.randint(1, 3))))


def test_a_thousand_random_trees_come_back_from_their_line() -> None:
    rng = random.Random(0)
    for _ in range(1000):
        tree = random_tree(rng, 5)
        line = trees.linearize(tree)
        assert "\n" not in line
        assert trees.parse(line) == tree


def test_lower_cases_words_and_not_labels() -> None:
    tree = trees.map_words(trees.parse("(S (NP (NNP Rome)))"), str.lower)
    assert trees.linearize(tree) == "(S (NP (NNP rome)))"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(S (NP a)", "line 1: a bracket that opens here is never closed."),
        ("(S (NP a)))", "line 1: ')' stands outside of all brackets."),
        ("(S (NP a))\nword", "line 2: 'word' stands outside of all brackets."),
        ("(S\n(NP ))", "line 2: the bracket '(NP)' is empty."),
        ("", "expected one bracketed tree and found 0."),
        ("(A a) (B b)", "expected one bracketed tree and found 2."),
        ("(A " * 201 + "a" + ")" * 201, "line 1: brackets nest more than 200 deep."),
    ],
)
def test_malformed_brackets_are_one_sentence(text: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        trees.parse(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "tree", [ParseTree("S", ("a b",)), ParseTree("S", ("(",)), ParseTree("", ("a",))]
)
def test_what_would_not_come_back_is_refused(tree: ParseTree) -> None:
    with pytest.raises(DataError, match=r"cannot stand in a bracketed tree; write -LRB- and -RRB-"):
        trees.linearize(tree)


def test_the_deepest_allowed_tree_is_handled_everywhere() -> None:
    tree = trees.parse("(A (B " * 100 + "a" + "))" * 100)
    assert trees.parse(trees.linearize(trees.clean(tree))) == tree
    assert trees.words(trees.map_words(tree, str.upper)) == ["A"]
