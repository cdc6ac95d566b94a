"""The shapes world: two things in a spatial relation, and which split each scene belongs to.

Nothing here knows how a scene is written, drawn or spoken; see languages, picture and voice.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

SIZES = ("small", "big")
COLOURS = ("red", "green", "blue", "yellow", "black", "white")
SHAPES = ("circle", "square", "triangle", "star", "diamond")
OPPOSITE = {"above": "below", "below": "above", "left": "right", "right": "left"}
RELATIONS = tuple(OPPOSITE)
CANONICAL_RELATIONS = ("above", "left")

SPLITS = ("train", "dev", "test")
# Of 1000 hash buckets: the rest is train. The split is a constant of the world, not of a seed,
# so that no problem, whatever its seed, trains on a scene that another one is tested on.
_DEV_BUCKETS = 70
_TEST_BUCKETS = 70


@dataclass(frozen=True)
class Thing:
    """One object. `size` is None where a sentence leaves it unsaid; a drawn thing has a size."""

    size: str | None
    colour: str
    shape: str

    @property
    def kind(self) -> tuple[str, str]:
        """Colour and shape, what a picture's class names."""
        return self.colour, self.shape


@dataclass(frozen=True)
class Scene:
    """`first` is in `relation` to `second`: Scene(a, "above", b) says that a is above b."""

    first: Thing
    relation: str
    second: Thing

    def inverse(self) -> Scene:
        """The same state of affairs told from the other thing: 'b is below a'."""
        return Scene(self.second, OPPOSITE[self.relation], self.first)

    def canonical(self) -> Scene:
        """Whichever of this scene and its inverse says 'above' or 'left'."""
        return self if self.is_canonical else self.inverse()

    @property
    def is_canonical(self) -> bool:
        return self.relation in CANONICAL_RELATIONS

    @property
    def is_drawable(self) -> bool:
        """Both sizes are known."""
        return self.first.size is not None and self.second.size is not None

    @property
    def larger(self) -> Thing | None:
        """The larger thing, or None where sizes are equal or unsaid."""
        if not self.is_drawable or self.first.size == self.second.size:
            return None
        return self.first if self.first.size == "big" else self.second

    @property
    def split(self) -> str:
        """'train', 'dev' or 'test'; a scene and its inverse are always in the same one."""
        scene = self.canonical()
        words = (*_words(scene.first), scene.relation, *_words(scene.second))
        return split_of(" ".join(words))


def split_of(words: str) -> str:
    """'train', 'dev' or 'test', by a hash of the words that tell a scene apart from all others."""
    digest = hashlib.blake2b(words.encode(), digest_size=8).digest()
    bucket = int.from_bytes(digest, "big") % 1000
    if bucket < _DEV_BUCKETS:
        return "dev"
    return "test" if bucket < _DEV_BUCKETS + _TEST_BUCKETS else "train"


def _words(thing: Thing) -> tuple[str, str, str]:
    return thing.size or "-", thing.colour, thing.shape


def _can_be_told_apart(a: Thing, b: Thing) -> bool:
    """'The red star is above the small red star' leaves open which star is meant."""
    return a.kind != b.kind or (None not in (a.size, b.size) and a.size != b.size)


@functools.cache
def all_things() -> tuple[Thing, ...]:
    """The 90 things: 2 sizes and 'unsaid' x 6 colours x 5 shapes."""
    return tuple(Thing(*words) for words in itertools.product((None, *SIZES), COLOURS, SHAPES))


@functools.cache
def all_scenes() -> tuple[Scene, ...]:
    """Every scene of two things that can be told apart, in a fixed order."""
    return tuple(
        Scene(first, relation, second)
        for first, relation, second in itertools.product(all_things(), RELATIONS, all_things())
        if _can_be_told_apart(first, second)
    )


@functools.cache
def scenes_of(split: str) -> tuple[Scene, ...]:
    """The scenes of one split, in a fixed order."""
    if split not in SPLITS:
        raise ValueError(f"The shapes world has no split {split!r}; it has {', '.join(SPLITS)}.")
    return tuple(scene for scene in all_scenes() if scene.split == split)


def sample_scenes(
    split: str,
    count: int,
    seed: int,
    salt: str = "",
    keep: Callable[[Scene], bool] | None = None,
) -> Iterator[Scene]:
    """Draws `count` scenes of a split in random order; none repeats before all have come.

    Args:
        split: "train", "dev" or "test".
        count: how many scenes to draw.
        seed: same seed and salt, same scenes.
        salt: usually the problem's name: problems given one seed still draw different scenes.
        keep: only scenes for which this is true.
    """
    pool = [scene for scene in scenes_of(split) if keep is None or keep(scene)]
    rng = np.random.default_rng([seed, zlib.crc32(f"{salt}/{split}".encode())])
    rounds = (rng.permutation(len(pool)) for _ in itertools.count())
    for position in itertools.islice(itertools.chain.from_iterable(rounds), count):
        yield pool[position]
