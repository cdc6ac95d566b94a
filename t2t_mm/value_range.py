"""What a field of a typed record allows: stated beside its type, `Annotated[float, Range(0, 1)]`.

`TypedRecord.check` refuses what lies outside by one sentence with the field's name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class Range:
    """The finite numbers from `low` to `high`.

    Attributes:
      low, high: the bounds; infinite ones are none.
      above: True if `low` itself is not allowed.
      below: likewise `high`.
    """

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False

    def holds(self, value: Any) -> bool:
        """True if the value lies within."""
        try:
            if not math.isfinite(value):
                return False
        except OverflowError:  # a whole number beyond all floats
            return False
        enough = value > self.low if self.above else value >= self.low
        return enough and (value < self.high if self.below else value <= self.high)

    def __str__(self) -> str:
        low, high = f"{self.low:.12g}", f"{self.high:.12g}"
        least = f"above {low}" if self.above else f"{low} or more"
        if self.high == math.inf:
            return "a finite number" if self.low == -math.inf else least
        if not self.above:
            least = f"at least {low}"
        return f"{least} and {'below' if self.below else 'at most'} {high}"


@dataclass(frozen=True)
class Each:
    """Lists whose items lie in a range.

    Attributes:
      item: the range of an item.
      least, most: numbers of items; `most` of None is no bound.
    """

    item: Range
    least: int = 0
    most: int | None = None

    def holds(self, value: Any) -> bool:
        """True if the number of items, and each of them, is allowed."""
        many = self.most is not None and len(value) > self.most
        return len(value) >= self.least and not many and all(map(self.item.holds, value))

    def __str__(self) -> str:
        if self.most == self.least:
            count = f"{self.least} numbers"
        else:
            count = f"{self.least} or more numbers" if self.least else "a list of numbers"
        return f"{count}, each {self.item}"


@dataclass(frozen=True)
class Choices:
    """One of some words."""

    values: tuple[str, ...]

    def holds(self, value: Any) -> bool:
        """True for one of the words."""
        return value in self.values

    def __str__(self) -> str:
        return f"one of {', '.join(self.values)}"


@dataclass(frozen=True)
class Named:
    """A name of a registry, or text of a grammar: whoever looks it up or reads it refuses others.

    Attributes:
      of: what it names, or the form of the text.
    """

    of: str

    def holds(self, value: Any) -> bool:
        """True: it cannot be told here."""
        return True

    def __str__(self) -> str:
        return self.of


Rule = Range | Each | Choices | Named

FINITE = Range()

Share = Annotated[float, Range(0, 1, below=True)]  # a probability, or what is kept of something
Positive = Annotated[float, Range(0, above=True)]
Least0 = Annotated[float, Range(0)]
Count = Annotated[int, Range(1)]  # of what there has to be one of
Count0 = Annotated[int, Range(0)]


def rule_of(annotation: Any) -> Rule | None:
    """The rule within an `Annotated` type; None where there is none."""
    return next((each for each in getattr(annotation, "__metadata__", ()) if _is_rule(each)), None)


def _is_rule(value: Any) -> bool:
    return isinstance(value, (Range, Each, Choices, Named))
