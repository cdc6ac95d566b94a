"""The eight problems: what they yield, that targets are functions of inputs, that nothing leaks."""

from __future__ import annotations

import collections
import inspect
import io
import itertools
import math
import pickle
import subprocess
import sys
from pathlib import Path

import PIL.Image
import pytest

from t2t_mm import registry
from t2t_mm.lookup import find_problem, find_problems
from t2t_mm.problem import Split
from t2t_mm.problems.shapes import languages, questions, tasks, world

EIGHT = (
    "caption_shapes",
    "image_shapes",
    "parsing_shapes",
    "speech_shapes",
    "translate_ende_shapes",
    "translate_ende_shapes_rev",
    "translate_enfr_shapes",
    "translate_enfr_shapes_rev",
)
BASES = tuple(name for name in EIGHT if not name.endswith("_rev"))
SENTENCES = {languages.english(scene): scene for scene in world.all_scenes()}


def samples(name: str, split: Split = Split.TRAIN, seed: int = 11) -> list[dict]:
    return list(find_problem(name).generate_samples(split, Path("unused"), seed))


def scenes(name: str, split: Split) -> set[world.Scene]:
    """The scenes behind a problem's examples."""
    found = set()
    for sample in samples(name, split):
        value = sample["inputs"]
        spoken = value if isinstance(value, str) else value.args[0]
        found.add(SENTENCES.get(spoken, spoken).canonical())
    return found


def test_the_mixture_is_the_eight():
    assert [problem.name for problem in find_problems("shapes8")] == list(EIGHT)


def test_text_shares_one_vocabulary_built_over_all_text_problems():
    spec = registry.VOCABULARIES.get("vocab.shapes")
    texts = set()
    for problem in find_problems("shapes8"):
        for kind in problem.kinds.values():
            if kind.text_vocabulary:
                assert kind.text_vocabulary == spec.name
                texts.add(problem.data_name)
    assert set(spec.problems) == texts


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("image_shapes", "to_label"),
        ("caption_shapes", "to_english"),
        ("speech_shapes", "to_english"),
        ("parsing_shapes", "to_parse_tree"),
        ("translate_ende_shapes", "to_german"),
        ("translate_ende_shapes_rev", "to_english"),
        ("translate_enfr_shapes", "to_french"),
        ("translate_enfr_shapes_rev", "to_english"),
    ],
)
def test_commands(name, command):
    assert find_problem(name).command == command


@pytest.mark.parametrize("name", BASES)
def test_sizes_determinism_and_workers(name):
    assert [len(samples(name, split)) for split in Split] == [8000, 500, 500]
    first, again, other = (samples(name, Split.DEV, seed)[:5] for seed in (11, 11, 12))
    assert [_made(s) for s in first] == [_made(s) for s in again]
    assert [_made(s) for s in first] != [_made(s) for s in other]
    # A worker process gets the sample pickled and makes the same bytes of it.
    assert [_made(pickle.loads(pickle.dumps(s))) for s in first] == [_made(s) for s in first]


def _made(sample: dict) -> dict:
    return {key: value() if callable(value) else value for key, value in sample.items()}


def test_no_problem_trains_on_a_scene_that_any_problem_is_evaluated_on():
    seen = {split: set().union(*(scenes(name, split) for name in BASES)) for split in Split}
    assert not seen[Split.TRAIN] & (seen[Split.DEV] | seen[Split.TEST])
    assert not seen[Split.DEV] & seen[Split.TEST]


def test_problems_draw_different_scenes_from_one_seed():
    ende, enfr = samples("translate_ende_shapes"), samples("translate_enfr_shapes")
    assert [s["inputs"] for s in ende[:50]] != [s["inputs"] for s in enfr[:50]]


def test_translations_tell_one_scene_in_two_languages():
    for name, tell in (("ende", languages.german), ("enfr", languages.french)):
        for sample in samples(f"translate_{name}_shapes", Split.DEV):
            assert sample["targets"] == tell(SENTENCES[sample["inputs"]])


