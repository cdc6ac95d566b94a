"""Labelled bracket precision, recall and F1, counted as EVALB does with its standard parameters.

A bracket is (label, first word, end). The bracket of a tag over its word is not counted. Labels
lose their function tags (NP-SBJ is NP), PRT equals ADVP, and TOP and the treebank's unlabelled
outermost bracket are left out. Words that the gold tree tags as punctuation or traces are left out
before spans are numbered. A bracket that stands twice (a unary chain) counts twice.

EVALB refuses an output that is no tree, or has another number of words than the gold tree, and
leaves the sentence out. A generator may write such things, and leaving them out would flatter it:
here they match no bracket, and lower recall by all of the gold tree's brackets and precision by
their own, where they have any. `bracket_malformed` is the share of outputs that are no tree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from t2t_mm import tree_tags
from t2t_mm.errors import DataError
from t2t_mm.trees import Tree, parse, plain_label

# EVALB's COLLINS.prm.
DELETED_TAGS = frozenset({"-NONE-", ",", ":", "``", "''", "."})
DELETED_LABELS = frozenset({"", "TOP"})
EQUAL_LABELS = {"PRT": "ADVP"}

Span = tuple[str, int, int]


@dataclass(frozen=True)
class Brackets:
    """A tree as spans over its words.

    Attributes:
      spans: (label, first word, end) of every constituent that is no tag.
      tags: of the words; a word without a tag has "".
    """

    spans: tuple[Span, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Counts:
    """What two trees have in common.

    Attributes:
      matched, output, gold: numbers of brackets.
      complete: whether all brackets of both are matched.
    """

    matched: int
    output: int
    gold: int
    complete: bool


def read_brackets(line: str) -> Brackets | None:
    """The brackets of a one-line tree, with or without words; None if it is no balanced tree."""
    try:
        tree = parse(line) if line.lstrip().startswith("(") else tree_tags.read(line)
    except DataError:
        return None
    spans: list[Span] = []
    tags: list[str] = []
    _collect(tree, spans, tags)
    return Brackets(tuple(spans), tuple(tags))


def _collect(tree: Tree, spans: list[Span], tags: list[str]) -> None:
    if len(tree.children) == 1 and isinstance(tree.children[0], str):
        tags.append(tree.label)
        return
    start = len(tags)
    for child in tree.children:
        if isinstance(child, str):
            tags.append("")
        else:
            _collect(child, spans, tags)
    spans.append((tree.label, start, len(tags)))


def compare(output: Brackets | None, gold: Brackets) -> Counts:
    """Counts the brackets of an output, None if it is malformed, against the gold tree's."""
    kept = [tag not in DELETED_TAGS for tag in gold.tags]
    wanted = _scored(gold, kept)
    if output is None:
        return Counts(0, 0, wanted.total(), False)
    if len(output.tags) != len(gold.tags):
        own = _scored(output, [tag not in DELETED_TAGS for tag in output.tags])
        return Counts(0, own.total(), wanted.total(), False)
    found = _scored(output, kept)
    return Counts((found & wanted).total(), found.total(), wanted.total(), found == wanted)


def _scored(brackets: Brackets, kept: Sequence[bool]) -> Counter[Span]:
    """The brackets that count, numbered over the words that are kept."""
    position = [sum(kept[:i]) for i in range(len(kept) + 1)]
    found: Counter[Span] = Counter()
    for label, start, end in brackets.spans:
        label = plain_label(label)
        label = EQUAL_LABELS.get(label, label)
        if label not in DELETED_LABELS and position[start] < position[end]:
            found[label, position[start], position[end]] += 1
    return found


def bracket_scores(outputs: Iterable[str], golds: Iterable[str]) -> dict[str, float]:
    """Scores a set of trees; sums are over all trees, as in EVALB's summary.

    Args:
      outputs: decoded trees, or what should be such.
      golds: the right trees, one a line.

    Returns:
      bracket_f1, bracket_precision, bracket_recall, bracket_complete (share of trees whose
      brackets are all right) and bracket_malformed, each 0 to 1.

    Raises:
      DataError: if a gold tree is none.
    """
    counts: list[Counts] = []
    malformed = 0
    for output, gold in zip(outputs, golds, strict=True):
        right = read_brackets(gold)
        if right is None:
            raise DataError(f"a reference of bracket_f1 is no bracketed tree: '{gold}'.")
        read = read_brackets(output)
        malformed += read is None
        counts.append(compare(read, right))
    matched = sum(c.matched for c in counts)
    precision = _share(matched, sum(c.output for c in counts))
    recall = _share(matched, sum(c.gold for c in counts))
    return {
        "bracket_f1": _share(2 * precision * recall, precision + recall),
        "bracket_precision": precision,
        "bracket_recall": recall,
        "bracket_complete": _share(sum(c.complete for c in counts), len(counts)),
        "bracket_malformed": _share(malformed, len(counts)),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
