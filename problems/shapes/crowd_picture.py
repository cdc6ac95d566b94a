"""Draws a crowd as a 48x48 RGB picture: each thing in its own cell of 16x16 pixels.

48 pixels per side are the fewest at which a small star is not a blot and six things keep apart;
things are about as large as in the pictures of two. A thing's centre strays from that of its cell
by so little that what is in one row never looks like two, and that the world's rule for two things
holds: across a relation's axis, centres are at most a third as far apart as along it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from t2t_mm.problems.shapes import crowd, picture
from t2t_mm.problems.shapes.crowd import Crowd

CELL = 16  # pixels
SIDE = CELL * crowd.GRID  # pixels
RADIUS = {"small": (3.0, 3.4), "big": (5.0, 5.4)}  # pixels, of a circle
STRAY = 1.25  # pixels: a shape's outline stays half a pixel inside of its cell


def render(scene: Crowd, seed: Sequence[int]) -> np.ndarray:
    """The picture as uint8 [48, 48, 3]; the same for the same scene and seed."""
    rng = np.random.default_rng(seed)
    canvas = picture.background(SIDE, rng).copy()
    for one in scene.placed:
        rows, columns = (slice(CELL * i, CELL * (i + 1)) for i in one.cell)
        x, y = CELL / 2 + rng.uniform(-STRAY, STRAY, 2)
        radius = float(rng.uniform(*RADIUS[one.thing.size]))
        cell = picture.with_thing(canvas[rows, columns], one.thing, (x, y), radius, rng)
        canvas[rows, columns] = cell
    return picture.with_noise(canvas, rng)


def render_png(scene: Crowd, seed: Sequence[int]) -> bytes:
    """The picture of `render` as PNG bytes."""
    return picture.png(render(scene, seed))
