"""Questions about crowds: answers, uniqueness, balance, splits, determinism, what is drawn."""

from __future__ import annotations

import collections
import functools
import io
import itertools
import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from t2t_mm.problems.shapes import (
    crowd,
    crowd_picture,
    languages,
    picture,
    question_report,
    questions,
    trees,
    world,
)
from t2t_mm.problems.shapes.crowd import Crowd, Description, Placed
from t2t_mm.problems.shapes.world import Thing
from tests.problems.question_solver import solve

TRAIN, TEST = 3600, 720


@functools.cache
def drawn(split: str) -> tuple[questions.Question, ...]:
    return tuple(questions.examples(split, TRAIN if split == "train" else TEST, seed=5))


def everything() -> list[questions.Question]:
    return [one for split in world.SPLITS for one in drawn(split)]


def a_scene(*rows: str) -> Crowd:
    """'1 2 small red star' is a small red star in the second row, at the right."""
    placed = []
    for row in rows:
        y, x, *words = row.split()
        placed.append(Placed(int(y), int(x), Thing(*words)))
    return Crowd(tuple(placed))


SCENE = a_scene(
    "0 0 big red star",
    "0 2 small blue circle",
    "1 0 small red square",
    "2 0 small green star",
    "2 1 big white circle",
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("what color is the small star", "green"),
        ("what shape is the blue one", "circle"),
        ("what size is the red square", "small"),
        ("is there a big red one", "yes"),
        ("is there a red circle", "no"),
        ("how many purple ones are there", None),
        ("how many red ones are there", "2"),
        ("how many triangles are there", "0"),
        ("is the square the same color as the big star", "yes"),
        ("is the blue one the same shape as the green one", "no"),
        ("what color is left of the blue one", "red"),
        ("what shape is below the red square", "star"),
        ("where is the square seen from the green star", "above"),
        ("is the white one right of the green one", "yes"),
        ("is the green one right of the white one", "no"),
        ("is the square above the white one", None),  # in no relation
        ("what color is above the green star", None),  # there are two
        ("what color is the circle", None),
    ],
)
def test_the_solver_that_the_next_tests_rely_on(question: str, answer: str | None) -> None:
    if answer is None:
        with pytest.raises(ValueError, match=r"word|not one|no relation"):
            solve(SCENE, question)
    else:
        assert solve(SCENE, question) == answer


def test_every_answer_follows_from_scene_and_question() -> None:
    """The solver raises where a reference is not unique, so uniqueness is tested too."""
    for one in everything():
        assert solve(one.scene, one.question) == one.answer, one


def test_answers_and_types_are_the_declared_ones_and_all_occur() -> None:
    assert len(questions.ANSWERS) == len(set(questions.ANSWERS)) == 23
    assert {one.answer for one in everything()} == set(questions.ANSWERS)
    for split in world.SPLITS:
        counts = collections.Counter(one.type for one in drawn(split))
        assert set(counts) == set(questions.TYPES) and len(set(counts.values())) == 1


def test_questions_are_short_and_in_letters_that_the_vocabulary_is_built_over() -> None:
    """So `vocab.shapes`, which has a piece for each letter of its texts, spells no byte of them."""
    tellings = (languages.english, languages.german, languages.french, trees.tree)
    texts = (tell(scene) for tell in tellings for scene in world.scenes_of("train"))
    letters = set().union(*texts)
    for one in everything():
        assert len(one.question.split()) <= 12
        assert set(one.question) <= letters
        assert questions.type_of(one.question) == one.type


def test_a_question_of_no_type_is_refused() -> None:
    with pytest.raises(ValueError, match="no question of the shapes world is worded like 'why'"):
        questions.type_of("why")


def test_each_answer_of_a_type_is_about_as_frequent() -> None:
    by_type = collections.defaultdict(collections.Counter)
    for one in drawn("train"):
        by_type[one.type][one.answer] += 1
    for kind, counts in by_type.items():
        fair = sum(counts.values()) / len(counts)
        assert max(counts.values()) < fair + 5 * fair**0.5, (kind, counts)
        assert min(counts.values()) > fair - 5 * fair**0.5, (kind, counts)