def test_labels_are_balanced_and_all_present_in_train():
    labels = find_problem("image_shapes").labels
    counts = collections.Counter(sample["targets"] for sample in samples("image_shapes"))
    assert set(counts) == set(labels) and len(labels) == 30
    assert min(counts.values()) > 0.7 * 8000 / 30 and max(counts.values()) < 1.3 * 8000 / 30


def test_label_names_the_larger_thing():
    small, big = world.Thing("small", "red", "circle"), world.Thing("big", "blue", "star")
    assert tasks.label_of(world.Scene(small, "above", big)) == "blue star"
    assert tasks.label_of(world.Scene(big, "above", small)) == "blue star"


def test_captions_are_canonical_and_list_both_tellings():
    for sample in samples("caption_shapes", Split.TEST):
        assert SENTENCES[sample["targets"]].is_canonical
        assert sample["references"][0] == sample["targets"]
        inverse = SENTENCES[sample["references"][1]].inverse()
        assert inverse == SENTENCES[sample["targets"]]


def test_pictures_are_not_mirrored_in_training():
    assert not find_problem("image_shapes").inputs.flip
    assert not find_problem("caption_shapes").inputs.flip


def test_the_language_model_has_each_sentence_of_a_split_once():
    told = {split: samples("languagemodel_shapes", split) for split in Split}
    assert [len(told[split]) for split in Split] == [27_200, 2_126, 2_234]
    assert {sample["inputs"] for split in Split for sample in told[split]} == {""}
    texts = [sample["targets"] for split in Split for sample in told[split]]
    assert len(texts) == len(set(texts)) == len(SENTENCES)
    for split in Split:
        assert {SENTENCES[s["targets"]].split for s in told[split]} == {split.value}
    assert samples("languagemodel_shapes", Split.DEV, 12) != told[Split.DEV]


def test_the_floor_of_the_language_model_is_as_its_docstring_says():
    nats = math.log(len(SENTENCES))
    test = samples("languagemodel_shapes", Split.TEST)
    words = sum(len(sample["targets"].split()) + 1 for sample in test) / len(test)
    told = inspect.getdoc(tasks.LanguagemodelShapes)
    for figure in (f"{nats:.2f} nats", f"{words:.2f}", f"of {math.exp(nats / words):.2f}."):
        assert figure in told


def test_the_language_model_shares_the_vocabulary_and_leaves_it_as_it_is():
    problem = find_problem("languagemodel_shapes")
    assert problem.targets.vocabulary == "vocab.shapes"
    assert problem.inputs.absent and not problem.reversible
    assert problem.name not in registry.VOCABULARIES.get("vocab.shapes").problems


def test_generating_needs_no_tensorflow():
    script = (
        "import sys; from t2t_mm.lookup import find_problems; from t2t_mm.problem import Split\n"
        "for problem in find_problems('shapes8'):\n"
        "    next(iter(problem.generate_samples(Split.DEV, None, 1)))\n"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_questions_are_asked_of_their_pictures():
    problem = find_problem("question_shapes")
    made = samples("question_shapes", Split.DEV)
    assert len(made) == 1_200 and set(made[0]) == {"inputs", "question", "targets"}
    asked = list(itertools.islice(questions.examples("dev", 1_200, 11), 24))
    assert [(one.question, one.answer) for one in asked] == [
        (sample["question"], sample["targets"]) for sample in made[:24]
    ]
    drawn = [PIL.Image.open(io.BytesIO(sample["inputs"]())) for sample in made[:4]]
    assert {one.size for one in drawn} == {(questions.SIDE, questions.SIDE)}
    assert {sample["targets"] for sample in made} == set(problem.labels)
    mirrored = find_problem("question_shapes").inputs["inputs"].flip
    assert not mirrored  # left would become right


def test_nine_problems_share_the_vocabulary_of_eight():
    nine = {problem.name for problem in find_problems("shapes9")}
    assert nine == {*EIGHT, "question_shapes"}
    assert "question_shapes" not in registry.VOCABULARIES.get("vocab.shapes").problems
