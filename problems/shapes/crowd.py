"""Scenes of four to six things, for questions: where things stand, what is in which relation.

The things stand in the cells of a 3 x 3 grid. Relations are those of the world's pictures: a thing
is above another one if it is in the same column and a higher row. Things that share neither row
nor column are in no relation, and no question is asked about them.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from t2t_mm.problems.shapes import world
from t2t_mm.problems.shapes.world import Thing

Item = TypeVar("Item")

GRID = 3  # cells a side
FEWEST, MOST = 4, 6  # things
CELLS = tuple(itertools.product(range(GRID), range(GRID)))  # (row, column), in reading order
VALUES = {"size": world.SIZES, "colour": world.COLOURS, "shape": world.SHAPES}


@dataclass(frozen=True)
class Description:
    """A description of a thing; None is open: 'the red one' leaves open size and shape."""

    size: str | None = None
    colour: str | None = None
    shape: str | None = None

    @property
    def said(self) -> tuple[str, ...]:
        """The names of the attributes that are not None."""
        return tuple(name for name in VALUES if getattr(self, name) is not None)

    def fits(self, thing: Thing) -> bool:
        """True if all that is said is true of the thing."""
        return all(getattr(self, name) == getattr(thing, name) for name in self.said)

    def words(self, plural: bool = False) -> str:
        """'small red star', 'red one'; 'red ones'."""
        said = (self.size, self.colour, self.shape or "one")
        return " ".join(word for word in said if word) + "s" * plural

    def completed(self, rng: np.random.Generator) -> Thing:
        """A thing that fits, with all that is not said drawn at random."""
        return Thing(
            **{name: getattr(self, name) or draw(values, rng) for name, values in VALUES.items()}
        )

    def with_(self, **attributes: str) -> Description:
        """The description with some attributes changed or said too."""
        return dataclasses.replace(self, **attributes)


@dataclass(frozen=True)
class Placed:
    """A thing and its cell; row 0 is the highest, column 0 the leftmost."""

    row: int
    column: int
    thing: Thing

    @property
    def cell(self) -> tuple[int, int]:
        return self.row, self.column


@dataclass(frozen=True)
class Crowd:
    """The things of a picture, in reading order, so that one picture is one crowd."""

    placed: tuple[Placed, ...]

    @property
    def things(self) -> tuple[Thing, ...]:
        return tuple(one.thing for one in self.placed)

    @property
    def split(self) -> str:
        """'train', 'dev' or 'test', by a hash of which thing stands in which cell."""
        return world.split_of(
            "; ".join(
                f"{one.row} {one.column} {one.thing.size} {one.thing.colour} {one.thing.shape}"
                for one in self.placed
            )
        )

    def fitting(self, description: Description) -> list[Placed]:
        """The things that the description is true of."""
        return [one for one in self.placed if description.fits(one.thing)]


def relation_of(cell: tuple[int, int], other: tuple[int, int]) -> str | None:
    """'above', 'below', 'left' or 'right': where `cell` is, seen from `other`; None for neither."""
    down, across = cell[0] - other[0], cell[1] - other[1]
    if bool(down) == bool(across):
        return None
    if down:
        return "above" if down < 0 else "below"
    return "left" if across < 0 else "right"


def arranged(
    things: Sequence[Thing],
    rng: np.random.Generator,
    relation: str | None = None,
    alone: bool = False,
) -> Crowd:
    """The things in cells of their own, chosen at random.

    Args:
      things: at most one per cell.
      rng: draws the cells.
      relation: the first thing is in this relation to the second one; None for anywhere.
      alone: no other thing is in that relation to the second one.
    """
    cells = [CELLS[i] for i in rng.permutation(len(CELLS))]
    if relation is not None:
        pair = draw(_PAIRS[relation], rng)
        free = (cell for cell in cells if cell not in pair)
        if alone:
            free = (cell for cell in free if relation_of(cell, pair[1]) != relation)
        cells = [*pair, *free]
    placed = (
        Placed(row, column, thing) for (row, column), thing in zip(cells, things, strict=False)
    )
    return Crowd(tuple(sorted(placed, key=lambda one: one.cell)))


_PAIRS = {
    relation: tuple(
        pair for pair in itertools.product(CELLS, CELLS) if relation_of(*pair) == relation
    )
    for relation in world.RELATIONS
}


def completed_crowd(
    cast: Sequence[Description],
    closed: Sequence[Description],
    count: int,
    rng: np.random.Generator,
    spread: str | None = None,
) -> list[Thing]:
    """Things for `cast`, in its order, and others up to `count` that fit none of `closed`.

    Args:
      cast: what must be there.
      closed: what nothing else may fit; none of them says the `spread` attribute alone.
      count: how many things, unless the cast are more.
      rng: draws what is left open.
      spread: an attribute whose values are about equally frequent; which ones are there once more
        than others does not depend on what the cast says.
    """
    everyone = [*cast, *[Description()] * (count - len(cast))]
    if spread is not None:
        everyone = _spread(everyone, closed, spread, rng)
    things = [description.completed(rng) for description in everyone[: len(cast)]]
    for description in everyone[len(cast) :]:
        thing = description.completed(rng)
        while any(one.fits(thing) for one in closed):
            thing = description.completed(rng)
        things.append(thing)
    return things


def _spread(
    everyone: Sequence[Description],
    closed: Sequence[Description],
    attribute: str,
    rng: np.random.Generator,
) -> list[Description]:
    """All with a value of the attribute, those that had none with one that is not frequent yet.

    A thing that a question names by the attribute is not counted. If it were, only a thing of the
    same value that the question is about could make a value more frequent, and give itself away.
    """
    values = VALUES[attribute]
    said = [one for one in everyone if attribute in one.said and one not in closed]
    counted = len(said) + sum(attribute not in one.said for one in everyone)
    rounds = -(-counted // len(values))
    pool = [v for _ in range(rounds) for v in rng.permutation(values).tolist()][:counted]
    for value in (getattr(one, attribute) for one in said):
        # Where it is not in the pool there are more values than things: any may make way.
        pool.remove(value if value in pool else draw(pool, rng))
    return [
        one if attribute in one.said else one.with_(**{attribute: pool.pop()}) for one in everyone
    ]


def draw(values: Sequence[Item], rng: np.random.Generator) -> Item:
    """One of the values, each as likely as the others."""
    return values[int(rng.integers(len(values)))]