def test_each_word_of_a_question_leaves_every_answer_as_likely() -> None:
    """Yes/no is 50/50 and colors are uniform also where the question says, e.g., 'star'."""
    seen = collections.defaultdict(collections.Counter)
    for one in drawn("train"):
        for word in set(one.question.split()):
            seen[one.type, word][one.answer] += 1
    for (kind, word), counts in seen.items():
        possible = {one.answer for one in drawn("train") if one.type == kind}
        total = sum(counts.values())
        if total < 40:
            continue
        fair = total / len(possible)
        spread = (fair * (1 - 1 / len(possible))) ** 0.5
        assert all(abs(counts[answer] - fair) < 5 * spread for answer in possible), (kind, word)


def test_blind_baselines_stay_near_chance() -> None:
    """Without the picture: chance. Without the question, its type told: at most a little more."""
    blind = question_report.blind_baselines(drawn("train"), drawn("test"))
    answers = collections.defaultdict(set)
    for one in drawn("train"):
        answers[one.type].add(one.answer)
    for kind, possible in answers.items():
        chance = 1 / len(possible)
        noise = (chance * (1 - chance) / (TEST / len(questions.TYPES))) ** 0.5
        for name in ("majority", "string", "words"):
            assert blind[name][kind] < chance + 4 * noise, (name, kind)
        assert blind["picture"][kind] < chance + 4 * noise + 0.05, kind
    assert max(row["all"] for row in blind.values()) < 0.42


def test_a_baseline_finds_what_there_is_to_find() -> None:
    """A bias in the words, or in the pictures, does not escape it."""
    biased = [one for one in drawn("train") if one.answer != "yes" or "red" in one.question]
    later = [one for one in drawn("test") if one.answer != "yes" or "red" in one.question]
    blind = question_report.blind_baselines(biased, later)
    assert blind["words"]["exists"] > 0.9
    crowded = [
        one for one in drawn("train") if (one.answer == "yes") == (len(one.scene.things) > 4)
    ]
    later = [one for one in drawn("test") if (one.answer == "yes") == (len(one.scene.things) > 4)]
    blind = question_report.blind_baselines(crowded, later)
    assert blind["picture"]["is_relation"] > 0.95
    assert blind["words"]["is_relation"] < 0.75


def test_accuracy_by_type_and_its_table() -> None:
    answered = [("size", "big", "big"), ("size", "big", "small"), ("count", "1", "1")]
    accuracies = question_report.accuracy_by_type(answered)
    assert accuracies == {"size": 0.5, "count": 1.0, "all": pytest.approx(2 / 3)}
    with pytest.raises(ValueError, match="there are no answers to score"):
        question_report.accuracy_by_type([])
    asked = [questions.Question(SCENE, kind, "", answer) for kind, answer, _ in answered]
    assert question_report.table({"model": accuracies}, asked).splitlines() == [
        "| type | questions | answers | model |",
        "|---|---|---|---|",
        "| size | 2 | 1 | 50.0 % |",
        "| count | 1 | 1 | 100.0 % |",
        "| all | 3 | 2 | 66.7 % |",
    ]


def test_scenes_keep_to_their_split_whatever_the_seed() -> None:
    for split in world.SPLITS:
        assert {one.scene.split for one in drawn(split)} == {split}
    seen = {s: {one.scene for one in drawn(s)} for s in world.SPLITS}
    other = {one.scene for one in questions.examples("train", 600, seed=6)}
    assert not (seen["train"] | other) & (seen["dev"] | seen["test"])
    assert not seen["dev"] & seen["test"]
    assert len(seen["train"]) > 0.99 * TRAIN  # scenes hardly ever come twice


