"""The plan of a question of each type: its words, its answer, and what must stand in the image.

The words and the answer of a plan are drawn first and independently of one another, and the
picture to fit both: so the words alone say nothing about the answer. Where a picture could give it
away without the words (two things of one colour hint at 'yes, the same colour'), other things
make the pictures of all answers alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from t2t_mm.problems.shapes import world
from t2t_mm.problems.shapes.crowd import VALUES, Description, draw
from t2t_mm.problems.shapes.languages import ENGLISH_RELATIONS

COUNTS = ("0", "1", "2", "3")
# American, as all of the toolkit's English; the world's own sentences never say the word.
WORDS = {"size": "size", "colour": "color", "shape": "shape"}


@dataclass(frozen=True)
class Plan:
    """A question and its answer, and what makes the answer true of a picture.

    Attributes:
      question: English.
      answer: one of questions.ANSWERS.
      cast: things that must be there; what they leave unsaid is free.
      named: exactly one thing fits each of these.
      closed: nothing but the cast may fit these.
      relation: of the cast's first thing to its second one; None for any.
      alone: nothing else is in that relation to the second one.
      spread: an attribute whose values are about equally frequent in the picture.
    """

    question: str
    answer: str
    cast: tuple[Description, ...]
    named: tuple[Description, ...] = ()
    closed: tuple[Description, ...] = ()
    relation: str | None = None
    alone: bool = False
    spread: str | None = None


Planner = Callable[[np.random.Generator], Plan]
_ONE = (("colour",), ("shape",), ("colour", "shape"))


def _described(said: Sequence[str], rng: np.random.Generator) -> Description:
    return Description(**{name: draw(VALUES[name], rng) for name in said})


def _another(description: Description, rng: np.random.Generator, *than: Description) -> Description:
    """A description of the same attributes, each unlike that of all the given ones."""
    taken = (description, *than)
    return Description(
        **{
            name: draw([v for v in VALUES[name] if all(v != getattr(d, name) for d in taken)], rng)
            for name in description.said
        }
    )


def _near_misses(description: Description, rng: np.random.Generator) -> list[Description]:
    """Descriptions of which one attribute is another: without them, one word would do for two."""
    if len(description.said) == 1:
        return []
    return [
        description.with_(**{name: getattr(_another(description, rng), name)})
        for name in description.said
    ]


def _attribute(asked: str, ways: Sequence[Sequence[str]]) -> Planner:
    """'what color is the small star'."""

    def plan(rng: np.random.Generator) -> Plan:
        named = _described(draw(ways, rng), rng)
        answer = draw(VALUES[asked], rng)
        cast = (named.with_(**{asked: answer}), *_near_misses(named, rng))
        question = f"what {WORDS[asked]} is the {named.words()}"
        return Plan(question, answer, cast, named=(named,), spread=asked)

    return plan


def _exists(rng: np.random.Generator) -> Plan:
    """'is there a red star': with and without it, there is something red and there is a star."""
    ways = (*_ONE, ("size", "shape"), ("size", "colour"))
    sought = _described(draw(ways, rng), rng)
    answer = draw(("yes", "no"), rng)
    cast = (*[sought][: answer == "yes"], *_near_misses(sought, rng))
    return Plan(f"is there a {sought.words()}", answer, cast, closed=(sought,))


def _count(rng: np.random.Generator) -> Plan:
    """'how many red ones are there': always three of a color, two of another, one of a third."""
    asked = draw(("colour", "shape"), rng)
    answer = int(draw(COUNTS, rng))
    counted, *values = rng.permutation(VALUES[asked]).tolist()
    counts = [n for n in (3, 2, 1) if n != answer]
    amounts = {counted: answer, **dict(zip(values, counts, strict=False))}
    cast = tuple(Description(**{asked: v}) for v, n in amounts.items() for _ in range(n))
    question = f"how many {Description(**{asked: counted}).words(plural=True)} are there"
    return Plan(question, str(answer), cast)


def _same(asked: str, ways: Sequence[Sequence[str]]) -> Planner:
    """'is the star the same color as the circle'.

    A third thing, of yet other shape, has the color of the first one if the second has not.
    """

    def plan(rng: np.random.Generator) -> Plan:
        first = _described(draw(ways, rng), rng)
        second = _another(first, rng)
        third = _another(first, rng, second)
        value = draw(VALUES[asked], rng)
        other = draw([v for v in VALUES[asked] if v != value], rng)
        answer = draw(("yes", "no"), rng)
        values = (value, value, other) if answer == "yes" else (value, other, value)
        cast = tuple(
            description.with_(**{asked: v})
            for description, v in zip((first, second, third), values, strict=True)
        )
        question = f"is the {first.words()} the same {WORDS[asked]} as the {second.words()}"
        return Plan(question, answer, cast, named=(first, second))

    return plan


def _neighbor(asked: str, ways: Sequence[Sequence[str]]) -> Planner:
    """'what color is left of the star': there is one thing left of the star, and one star."""

    def plan(rng: np.random.Generator) -> Plan:
        named = _described(draw(ways, rng), rng)
        answer, relation = draw(VALUES[asked], rng), draw(world.RELATIONS, rng)
        cast = (Description(**{asked: answer}), named)
        question = f"what {WORDS[asked]} is {ENGLISH_RELATIONS[relation]} the {named.words()}"
        return Plan(
            question, answer, cast, named=(named,), relation=relation, alone=True, spread=asked
        )

    return plan


def _two(rng: np.random.Generator) -> tuple[Description, Description]:
    first = _described(draw(_ONE, rng), rng)
    return first, _another(first, rng)


def _relation(rng: np.random.Generator) -> Plan:
    """'where is the star seen from the red circle'."""
    first, second = _two(rng)
    answer = draw(world.RELATIONS, rng)
    question = f"where is the {first.words()} seen from the {second.words()}"
    return Plan(question, answer, (first, second), named=(first, second), relation=answer)


def _is_relation(rng: np.random.Generator) -> Plan:
    """'is the star above the circle'; if not, it is below, left or right of it."""
    first, second = _two(rng)
    asked = draw(world.RELATIONS, rng)
    answer = draw(("yes", "no"), rng)
    true = asked if answer == "yes" else draw([r for r in world.RELATIONS if r != asked], rng)
    question = f"is the {first.words()} {ENGLISH_RELATIONS[asked]} the {second.words()}"
    return Plan(question, answer, (first, second), named=(first, second), relation=true)


# A thing next to 'the star' cannot be a star: where its shape is asked for, stars have a color too.
PLANNERS: Mapping[str, Planner] = {
    "color": _attribute("colour", [("shape",), ("size", "shape")]),
    "shape": _attribute("shape", [("colour",), ("size", "colour")]),
    "size": _attribute("size", _ONE),
    "exists": _exists,
    "count": _count,
    "same_color": _same("colour", [("shape",)]),
    "same_shape": _same("shape", [("colour",)]),
    "same_size": _same("size", _ONE),
    "neighbor_color": _neighbor("colour", [("shape",), ("colour", "shape")]),
    "neighbor_shape": _neighbor("shape", [("colour",), ("colour", "shape")]),
    "relation": _relation,
    "is_relation": _is_relation,
}
