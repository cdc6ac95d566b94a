"""Trees: bracketed constituents on one line, written as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from t2t_mm.errors import DataError
from t2t_mm.kinds import tree_tags, trees
from t2t_mm.kinds.kind import Kind
from t2t_mm.kinds.preparation import Rules, prepare, words_alone
from t2t_mm.kinds.text import Text


@dataclass(frozen=True)
class Tree(Text):
    """A constituency tree such as (S (NP (DT the) (NN cat)) (VP (VBZ sleeps))).

    Stored, fed and written as a text of its vocabulary; what differs is how long it may be, how it
    is scored, and how a page draws it.
    """

    name: ClassVar[str] = "tree"
    noun: ClassVar[str] = "tree"
    plural: ClassVar[str] = "trees"
    is_bracketed: ClassVar[bool] = True
    # A tree has a bracket, a tag and a label about every word, each a token or more.
    tokens_per_token: ClassVar[float] = 8.0

    def prepared(self, value: Any) -> Any:
        if not isinstance(value, str) or not self.preparation:
            return value
        line = prepare(value, [r for r in self.preparation if r not in self._of_words])
        try:
            return spelled(line, lambda word: prepare(word, self._of_words))
        except DataError:
            return line  # no tree: what is wrong with it is for others to say

    @property
    def _of_words(self) -> Rules:
        return words_alone(self.preparation or ())

    @property
    def rules_for_graph(self) -> tuple[Rules, Rules]:
        return self.preparation or (), ()  # no graph reads brackets

    def metrics_beside(self, inputs: Mapping[str, Kind]) -> tuple[str, ...]:
        return ("bracket_f1_all",)


def spelled(line: str, change: Callable[[str], str] | None = None) -> str:
    """A tree in the one spelling that is stored: bracketed, or without words as tree_tags has it.

    Args:
      line: the tree.
      change: of the words of a bracketed one; None: they stay.

    Raises:
      DataError: if it is not a tree.
    """
    if not line.startswith("("):
        return tree_tags.write(tree_tags.read(line))
    tree = trees.parse(line)
    return trees.linearize(trees.map_words(tree, change) if change else tree)