def test_the_split_is_of_what_is_seen_and_of_nothing_else() -> None:
    assert [SCENE.split, Crowd(SCENE.placed[:4]).split] == ["train", "train"]
    crowds = [one.scene for one in drawn("train")]
    shifted = [Crowd(tuple(Placed(p.row, 2 - p.column, p.thing) for p in c.placed)) for c in crowds]
    shares = collections.Counter(c.split for c in shifted)
    assert shares["dev"] / TRAIN == pytest.approx(0.07, abs=0.015)
    assert shares["test"] / TRAIN == pytest.approx(0.07, abs=0.015)


def test_an_example_depends_on_split_index_and_seed_alone() -> None:
    first = list(questions.examples("dev", 40, seed=1))
    assert first == list(questions.examples("dev", 60, seed=1))[:40]
    assert questions.example("dev", 17, seed=1) == first[17]
    assert first != list(questions.examples("dev", 40, seed=2))
    assert [one.type for one in first[:12]] != [one.type for one in first[12:24]]
    with pytest.raises(ValueError, match="has no split 'valid'; it has train, dev, test"):
        questions.example("valid", 0, seed=1)


def test_scenes_have_four_to_six_things_in_cells_of_their_own() -> None:
    """In training, fewer too."""
    for split in world.SPLITS:
        counts = {len(one.scene.placed) for one in drawn(split)}
        assert counts == ({1, 2, 3, 4, 5, 6} if split == "train" else {4, 5, 6})
    for one in everything():
        cells = [placed.cell for placed in one.scene.placed]
        assert cells == sorted(set(cells)) and set(cells) <= set(crowd.CELLS)


def test_relations_of_cells() -> None:
    assert crowd.relation_of((0, 1), (2, 1)) == "above"
    assert crowd.relation_of((1, 2), (1, 1)) == "right"
    assert crowd.relation_of((0, 0), (1, 1)) is None
    assert crowd.relation_of((1, 1), (1, 1)) is None
    for cell, other in itertools.product(crowd.CELLS, crowd.CELLS):
        back = crowd.relation_of(other, cell)
        assert crowd.relation_of(cell, other) == (world.OPPOSITE[back] if back else None)


def test_values_are_spread_evenly_whatever_the_cast_says() -> None:
    """The star, which is small: whether more things are small or big does not follow."""
    rng = np.random.default_rng(0)
    star = Description(shape="star")
    majority = []
    for _ in range(400):
        cast = (star.with_(size="small"),)
        things = crowd.completed_crowd(cast, (star,), 5, rng, spread="size")
        sizes = collections.Counter(thing.size for thing in things)
        assert sorted(sizes.values()) == [2, 3] and things[0].size == "small"
        assert [thing.shape == "star" for thing in things] == [True, *[False] * 4]
        majority.append(sizes["small"] == 3)
    assert np.mean(majority) == pytest.approx(0.5, abs=0.1)
    colours = crowd.completed_crowd((Description(colour="red"),), (), 6, rng, spread="colour")
    assert sorted(thing.colour for thing in colours) == sorted(world.COLOURS)


def test_what_is_named_by_its_color_is_not_counted_among_the_colors() -> None:
    """Beside 'the red star' are five colors of six: red as often as any other."""
    rng = np.random.default_rng(0)
    star = Description(colour="red", shape="star")
    reds = []
    for _ in range(400):
        answer = Description(colour="blue")
        _, named, *others = things = crowd.completed_crowd(
            (answer, star), (star,), 6, rng, "colour"
        )
        assert (named.colour, named.shape) == ("red", "star")
        assert len({thing.colour for thing in things if thing is not named}) == 5
        reds.append(any(thing.colour == "red" for thing in others))
    assert np.mean(reds) == pytest.approx(0.8, abs=0.08)


def inked_pixels(pixels: np.ndarray) -> np.ndarray:
    """A mask [48, 48] of the pixels that are clearly not ground: far from the median."""
    ground = np.median(pixels.reshape(-1, 3), 0)
    return np.abs(pixels.astype(float) - ground).max(-1) > 30


def areas() -> dict[str, float]:
    """Area of each shape at radius 1."""
    found = {"circle": np.pi}
    for shape, outline in picture.OUTLINES.items():
        x, y = outline.T
        found[shape] = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    return found


