"""Bracketed constituency trees: read, cleaned, written on one line and read back without loss.

The notation is the Penn Treebank's, "(S (NP (DT the) (NN dog)) (VP (VBZ barks)))". Scoring trees is
not here: see evaluation/brackets.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from t2t_mm.errors import DataError

TRACE = "-NONE-"
ROOT = "TOP"
MAX_DEPTH = 200  # far above any sentence's, far below Python's recursion limit

_TOKEN = re.compile(r"[()]|[^()\s]+")
_FUNCTION = re.compile(r"[-=|]")  # NP-SBJ-1, PP=2, ADVP|PRT
_NOT_IN_A_NAME = re.compile(r"[()\s]")


@dataclass(frozen=True)
class ParseTree:
    """A constituent.

    Attributes:
      label: e.g. "NP", or a word's tag; "" for the treebank's outermost bracket.
      children: trees and words (str), at least one.
    """

    label: str
    children: tuple[ParseTree | str, ...]


def parse(text: str) -> ParseTree:
    """The one tree that `text` holds.

    Raises:
      DataError: for unbalanced brackets, an empty one, text outside, or not exactly one tree.
    """
    trees = [tree for _, tree in parse_all(text)]
    if len(trees) != 1:
        raise DataError(f"expected one bracketed tree and found {len(trees)}.")
    return trees[0]


def parse_all(text: str, first_line: int = 1) -> Iterator[tuple[int, ParseTree]]:
    """Reads trees one after another, as a .mrg file holds them over several lines each.

    Args:
      text: holds them.
      first_line: the number of its first line.

    Yields:
      The line in which a tree begins, and the tree.

    Raises:
      DataError: for unbalanced brackets, an empty one, or text outside of all brackets.
    """
    stack: list[_Open] = []
    line, position, opened = first_line, 0, False
    for match in _TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position, token = match.start(), match.group()
        if token == "(":
            _require(len(stack) < MAX_DEPTH, line, f"brackets nest more than {MAX_DEPTH} deep")
            stack.append(_Open(line))
        elif not stack:
            raise DataError(f"line {line}: '{token}' stands outside of all brackets.")
        elif token == ")":
            closed = stack.pop()
            _require(bool(closed.children), line, f"the bracket '({closed.label})' is empty")
            tree = ParseTree(closed.label, tuple(closed.children))
            if stack:
                stack[-1].children.append(tree)
            else:
                yield closed.line, tree
        elif opened:
            stack[-1].label = token
        else:
            stack[-1].children.append(token)
        opened = token == "("
    if stack:
        raise DataError(f"line {stack[0].line}: a bracket that opens here is never closed.")


class _Open:
    """A bracket that is not closed yet."""

    def __init__(self, line: int):
        self.line = line
        self.label = ""
        self.children: list[ParseTree | str] = []


def _require(condition: bool, line: int, problem: str) -> None:
    if not condition:
        raise DataError(f"line {line}: {problem}.")


def clean(tree: ParseTree) -> ParseTree | None:
    """The tree that a parser of plain words is to give, as parsing papers have it.

    - Traces (-NONE-) go, and so does every constituent that they leave empty.
    - Labels lose function tags, indices and alternatives: NP-SBJ-1, NP=2 and NP|NX are NP.
    - The outermost unlabelled bracket goes; if it holds several constituents, it is named TOP.
    - A constituent whose only child has its own label becomes that child (NP over NP, mostly where
      a trace stood). Other unary chains, such as S over VP, stay.

    Returns:
      The cleaned tree, or None if nothing but traces was in it.
    """
    if tree.label == TRACE:
        return None
    children = [child if isinstance(child, str) else clean(child) for child in tree.children]
    kept = tuple(child for child in children if child is not None)
    if not kept:
        return None
    label = plain_label(tree.label)
    only = kept[0] if len(kept) == 1 else None
    if isinstance(only, ParseTree) and only.label == (label or only.label):
        return only
    return ParseTree(label or ROOT, kept)


def plain_label(label: str) -> str:
    """ "NP" of "NP-SBJ-1"; labels that begin with a dash, such as -LRB-, stay."""
    return label if label.startswith("-") else _FUNCTION.split(label)[0]


def linearize(tree: ParseTree) -> str:
    """The tree on one line; `parse` gives the same tree back.

    Raises:
      DataError: for a label or word that would not come back: with a bracket or space, or empty.
    """
    parts = [tree.label]
    for child in tree.children:
        parts.append(child if isinstance(child, str) else linearize(child))
    first_is_word = bool(tree.children) and isinstance(tree.children[0], str)
    names = [child for child in tree.children if isinstance(child, str)]
    for name in names + [tree.label] * bool(tree.label or first_is_word):
        if not name or _NOT_IN_A_NAME.search(name):
            raise DataError(f"'{name}' cannot stand in a bracketed tree; write -LRB- and -RRB-.")
    return f"({' '.join(parts)})"


def words(tree: ParseTree) -> list[str]:
    """The words, from left to right."""
    found: list[str] = []
    for child in tree.children:
        found += [child] if isinstance(child, str) else words(child)
    return found


def map_words(tree: ParseTree, change: Callable[[str], str]) -> ParseTree:
    """The same tree over changed words."""
    children = (change(c) if isinstance(c, str) else map_words(c, change) for c in tree.children)
    return ParseTree(tree.label, tuple(children))
