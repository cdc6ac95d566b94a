"""The text of .mrg files: comments are passed over, malformed trees told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_mm.data.sources.readers import Roots, Treebank
from t2t_mm.data.sources.readers.treebank_text import trees_in
from t2t_mm.errors import DataError
from t2t_mm.kinds import trees
from t2t_mm.problem import Broken

TREE = "( (S (NP (DT the)\n      (NN cat))\n   (VP (VBZ sits))) )"
FLAT = "(S\n(NP (DT the) (NN cat))\n(VP (VBZ sits))\n(PP (IN there)))"


def found(text: str) -> list[tuple[int, str]]:
    """(line, words or error) of what is found."""
    return [
        (one.line, " ".join(trees.words(one.tree)) if one.tree else one.error)
        for one in trees_in(text.split("\n"))
    ]


@pytest.mark.parametrize(
    "comment",
    ["# (a comment", "%% nr) 1", ";; Copyright (C) 1991", "*x*x* University (of) *x*", "<S ID=1>",
     "  # indented", "</DOC>"],
)  # fmt: skip
def test_comments_between_trees_are_passed_over(comment: str) -> None:
    text = "\n".join([comment, TREE, comment, "", TREE, TREE, comment])
    assert found(text) == [(2, "the cat sits"), (7, "the cat sits"), (10, "the cat sits")]


def test_within_a_tree_nothing_is_a_comment() -> None:
    text = "( (NP (#\n#) (CD 5)\n   (% %) (; ;)) )"
    assert found(text) == [(1, "# 5 % ;")]


def test_a_malformed_tree_leaves_its_neighbours() -> None:
    text = "\n".join([TREE, "( (S (NP (DT a)", TREE, "( (S ()) )", TREE, "stray", ")", TREE])
    assert found(text) == [
        (1, "the cat sits"),
        (4, "line 4: a bracket that opens here is never closed."),
        (5, "the cat sits"),
        (8, "line 8: the bracket '()' is empty."),
        (9, "the cat sits"),
        (12, "line 12: 'stray' stands outside of all brackets."),
        (14, "the cat sits"),
    ]


def test_where_constituents_begin_lines_nothing_is_guessed() -> None:
    assert [words for _, words in found(f"{FLAT}\n{FLAT}")] == ["the cat sits there"] * 2
    with pytest.raises(DataError, match="line 5: a bracket that opens here is never closed"):
        found(f"{FLAT}\n(S\n(NP (DT the)")


def test_the_only_tree_of_a_file_may_be_malformed() -> None:
    assert found("( (S (NP (DT a)") == [(1, "line 1: a bracket that opens here is never closed.")]


def test_a_file_without_a_tree_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.mrg").write_text("# nothing yet\n\n")
    assert list(Treebank(path=".").items(Roots((tmp_path,)), True)) == []


def test_a_treebank_counts_what_it_cannot_read(tmp_path: Path) -> None:
    bad = b"( (S (NP (DT \xff) (NN cat)) (VP (VBZ sits))) )\n"
    slip = b"( (S (NP (NP that) (NN sea))) )\n"
    content = b"\xef\xbb\xbf" + f"{TREE}\n".encode() + bad + slip + b"( (S\n" + f"{TREE}\n".encode()
    (tmp_path / "a.mrg").write_bytes(content)
    (tmp_path / "b.mrg").write_bytes(content.replace(b"\n", b"\r"))
    (tmp_path / "c.prd").write_bytes(content)
    reader = Treebank(path=".")
    items = list(reader.items(Roots((tmp_path,)), True))
    kinds = [i.reason if isinstance(i, Broken) else i.inputs for i in items]
    expected = [
        "the cat sits",
        "lines that are not UTF-8",
        "trees that cannot be written",
        "malformed trees",
        "the cat sits",
    ]
    assert kinds == expected * 2
    assert (
        items[2].sentence == "./a.mrg, line 5: a word's tag is 'NP', the label of its constituent."
    )
    assert [str(note) for note in reader.notes(Roots((tmp_path,)))] == [
        "files that end in .prd are not read (1): ./c.prd"
    ]
    only = Treebank(path=".", exclude=("a.*",))
    assert len(list(only.items(Roots((tmp_path,)), True))) == 5