def test_a_thing_is_where_it_should_be_and_has_its_color_and_size() -> None:
    names, colours = list(picture.RGB), np.array(list(picture.RGB.values()), float)
    for index, one in enumerate(drawn("dev")[:150]):
        pixels = crowd_picture.render(one.scene, (0, index)).astype(float)
        ground = np.median(pixels.reshape(-1, 3), 0)
        inked = inked_pixels(pixels)
        occupied = {placed.cell: placed.thing for placed in one.scene.placed}
        for cell in crowd.CELLS:
            window = tuple(slice(16 * i, 16 * i + 16) for i in cell)
            assert inked[window].any() == (cell in occupied)
            if cell not in occupied:
                continue
            thing = occupied[cell]
            colour = np.median(pixels[window][inked[window]], 0)
            nearest = np.abs(colour - colours).sum(1).argmin()
            assert names[nearest] == thing.colour, (one, cell)
            # How much of each pixel is covered, by how far it is from ground to the colour.
            way = colours[nearest] - ground
            covered = ((pixels[window] - ground) @ way / (way @ way)).sum()
            radius = (covered / areas()[thing.shape]) ** 0.5
            assert (radius > 4.2) == (thing.size == "big"), (one, cell, radius)


def test_things_stay_a_pixel_apart_and_rows_apart_from_one_another() -> None:
    reach = picture.MAX_EXTENT * crowd_picture.RADIUS["big"][1] + crowd_picture.STRAY
    assert crowd_picture.CELL - 2 * reach >= 1.0
    # The rule for two things: across the axis, centres are at most a third as far apart.
    across, along = 2 * crowd_picture.STRAY, crowd_picture.CELL - 2 * crowd_picture.STRAY
    assert across <= along / 3
    # Things on a diagonal, or a knight's move apart, never look like a row or a column.
    assert along > (2 * crowd_picture.CELL + across) / 3
    for index, one in enumerate(drawn("test")[:200]):
        inked = inked_pixels(crowd_picture.render(one.scene, (1, index)))
        for border in (inked[[15, 16, 31, 32]], inked[:, [15, 16, 31, 32]].T):
            assert not (border[0] & border[1]).any() and not (border[2] & border[3]).any()


def test_any_big_thing_covers_more_than_any_small_one() -> None:
    small, big = crowd_picture.RADIUS["small"], crowd_picture.RADIUS["big"]
    covered = areas().values()
    assert min(covered) * big[0] ** 2 > max(covered) * small[1] ** 2


def test_same_seed_same_bytes_and_another_seed_another_picture() -> None:
    scene = drawn("dev")[0].scene
    first = questions.render_png(scene, (1, 2, 3))
    assert questions.render_png(scene, (1, 2, 3)) == first
    assert questions.render_png(scene, (1, 2, 4)) != first
    drawing = functools.partial(questions.render_png, scene, (1, 2, 3))  # as a worker gets it
    assert pickle.loads(pickle.dumps(drawing))() == first
    decoded = np.asarray(Image.open(io.BytesIO(first)))
    assert decoded.dtype == np.uint8 and decoded.shape == (questions.SIDE, questions.SIDE, 3)
    np.testing.assert_array_equal(decoded, crowd_picture.render(scene, (1, 2, 3)))


def test_the_benchmark_prints_a_column_of_answers_from_a_file(tmp_path) -> None:
    asked = list(questions.examples("test", 24, seed=0))
    lines = [f"{one.question}\t{one.answer}\t{one.answer}\n" for one in asked]
    (tmp_path / "answers.tsv").write_text("".join(lines), encoding="utf-8")
    command = [sys.executable, "benchmarks/question_baselines.py", "--train=240", "--test=24"]
    command.append(f"--answers={tmp_path}/answers.tsv")
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    head, _, *rows = printed.splitlines()
    assert head == "| type | questions | answers | model | majority | string | words | picture |"
    assert all("| 100.0 % |" in row for row in rows) and len(rows) == 13
