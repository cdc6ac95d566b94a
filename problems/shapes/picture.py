"""Draws a scene as a 32x32 RGB picture: two filled shapes on a noisy grey ground.

Position, size, angle, colour and ground vary with the seed, but never so far that a
relation, size or colour could be read as another one.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from t2t_mm.problems.shapes.world import Scene, Thing

SIDE = 32  # pixels
_SUPER = 4  # sub-pixels a side: 16 coverage levels, plenty at this size
_MARGIN = 0.5  # pixels between a shape and the edge
_GAP = 1.0  # least pixels between the two shapes along their relation's axis

RADIUS = {"small": (3.2, 3.6), "big": (5.6, 6.0)}  # pixels, of a circle
MAX_EXTENT = 1.15  # no outline below reaches further than this many radii from its centre
RGB = {
    "red": (210, 35, 35),
    "green": (30, 150, 55),
    "blue": (40, 70, 215),
    "yellow": (240, 215, 40),
    "black": (18, 18, 18),
    "white": (245, 245, 245),
}
_COLOUR_SHIFT = 12  # each channel of a shape moves by up to this much
_GROUND = (105, 145)  # grey level of the ground: away from black and white alike
_GROUND_TINT = 8
_NOISE = 5.0  # standard deviation of the pixel noise
_TILT = 0.12  # radians; a square must not turn into a diamond


def _corners(radii: Sequence[float], first_angle: float) -> np.ndarray:
    """Corners [n, 2] at equal angles from the centre, at the given distances."""
    angles = first_angle + 2 * np.pi * np.arange(len(radii)) / len(radii)
    return np.stack([np.cos(angles), np.sin(angles)], 1) * np.array(radii)[:, None]


# Outlines of radius about 1, y downwards; a circle has none. Any small shape covers less than
# any big one, and the diamond is slim so that it is not a turned square.
_UP = -np.pi / 2
OUTLINES = {
    "square": _corners([1.13] * 4, np.pi / 4),
    "triangle": _corners([1.15] * 3, _UP),
    "star": _corners([1.15, 0.5] * 5, _UP),
    "diamond": _corners([1.15, 0.68] * 2, _UP),
}


def _inside(outline: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Even-odd test: which of the points (x, y) lie inside the closed outline [n, 2]."""
    inside = np.zeros(np.broadcast_shapes(x.shape, y.shape), bool)
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if ay != by:
            spans = (ay > y) != (by > y)
            inside ^= spans & (x < ax + (bx - ax) * (y - ay) / (by - ay))
    return inside


def coverage(
    shape: str, centre: tuple[float, float], radius: float, angle: float, side: int = SIDE
) -> np.ndarray:
    """The share of each pixel that the shape covers: [side, side] in 0..1."""
    grid = (np.arange(side * _SUPER) + 0.5) / _SUPER  # the sub-pixels' centres, in pixels
    x, y = grid[None, :] - centre[0], grid[:, None] - centre[1]
    if shape == "circle":
        mask = x * x + y * y < radius * radius
    else:
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        mask = _inside(radius * OUTLINES[shape] @ turn, x, y)
    return mask.reshape(side, _SUPER, side, _SUPER).mean((1, 3))


def place(
    scene: Scene, radii: tuple[float, float], rng: np.random.Generator
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Centres (x, y) in pixels of the first and second thing.

    Along the relation's axis the shapes are clear of each other; across it their centres are
    at most a third as far apart, so that no picture is both 'above' and 'left'.
    """
    reach = [MAX_EXTENT * radius + _MARGIN for radius in radii]
    # Positions along the axis if the canonical first thing comes first; then the free room
    # is shared out at random before, between and after the two.
    order = (0, 1) if scene.relation in ("above", "left") else (1, 0)
    room = SIDE - 2 * sum(reach) - _GAP
    before, between = room * np.sort(rng.random(2))
    along = [0.0, 0.0]
    along[order[0]] = before + reach[order[0]]
    along[order[1]] = between + 2 * reach[order[0]] + _GAP + reach[order[1]]
    distance = abs(along[0] - along[1])
    middle = rng.uniform(max(reach), SIDE - max(reach))
    offset = rng.uniform(-1, 1) * distance / 6
    across = [
        float(np.clip(middle + sign * offset, extent, SIDE - extent))
        for sign, extent in zip((1, -1), reach, strict=True)
    ]
    pairs = list(zip(across, along, strict=True))
    if scene.relation in ("left", "right"):
        pairs = [(y, x) for x, y in pairs]
    return pairs[0], pairs[1]


def render(scene: Scene, seed: Sequence[int]) -> np.ndarray:
    """The picture as uint8 [32, 32, 3]; the same for the same scene and seed."""
    if not scene.is_drawable:
        raise ValueError(f"A picture needs the size of both things; got {scene}.")
    rng = np.random.default_rng(seed)
    things = (scene.first, scene.second)
    first, second = (float(rng.uniform(*RADIUS[thing.size])) for thing in things)
    radii = first, second
    canvas = background(SIDE, rng)
    for thing, centre, radius in zip(things, place(scene, radii, rng), radii, strict=True):
        canvas = with_thing(canvas, thing, centre, radius, rng)
    return with_noise(canvas, rng)


def background(side: int, rng: np.random.Generator) -> np.ndarray:
    """An empty canvas [side, side, 3]: one grey, slightly tinted."""
    tint = rng.uniform(*_GROUND) + rng.uniform(-_GROUND_TINT, _GROUND_TINT, 3)
    return np.broadcast_to(tint, (side, side, 3))


def with_thing(
    canvas: np.ndarray,
    thing: Thing,
    centre: tuple[float, float],
    radius: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """The square canvas [side, side, 3] with the thing on it, turned and tinted at random."""
    angle = rng.uniform(-_TILT, _TILT)
    alpha = coverage(thing.shape, centre, radius, angle, len(canvas))[..., None]
    colour = np.array(RGB[thing.colour]) + rng.uniform(-_COLOUR_SHIFT, _COLOUR_SHIFT, 3)
    return canvas * (1 - alpha) + colour * alpha


def with_noise(canvas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The canvas with noise, as uint8."""
    noisy = canvas + rng.normal(0.0, _NOISE, canvas.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    """The uint8 pixels [height, width, 3] as PNG bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def render_png(scene: Scene, seed: Sequence[int]) -> bytes:
    """The picture of `render` as PNG bytes."""
    return png(render(scene, seed))
