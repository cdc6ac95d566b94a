"""Trees without words: T2T's notation by value, nothing lost, every mistake a sentence."""

from __future__ import annotations

import random

import pytest

from t2t_mm.errors import DataError
from t2t_mm.evaluation.metrics import compute
from t2t_mm.kinds import tree_tags, trees
from t2t_mm.kinds.trees import ParseTree

LINE = "S NP DT NN /NP VP VBZ /VP . /S"
BRACKETED = "(S (NP (DT the) (NN dog)) (VP (VBZ barks)) (. .))"


def test_writes_an_opening_and_a_closing_symbol_and_one_for_each_word() -> None:
    assert tree_tags.write(trees.parse(BRACKETED)) == LINE


def test_words_come_back_in_their_order() -> None:
    assert trees.linearize(tree_tags.read(LINE, ["the", "dog", "barks", "."])) == BRACKETED


def random_tree(rng: random.Random, depth: int) -> ParseTree:
    label = rng.choice(["S", "NP", "VP", "X"])
    children = [
        random_tree(rng, depth - 1)
        if depth and rng.random() < 0.5
        else ParseTree(rng.choice(["DT", "NN", "-LRB-"]), (f"w{i}",))
        for i in range(rng.randint(1, 3))
    ]
    return ParseTree(label, tuple(children))


def test_a_thousand_random_trees_come_back() -> None:
    rng = random.Random(7)
    for _ in range(1000):
        tree = random_tree(rng, 5)
        assert tree_tags.read(tree_tags.write(tree), trees.words(tree)) == tree


def test_a_constituent_may_stand_in_one_of_its_own_label() -> None:
    tree = trees.parse("(NP (NP (NP (NN a))) (NP (NN b)))")
    assert tree_tags.write(tree) == "NP NP NP NN /NP /NP NP NN /NP /NP"
    assert tree_tags.read(tree_tags.write(tree), ["a", "b"]) == tree


@pytest.mark.parametrize(
    ("line", "bracketed"),
    [
        (LINE, ["(S (NP (DT DT) (NN NN)) (VP (VBZ VBZ)) (. .))"]),
        ("S NP DT NN /NP VP VBZ", ["(S S)", "(NP (DT DT) (NN NN))", "(VP VP)", "(VBZ VBZ)"]),
        ("S NP DT VP VB /VP /S", ["(S (NP NP) (DT DT) (VP (VB VB)))"]),
        ("S NP DT VP VB /NP /S /VP", ["(S (NP (DT DT) (VP (VB VB))))"]),
        ("/X S NP /NP DT /S /S", ["(S (DT DT))"]),
        ("S NP X /NP X D /X /S", ["(S (X (D D)))"]),  # `read` takes the first X for a tag
        ("/ S / NN /S / / NN", ["(S (NN NN))", "(NN NN)"]),
        ("S NN /S S NN", ["(S (NN NN))", "(S (NN NN))"]),
        ("", []),
    ],
)
def test_what_is_no_tree_is_read_as_far_as_it_goes(line: str, bracketed: list[str]) -> None:
    assert [trees.linearize(tree) for tree in tree_tags.read_leniently(line)] == bracketed


def test_what_is_a_tree_is_read_alike_by_both() -> None:
    rng = random.Random(11)
    for _ in range(300):
        line = tree_tags.write(random_tree(rng, 4))
        assert tree_tags.read_leniently(line) == [tree_tags.read(line)]


@pytest.mark.parametrize(
    ("line", "words", "message"),
    [
        ("S NP DT /NP", None, "expected one outermost constituent and found 2."),
        ("NP DT /NP /S", None, "'/S' closes a constituent that was never opened."),
        ("S NP /NP /S", None, "the constituent 'NP' is empty."),
        ("", None, "expected one outermost constituent and found 0."),
        ("S DT /S", ["a", "b"], "the tree has 1 tags fewer than the sentence has words."),
        ("S DT NN /S", ["a"], "the tree has more tags than the sentence has words."),
    ],
)
def test_malformed_lines_are_one_sentence(line: str, words: list[str], message: str) -> None:
    with pytest.raises(DataError) as caught:
        tree_tags.read(line, words)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("bracketed", "message"),
    [
        ("(S dog (NN a))", "'dog' has no tag; a tree without words needs one for each."),
        ("(S (/S a))", "the label '/S' cannot stand in a tree without words."),
        ("(X (X a) (Y b))", "a word's tag is 'X', the label of its constituent."),
    ],
)
def test_what_would_not_come_back_is_refused(bracketed: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        tree_tags.write(trees.parse(bracketed))
    assert str(caught.value) == message


def test_both_notations_score_alike() -> None:
    other = "(S (NP (DT the)) (VP (NN dog) (VBZ barks)) (. .))"
    names = ["bracket_f1", "bracket_f1_all"]
    bracketed = compute(names, [other], [[BRACKETED]])
    tags = compute(names, [tree_tags.write(trees.parse(other))], [[LINE]])
    assert tags == bracketed
    assert 0 < tags["bracket_f1"].value < 1
