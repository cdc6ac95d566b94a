"""What kinds the problems declare; numbers and tags from prepared TFDS data and original files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from t2t_mm.errors import DataError
from t2t_mm.kinds import Audio, Image, Kind, Label, Number, Tags, Text, Tree
from t2t_mm.lookup import find_problem, find_problems
from t2t_mm.problem import (
    Image2ClassProblem,
    Image2TextProblem,
    Problem,
    QuestionProblem,
    Speech2TextProblem,
    Text2ClassProblem,
    Text2NumberProblem,
    Text2SelfProblem,
    Text2TagsProblem,
    Text2TextProblem,
    Text2TreeProblem,
)
from t2t_mm.problems.shapes import languages, world
from t2t_mm.problems.tagging import iob2
from t2t_mm.registry import PROBLEMS, VOCABULARIES
from tests.data.tfds_folders import prepared
from tests.problems.named import SENTENCES, made
from tests.problems.recordings import write

OWN = Text("vocab.p")
SHAPES: dict[type[Problem], tuple[dict[str, Kind], Kind]] = {
    Text2TextProblem: ({"inputs": OWN}, OWN),
    Text2SelfProblem: ({"inputs": Text("vocab.p", absent=True)}, OWN),
    Text2TreeProblem: ({"inputs": OWN}, Tree("vocab.p")),
    Text2ClassProblem: ({"inputs": OWN}, Label((), "p")),
    Text2NumberProblem: ({"inputs": OWN}, Number(-1.0, 1.0)),
    Text2TagsProblem: ({"inputs": OWN}, Tags((), "p", vocabulary="vocab.p")),
    Image2ClassProblem: ({"inputs": Image(32, flip=True)}, Label((), "p")),
    Image2TextProblem: ({"inputs": Image(32)}, OWN),
    Speech2TextProblem: ({"inputs": Audio(16_000)}, OWN),
    QuestionProblem: ({"inputs": Image(64), "question": OWN}, Label((), "p", of_several=True)),
}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_the_kinds_of_each_shape(shape: type[Problem]) -> None:
    inputs, targets = SHAPES[shape]
    kinds = shape("p").kinds
    assert kinds == {**inputs, "targets": targets}
    assert list(kinds) == [*inputs, "targets"]


def test_what_is_read_in_words() -> None:
    problems = {shape: shape("p") for shape in SHAPES}
    assert problems[QuestionProblem].source == "image + text"
    assert problems[Text2SelfProblem].source == "nothing"
    reversible = {shape for shape, problem in problems.items() if problem.reversible}
    assert reversible == {Text2TextProblem, Text2TreeProblem}


OURS = sorted(name for name in PROBLEMS if find_problem(name).__module__.startswith("t2t_mm."))


@pytest.mark.parametrize("name", OURS)
def test_every_registered_problem_declares_whole_kinds(name: str) -> None:
    problem = find_problem(name)
    assert {kind.missing() for kind in problem.kinds.values()} == {None}
    assert all(vocabulary in VOCABULARIES for vocabulary in problem.text_vocabularies)
    assert problem.targets.with_labels(problem.labels).has_labels == bool(problem.label_names)


def test_trees_are_trees() -> None:
    names = ("parsing_shapes", "parsing_english_ptb8k", "parsing_english_ptb16k", "wsj_parsing")
    for problem in map(find_problem, names):
        assert (problem.source, problem.targets.name) == ("text", "tree")
        assert isinstance(problem.rev().inputs, Tree)
        assert type(problem.rev().targets) is Text
        assert problem.copy().targets.name == problem.copy().inputs.name == "tree"


# STS-B.

PAIRS = {part: [(f"{part} {s}", f"so {s}", i * 0.2) for i, s in enumerate(SENTENCES[:n])]
         for part, n in (("train", 20), ("dev", 8))}  # fmt: skip
TABLE = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore"


def check_stsb(examples: dict[str, Any]) -> None:
    for part, pairs in PAIRS.items():
        wanted = sorted((f"{a} ||| {b}", f"{score:.6g}") for a, b, score in pairs)
        assert sorted((e["inputs"], e["targets"]) for e in examples[part]) == wanted


def test_stsb_from_tfds(tmp_path: Path) -> None:
    splits = {
        name: [dict(zip(("sentence1", "sentence2", "label"), p, strict=True)) for p in PAIRS[part]]
        for name, part in (("train", "train"), ("validation", "dev"))
    }
    prepared(tmp_path / "tfds", "glue", "2.0.0", splits, "stsb")
    manifest, examples = made("stsb", tmp_path)
    assert manifest.origin == "TFDS glue/stsb:2.0.0"
    assert {key: manifest.features["targets"][key] for key in ("kind", "low", "high")} == {
        "kind": "number",
        "low": 0.0,
        "high": 5.0,
    }
    check_stsb(examples)


def test_stsb_from_its_tables(tmp_path: Path) -> None:
    for part, pairs in PAIRS.items():
        rows = [f"{i}\tg\tf\ty\t0\ts\ts\t{a}\t{b}\t{n:.3f}\n" for i, (a, b, n) in enumerate(pairs)]
        rows += ["a\tmalformed\trow\n"] * (part == "train")
        write(tmp_path / "raw" / "STS-B" / f"{part}.tsv", "".join([f"{TABLE}\n", *rows]))
    manifest, examples = made("stsb", tmp_path)
    assert manifest.left_out("train") == {"malformed row": 1}
    check_stsb(examples)


@pytest.mark.parametrize(
    ("score", "sentence"),
    [
        ("high", "has the score 'high', not a number."),
        ("5.5", "targets must lie between 0 and 5, got 5.5"),
    ],
)
def test_scores_of_stsb_that_are_none(tmp_path: Path, score: str, sentence: str) -> None:
    for part in PAIRS:
        rows = f"{TABLE}\n0\tg\tf\ty\t0\ts\ts\ta\tb\t{score}\n"
        write(tmp_path / "raw" / "STS-B" / f"{part}.tsv", rows)
    with pytest.raises(DataError, match=sentence):
        made("stsb", tmp_path)


def test_the_vocabulary_of_glue_is_the_one_that_it_had_before_stsb() -> None:
    assert "stsb" in {problem.name for problem in find_problems("glue")}
    read = VOCABULARIES.get("vocab.glue").problems
    assert "stsb" not in read and len(read) == len(find_problems("glue")) - 1


# Named entities.

# fmt: off
WORDS = [
    "EU", "rejects", "German", "call", ".", "Peter", "Blackburn", "saw", "New", "York", "City",
    "yesterday",
]
ENTITIES = [
    "B-ORG", "O", "B-MISC", "O", "O", "B-PER", "I-PER", "O", "B-LOC", "I-LOC", "I-LOC", "O",
]
IOB1 = [
    "I-ORG", "O", "I-MISC", "O", "O", "I-PER", "I-PER", "O", "I-LOC", "I-LOC", "I-LOC", "O",
]
# fmt: on
SHARE = {"train": 12, "dev": 7, "test": 3}  # words of the sentence


def check_entities(examples: dict[str, Any]) -> None:
    for part, count in SHARE.items():
        wanted = (" ".join(WORDS[:count]), " ".join(ENTITIES[:count]))
        assert [(e["inputs"], e["targets"]) for e in examples[part]] == [wanted] * 2, part


def test_conll_from_tfds(tmp_path: Path) -> None:
    labels = {"ner": find_problem("ner_conll2003").labels}
    splits = {
        part: [
            *[{"tokens": WORDS[:count], "ner": ENTITIES[:count]}] * 2,
            {"tokens": [], "ner": []},  # TFDS ends each part with an example of no words
        ]
        for part, count in SHARE.items()
    }
    prepared(tmp_path / "tfds", "conll2003", "1.0.0", splits, "conll2003", labels)
    manifest, examples = made("ner_conll2003", tmp_path)
    assert manifest.left_out("train") == {"empty": 1}
    check_entities(examples)


@pytest.mark.parametrize("names", [("eng.train", "eng.testa", "eng.testb"),
                                   ("train.txt", "valid.txt", "test.txt")])  # fmt: skip
@pytest.mark.parametrize("scheme", [IOB1, ENTITIES], ids=["IOB1", "IOB2"])
def test_conll_from_its_files(tmp_path: Path, names: tuple[str, ...], scheme: list[str]) -> None:
    for name, count in zip(names, SHARE.values(), strict=True):
        rows = zip(WORDS[:count], scheme, strict=False)
        sentence = "".join(f"{word} NN I-NP {tag}\n" for word, tag in rows)
        write(
            tmp_path / "raw" / name,
            f"-DOCSTART- -X- O O\n\n{sentence}\n\n-DOCSTART- -X- O O\n\n{sentence}",
        )
    _, examples = made("ner_conll2003", tmp_path)
    check_entities(examples)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("word\n", "train.txt, line 1 has one column; give a word and its tag."),
        ("word B-THING\n", "targets has the unknown tag 'B-THING'; allowed are O, B-PER, I-PER, "),
    ],
)
def test_rows_of_conll_that_are_none(tmp_path: Path, row: str, sentence: str) -> None:
    for name in ("train.txt", "valid.txt", "test.txt"):
        write(tmp_path / "raw" / name, row)
    with pytest.raises(DataError) as error:
        made("ner_conll2003", tmp_path)
    assert sentence in str(error.value)


def test_neighbors_of_one_type_stay_two_entities() -> None:
    # IOB1 writes B only where an entity begins right after another one of its type.
    assert iob2(["I-PER", "B-PER", "I-PER", "O", "I-LOC", "I-ORG"]) == (
        ["B-PER", "B-PER", "I-PER", "O", "B-LOC", "B-ORG"]
    )
    assert iob2(ENTITIES) == ENTITIES and iob2([]) == []


# Tags of the shapes world.


def test_tags_of_shapes_name_the_words_of_things_and_relations() -> None:
    scenes = list(world.sample_scenes("train", 200, 0, salt="tags"))
    for scene in scenes:
        words, tags = languages.english(scene).split(), languages.english_tags(scene).split()
        assert len(words) == len(tags)
        spans: list[tuple[str, list[str]]] = []
        for word, tag in zip(words, tags, strict=True):
            if tag.startswith("B-"):
                spans.append((tag[2:], [word]))
            elif tag.startswith("I-"):
                assert spans[-1][0] == tag[2:]
                spans[-1][1].append(word)
            else:
                assert word == "is"
        assert [(kind, " ".join(span)) for kind, span in spans] == [
            ("THING", languages.english_phrase(scene.first)),
            ("RELATION", languages.ENGLISH_RELATIONS[scene.relation]),
            ("THING", languages.english_phrase(scene.second)),
        ]
    problem = find_problem("tagging_shapes")
    assert {tag for scene in scenes for tag in languages.english_tags(scene).split()} <= set(
        problem.labels
    )
    assert problem.targets.vocabulary is None  # known beside the inputs alone
    assert problem.kinds["targets"].vocabulary == "vocab.shapes"
