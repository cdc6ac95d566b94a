"""Scenes: how many, which split, and how they are drawn at random."""

from __future__ import annotations

import itertools

import pytest

from t2t_mm.problems.shapes import world
from t2t_mm.problems.shapes.world import Scene, Thing

A = Thing("small", "red", "circle")
B = Thing("big", "blue", "square")


def test_there_are_as_many_scenes_as_the_counting_says():
    # 90 things; of the 90 in second place, a sized one excludes itself and the unsized one of its
    # kind (60 x 2), an unsized one excludes its whole kind (30 x 3).
    assert len(world.all_things()) == 90
    assert len(world.all_scenes()) == 4 * (90 * 90 - 60 * 2 - 30 * 3)
    assert len(set(world.all_scenes())) == len(world.all_scenes())


def test_things_that_a_sentence_cannot_tell_apart_make_no_scene():
    scenes = set(world.all_scenes())
    small, big, unsaid = (Thing(size, "red", "star") for size in ("small", "big", None))
    assert Scene(small, "above", big) in scenes
    assert Scene(small, "above", small) not in scenes
    assert Scene(small, "above", unsaid) not in scenes


@pytest.mark.parametrize(
    ("scene", "canonical"),
    [
        (Scene(A, "above", B), Scene(A, "above", B)),
        (Scene(A, "below", B), Scene(B, "above", A)),
        (Scene(A, "left", B), Scene(A, "left", B)),
        (Scene(A, "right", B), Scene(B, "left", A)),
    ],
)
def test_canonical(scene, canonical):
    assert scene.canonical() == canonical
    assert scene.inverse().canonical() == canonical
    assert scene.inverse().inverse() == scene


def test_larger_is_defined_only_where_sizes_differ():
    assert Scene(A, "above", B).larger == B
    assert Scene(B, "above", A).larger == B
    assert Scene(A, "above", Thing("small", "blue", "square")).larger is None
    assert Scene(A, "above", Thing(None, "blue", "square")).larger is None


def test_splits_are_disjoint_for_either_telling_of_a_scene():
    parts = {
        split: {scene.canonical() for scene in world.scenes_of(split)} for split in world.SPLITS
    }
    for one, other in itertools.combinations(world.SPLITS, 2):
        assert not parts[one] & parts[other]
    assert sum(len(world.scenes_of(split)) for split in world.SPLITS) == len(world.all_scenes())
    for split in world.SPLITS:
        assert {s.inverse() for s in world.scenes_of(split)} == set(world.scenes_of(split))


def test_split_sizes_leave_enough_to_test_on():
    sizes = {split: len(world.scenes_of(split)) for split in world.SPLITS}
    assert sizes == {"train": 27200, "dev": 2126, "test": 2234}


def test_sampling_repeats_only_with_seed_and_salt():
    def draw(seed, salt):
        return list(world.sample_scenes("train", 50, seed, salt))

    assert draw(1, "a") == draw(1, "a")
    assert draw(1, "a") != draw(2, "a")
    assert draw(1, "a") != draw(1, "b")


def test_no_scene_repeats_before_all_have_come():
    pool = world.scenes_of("dev")
    drawn = list(world.sample_scenes("dev", 2 * len(pool) + 3, seed=1))
    assert set(drawn[: len(pool)]) == set(pool)
    assert set(drawn[len(pool) : 2 * len(pool)]) == set(pool)
    assert drawn[: len(pool)] != drawn[len(pool) : 2 * len(pool)]
    assert len(drawn) == 2 * len(pool) + 3


def test_keep_chooses_scenes():
    drawn = list(world.sample_scenes("test", 100, 1, keep=lambda scene: scene.relation == "left"))
    assert {scene.relation for scene in drawn} == {"left"}


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match="no split 'valid'; it has train, dev, test"):
        world.scenes_of("valid")
