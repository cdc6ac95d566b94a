"""Trees: bracketed constituents on one line, written as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from t2t_mm.kinds.kind import Kind
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

    def metrics_beside(self, inputs: Mapping[str, Kind]) -> tuple[str, ...]:
        return ("bracket_f1_all",)
