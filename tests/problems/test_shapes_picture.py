"""Pictures: the right colour at the right place, and determinism."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from t2t_mm.problems.shapes import picture, world
from t2t_mm.problems.shapes.world import Scene, Thing

A = Thing("small", "red", "circle")
B = Thing("big", "blue", "square")


def drawable(count: int, seed: int = 0) -> list[Scene]:
    return list(world.sample_scenes("train", count, seed, keep=lambda scene: scene.is_drawable))


def pixels_of(pixels: np.ndarray, colour: str) -> np.ndarray:
    """Which pixels are nearer to that colour than to any other or to the ground: [32, 32]."""
    colours = [*picture.RGB.values(), (125, 125, 125)]
    distance = ((pixels[..., None, :].astype(float) - np.array(colours)) ** 2).sum(-1)
    return distance.argmin(-1) == list(picture.RGB).index(colour)


def centroid(mask: np.ndarray) -> np.ndarray:
    """Mean (x, y) of a mask, in pixels."""
    y, x = np.nonzero(mask)
    return np.array([x.mean(), y.mean()])


def test_colour_place_and_size_of_both_things_can_be_read_off():
    scenes = [s for s in drawable(400) if s.first.colour != s.second.colour]
    assert len(scenes) > 200
    for index, scene in enumerate(scenes):
        pixels = picture.render(scene, (0, index))
        masks = [pixels_of(pixels, thing.colour) for thing in (scene.first, scene.second)]
        assert min(mask.sum() for mask in masks) >= 8, scene
        dx, dy = centroid(masks[1]) - centroid(masks[0])
        told = {"above": dy, "below": -dy, "left": dx, "right": -dx}
        assert max(told, key=told.get) == scene.relation, (scene, dx, dy)
        if scene.larger is not None:
            larger = masks[0] if scene.larger == scene.first else masks[1]
            assert larger.sum() == max(mask.sum() for mask in masks), scene


def test_shapes_keep_clear_of_each_other_and_of_the_edge():
    for index, scene in enumerate(drawable(300, seed=1)):
        rng = np.random.default_rng(index)
        sizes = (scene.first.size, scene.second.size)
        radii = tuple(rng.uniform(*picture.RADIUS[size]) for size in sizes)
        centres = np.array(picture.place(scene, radii, rng))
        reach = picture.MAX_EXTENT * np.array(radii)[:, None]
        assert (centres - reach >= 0).all() and (centres + reach <= picture.SIDE).all()
        across, along = np.abs(centres[0] - centres[1])
        if scene.relation in ("left", "right"):
            across, along = along, across
        assert along >= reach.sum() + 1
        assert across <= along / 3 + 1e-9


@pytest.mark.parametrize("shape", world.SHAPES)
def test_coverage_has_the_area_of_the_outline(shape):
    radius = 5.8
    area = np.pi * radius**2
    if shape != "circle":
        x, y = radius * picture.OUTLINES[shape].T
        area = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    for angle in (0.0, 0.1):
        covered = picture.coverage(shape, (15.3, 16.1), radius, angle)
        assert covered.sum() == pytest.approx(area, rel=0.03)
        assert covered.min() == 0.0 and covered.max() == 1.0


def test_outlines_keep_within_their_extent_and_big_is_bigger_than_small():
    areas = [np.pi]
    for outline in picture.OUTLINES.values():
        assert np.hypot(*outline.T).max() <= picture.MAX_EXTENT + 1e-9
        x, y = outline.T
        areas.append(0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))
    largest_small = max(areas) * picture.RADIUS["small"][1] ** 2
    assert min(areas) * picture.RADIUS["big"][0] ** 2 > largest_small


def test_same_seed_same_bytes_and_another_seed_another_picture():
    scene = Scene(A, "above", B)
    first = picture.render_png(scene, (1, 2, 3))
    assert picture.render_png(scene, (1, 2, 3)) == first
    assert picture.render_png(scene, (1, 2, 4)) != first


def test_png_holds_exactly_the_rendered_pixels():
    scene = Scene(A, "left", B)
    decoded = np.asarray(Image.open(io.BytesIO(picture.render_png(scene, (5,)))))
    assert decoded.dtype == np.uint8 and decoded.shape == (32, 32, 3)
    np.testing.assert_array_equal(decoded, picture.render(scene, (5,)))


def test_a_thing_without_size_cannot_be_drawn():
    with pytest.raises(ValueError, match="needs the size of both things"):
        picture.render(Scene(Thing(None, "red", "star"), "above", B), (0,))
