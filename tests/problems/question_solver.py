"""Answers a question from the scene by the question's words alone: no code of the generator.

It looks things up in the list of (row, column, size, colour, shape), and fails where a reference is
not unique, where two things are in no relation, or where the words are none that it knows.
"""

from __future__ import annotations

from t2t_mm.problems.shapes.crowd import Crowd

SIZES = {"small", "big"}
COLOURS = {"red", "green", "blue", "yellow", "black", "white"}
SHAPES = {"circle", "square", "triangle", "star", "diamond"}
FIELDS = {"size": 2, "color": 3, "shape": 4}
SIDES = {"above": (-1, 0), "below": (1, 0), "left": (0, -1), "right": (0, 1)}

Row = tuple[int, int, str, str, str]


def solve(scene: Crowd, question: str) -> str:
    """The answer; ValueError where there is none."""
    rows = [(p.row, p.column, p.thing.size, p.thing.colour, p.thing.shape) for p in scene.placed]
    words = [word for word in question.split() if word != "of"]
    match words:
        case ["what", field, "is", "the", *noun]:
            return _only(_matching(rows, noun))[FIELDS[field]]
        case ["what", field, "is", side, "the", *noun]:
            here = _only(_matching(rows, noun))
            return _only([row for row in rows if _side(row, here) == side])[FIELDS[field]]
        case ["is", "there", "a", *noun]:
            return "yes" if _matching(rows, noun) else "no"
        case ["how", "many", *noun, "are", "there"]:
            noun[-1] = noun[-1].removesuffix("s")
            return str(len(_matching(rows, noun)))
        case ["where", "is", "the", *rest]:
            cut = rest.index("seen")
            assert rest[cut : cut + 3] == ["seen", "from", "the"]
            one, other = _matching(rows, rest[:cut]), _matching(rows, rest[cut + 3 :])
            return _known(_side(_only(one), _only(other)))
        case ["is", "the", *rest] if "same" in rest:
            cut = rest.index("same")
            assert rest[cut - 1] == "the" and rest[cut + 2 : cut + 4] == ["as", "the"]
            one, other = _matching(rows, rest[: cut - 1]), _matching(rows, rest[cut + 4 :])
            field = FIELDS[rest[cut + 1]]
            return "yes" if _only(one)[field] == _only(other)[field] else "no"
        case ["is", "the", *rest]:
            cut = next(i for i, word in enumerate(rest) if word in SIDES)
            one, other = _matching(rows, rest[:cut]), _matching(rows, rest[cut + 2 :])
            return "yes" if _known(_side(_only(one), _only(other))) == rest[cut] else "no"
    raise ValueError(f"cannot read {question!r}")


def _matching(rows: list[Row], noun: list[str]) -> list[Row]:
    for word in noun:
        if word in SIZES | COLOURS | SHAPES:
            rows = [row for row in rows if word in row]
        elif word != "one":
            raise ValueError(f"unknown word {word!r}")
    return rows


def _only(rows: list[Row]) -> Row:
    if len(rows) != 1:
        raise ValueError(f"{len(rows)} things, not one")
    return rows[0]


def _side(row: Row, here: Row) -> str | None:
    """Where the row's thing is, seen from the other: one straight line away."""
    step = (row[0] - here[0], row[1] - here[1])
    for side, (down, across) in SIDES.items():
        length = step[0] * down + step[1] * across
        if length > 0 and step == (length * down, length * across):
            return side
    return None


def _known(side: str | None) -> str:
    if side is None:
        raise ValueError("the things are in no relation")
    return side
