"""Questions about images of four to six things, with answers of one word: 12 types, 23 answers.

In the training split there are images of one to three things too.

Each answer is a function of the picture and the question: what a question names is there exactly
once, unless it asks whether it is there, or how often. Answers are balanced: for given words of a
question, each answer of its type is equally likely (see question_plans). A scene's split is a
constant of the world, whatever the seed.

Questions are written in the pieces of `vocab.shapes` as it is: all of their letters are in it, the
names of things, colours and relations are whole pieces, and a question takes 11 pieces on average.
So joint training shares the English embedding, and the data of the other problems stay as they are.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from t2t_mm.problems.shapes import world
from t2t_mm.problems.shapes.crowd import FEWEST, MOST, Crowd, arranged, completed_crowd
from t2t_mm.problems.shapes.crowd_picture import SIDE, render_png
from t2t_mm.problems.shapes.question_plans import COUNTS, PLANNERS, Plan

__all__ = ["ANSWERS", "SIDE", "TYPES", "Question", "example", "examples", "render_png", "type_of"]

TYPES = tuple(PLANNERS)
ANSWERS = (
    *world.COLOURS,
    *world.SHAPES,
    *world.SIZES,
    *world.RELATIONS,
    "yes",
    "no",
    *COUNTS,
)


@dataclass(frozen=True)
class Question:
    """A question about a scene.

    Attributes:
      scene: what is in the picture.
      type: one of TYPES.
      question: English, at most 12 words.
      answer: one of ANSWERS.
    """

    scene: Crowd
    type: str
    question: str
    answer: str


def examples(split: str, count: int, seed: int) -> Iterator[Question]:
    """The first `count` questions of a split; any 12 from a multiple of 12 on have all types.

    Args:
      split: "train", "dev" or "test".
      count: how many.
      seed: same seed, same questions.

    Raises:
      ValueError: if there is no such split.
    """
    for index in range(count):
        yield example(split, index, seed)


def example(split: str, index: int, seed: int) -> Question:
    """The question of that index: it depends on nothing but the three arguments."""
    if split not in world.SPLITS:
        raise ValueError(
            f"The shapes world has no split {split!r}; it has {', '.join(world.SPLITS)}."
        )
    stream = [seed, zlib.crc32(f"questions/{split}".encode())]
    block, position = divmod(index, len(TYPES))
    # Types come in an order of chance, so that each of several shards has all of them.
    order = np.random.default_rng([*stream, 0, block]).permutation(len(TYPES))
    kind = TYPES[order[position]]
    rng = np.random.default_rng([*stream, 1, index])
    plan = PLANNERS[kind](rng)
    scenes = (_scene_of(plan, rng, split) for _ in itertools.count())
    scene = next(scene for scene in scenes if _is_true(plan, scene) and scene.split == split)
    return Question(scene, kind, plan.question, plan.answer)


def _scene_of(plan: Plan, rng: np.random.Generator, split: str) -> Crowd:
    """A scene for a plan, which may not be true of it yet.

    The training split has images of fewer things too, and does not spread out what is asked for, so
    that words can be learnt where little has to be told apart. Dev and test split have none of
    these.
    """
    training = split == "train"
    count = int(rng.integers(1 if training else FEWEST, MOST + 1))
    closed = (*plan.named, *plan.closed)
    spread = None if training else plan.spread
    things = completed_crowd(plan.cast, closed, count, rng, spread)
    return arranged(things, rng, plan.relation, plan.alone)


def _is_true(plan: Plan, scene: Crowd) -> bool:
    """True if what the cast left open has not made one of its things fit another's name."""
    return all(len(scene.fitting(named)) == 1 for named in plan.named)


_PATTERNS = (
    ("neighbor_color", r"what color is (above|below|left|right)\b"),
    ("neighbor_shape", r"what shape is (above|below|left|right)\b"),
    ("color", r"what color is the\b"),
    ("shape", r"what shape is the\b"),
    ("size", r"what size is the\b"),
    ("exists", r"is there a\b"),
    ("count", r"how many\b"),
    ("relation", r"where is the\b"),
    ("same_color", r"is the .* the same color as the\b"),
    ("same_shape", r"is the .* the same shape as the\b"),
    ("same_size", r"is the .* the same size as the\b"),
    ("is_relation", r"is the .* (above|below|left of|right of) the\b"),
)


def type_of(question: str) -> str:
    """The type of a question by its words, so that written answers can be scored by type.

    Raises:
      ValueError: if no question of the world begins like this.
    """
    for kind, pattern in _PATTERNS:
        if re.match(pattern, question):
            return kind
    raise ValueError(f"no question of the shapes world is worded like {question!r}")
