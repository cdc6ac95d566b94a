"""Labelled brackets of trees, and how two trees are compared as EVALB does it.

A bracket is (label, first word, end). The bracket of a tag over its word is none. EVALB's standard
parameters (its file COLLINS.prm) hold: labels lose what follows "-" or "=" (NP-SBJ is NP); PRT
equals ADVP; the label TOP does not count; words tagged as traces, comma, colon, quotes or full stop
are left out before spans are numbered; a bracket over no word does not count; one that stands twice
(a unary chain) counts twice. The treebank's unlabelled outermost bracket is read as TOP.

EVALB compares only trees over the same words; `evalb` gives None otherwise. A generator may write
anything, and leaving that out flatters it: `compare` counts all of it, as far as it can be read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from t2t_mm.errors import DataError
from t2t_mm.kinds import tree_tags
from t2t_mm.kinds.trees import ParseTree, parse_all

# EVALB's COLLINS.prm.
DELETED_TAGS = frozenset({"TOP", "-NONE-", ",", ":", "``", "''", "."})
EQUAL_LABELS = {"PRT": "ADVP"}

_FUNCTION = re.compile(r"[-=]")

Span = tuple[str, int, int]


@dataclass(frozen=True)
class Brackets:
    """A tree as spans over its words.

    Attributes:
      spans: (label, first word, end) of every constituent that is not a tag.
      tags: of the words; a word without a tag has "".
      words: likewise; None where the notation has none, see tree_tags.py.
    """

    spans: tuple[Span, ...]
    tags: tuple[str, ...]
    words: tuple[str, ...] | None


@dataclass(frozen=True)
class BracketCounts:
    """The brackets that two trees have in common, counted.

    Attributes:
      matched, output, gold: numbers of brackets.
      complete: whether all brackets of both are matched.
    """

    matched: int
    output: int
    gold: int
    complete: bool


@dataclass(frozen=True)
class EvalbCounts(BracketCounts):
    """The further counts of EVALB for a sentence.

    Attributes:
      crossing: brackets of the output that cross one of the gold tree's.
      words: that are not left out.
      tags: of these that are right.
    """

    crossing: int
    words: int
    tags: int


def read_brackets(line: str) -> Brackets | None:
    """The brackets of a one-line tree, with or without words; None if it is not a balanced tree.

    A line may hold several trees side by side, as in EVALB.
    """
    try:
        if line.lstrip().startswith("("):
            trees = [tree for _, tree in parse_all(line)]
        else:
            trees = [tree_tags.read(line)]
    except DataError:
        return None
    return _brackets(trees, has_words=line.lstrip().startswith("("))


def read_any_brackets(line: str) -> Brackets:
    """The brackets of a line that may not be a tree: what it was perhaps meant to be.

    A bracketed line that is not balanced has none.
    """
    if line.lstrip().startswith("("):
        return read_brackets(line) or _brackets([], has_words=True)
    return _brackets(tree_tags.read_leniently(line), has_words=False)


def _brackets(trees: Sequence[ParseTree], has_words: bool) -> Brackets:
    spans: list[Span] = []
    leaves: list[tuple[str, str]] = []
    for tree in trees:
        _collect(tree, spans, leaves)
    return Brackets(
        tuple(spans),
        tuple(tag for tag, _ in leaves),
        tuple(word for _, word in leaves) if has_words else None,
    )


def _collect(tree: ParseTree, spans: list[Span], leaves: list[tuple[str, str]]) -> None:
    if len(tree.children) == 1 and isinstance(tree.children[0], str):
        leaves.append((tree.label, tree.children[0]))
        return
    start = len(leaves)
    for child in tree.children:
        if isinstance(child, str):
            leaves.append(("", child))
        else:
            _collect(child, spans, leaves)
    spans.append((tree.label, start, len(leaves)))


def evalb(output: Brackets | None, gold: Brackets) -> EvalbCounts | None:
    """EVALB's counts of a sentence.

    Each tree loses the words that its own tags delete, so a full stop tagged as a noun makes the
    lengths differ. Words are compared where both notations have them.

    Returns:
      None if EVALB leaves the sentence out: the output is not a tree or none is left of it, or the
      words that are left are not the gold tree's.
    """
    if output is None:
        return None
    mine, theirs = _kept(output), _kept(gold)
    if not any(mine) or sum(mine) != sum(theirs):
        return None
    if output.words and gold.words and _chosen(output.words, mine) != _chosen(gold.words, theirs):
        return None
    found, wanted = _scored(output, mine), _scored(gold, theirs)
    tags = zip(_chosen(output.tags, mine), _chosen(gold.tags, theirs), strict=True)
    return EvalbCounts(
        matched=(found & wanted).total(),
        output=found.total(),
        gold=wanted.total(),
        complete=found == wanted,
        crossing=_crossing(found, wanted),
        words=sum(theirs),
        tags=sum(_equal(a) == _equal(b) for a, b in tags),
    )


def compare(output: Brackets, gold: Brackets) -> BracketCounts:
    """Counts the brackets of any output, see `read_any_brackets`, against the gold tree's.

    The gold tree's tags alone say which words are left out, and words are not compared. The
    brackets of an output of another length are compared by their places all the same; there its
    own tags say which words are left out.
    """
    same_length = len(output.tags) == len(gold.tags)
    kept = _kept(gold)
    wanted = _scored(gold, kept)
    found = _scored(output, kept if same_length else _kept(output))
    complete = same_length and found == wanted
    return BracketCounts((found & wanted).total(), found.total(), wanted.total(), complete)


def _kept(brackets: Brackets) -> list[bool]:
    return [tag not in DELETED_TAGS for tag in brackets.tags]


def _chosen(items: Sequence[str], kept: Sequence[bool]) -> list[str]:
    return [item for item, keep in zip(items, kept, strict=True) if keep]


def _scored(brackets: Brackets, kept: Sequence[bool]) -> Counter[Span]:
    """The brackets that count, numbered over the words that are kept."""
    position = [0, *accumulate(kept)]
    found: Counter[Span] = Counter()
    for label, start, end in brackets.spans:
        plain = _FUNCTION.split(label)[0]
        if label and plain not in DELETED_TAGS and position[start] < position[end]:
            found[_equal(plain), position[start], position[end]] += 1
    return found


def _equal(label: str) -> str:
    return EQUAL_LABELS.get(label, label)


def _crossing(output: Counter[Span], gold: Counter[Span]) -> int:
    """Brackets of the output that overlap one of the gold tree's, neither within the other."""
    return sum(
        count
        for (_, start, end), count in output.items()
        if any(a < start < b < end or start < a < end < b for _, a, b in gold)
    )
