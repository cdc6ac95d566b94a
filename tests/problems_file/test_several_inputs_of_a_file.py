"""Problems of several inputs in a problems file: what they yield, and the text of every mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from t2t_mm import lookup, problems_file
from t2t_mm.data.binding import bind
from t2t_mm.data.generation.api import generate
from t2t_mm.errors import UserError
from t2t_mm.kinds import Image, Label, Number, Text
from t2t_mm.problem import Split
from tests.data.datagen_toys import png
from tests.problems_file.written_files import samples

TABLE = """
[problems.vqa_mine]
kind = "{kind}"
format = "{format}"
targets = "answer"
{more}
train = {{ path = "{path}" {inner} }}
holdout = {{ dev = 0.3 }}
inputs.picture = {{ kind = "image", folder = "pictures", column = "file", image_size = 16 }}
inputs.question = {{ kind = "text" {text} }}
{end}
"""
LINES = [
    {"file": f"{number % 4}.png", "question": f"Is {number}\tin it ?", "answer": answer}
    for number, answer in enumerate(["yes", "no"] * 10)
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    for number in range(4):
        (tmp_path / "pictures" / f"{number}.png").write_bytes(png(0, number))
    lines = [json.dumps(line) for line in LINES]
    (tmp_path / "asked.jsonl").write_text("\n".join(lines) + "\n")
    rows = ["\t".join([*LINES[0]])]
    rows += ["\t".join(v.replace("\t", " ") for v in line.values()) for line in LINES]
    (tmp_path / "asked.tsv").write_text("\n".join(rows) + "\n")
    return tmp_path


def load(folder: Path, **changes: str) -> str:
    known = {"kind": "several2class", "format": "jsonl", "path": "asked.jsonl"}
    keys = dict.fromkeys(("more", "inner", "text", "end"), "")
    (folder / "my.toml").write_text(TABLE.format(**{**known, **keys, **changes}))
    return problems_file.load(folder / "my.toml")[0]


def fails(folder: Path, **changes: str) -> str:
    with pytest.raises(UserError) as error:
        load(folder, **changes)
    return str(error.value).replace(f"{folder}/", "")


@pytest.mark.parametrize("style", ["jsonl", "tsv"])
def test_rows_hold_every_input_by_its_name(folder: Path, style: str) -> None:
    problem = lookup.find_problem(load(folder, format=style, path=f"asked.{style}"))
    assert problem.inputs == {"picture": Image(16), "question": Text("vocab.vqa_mine")}
    assert problem.labels == ("no", "yes")
    found = {
        split: list(problem.generate_samples(split, folder, 0))
        for split in (Split.TRAIN, Split.DEV)
    }
    rows = [sample for split in found.values() for sample in split]
    assert sorted(row["question"] for row in rows) == sorted(
        line["question"].replace("\t", " ") for line in LINES
    )
    for row in rows:
        number = int(row["question"].split()[1])
        assert row["picture"]() == png(0, number % 4)
        assert row["targets"] == LINES[number]["answer"]


def test_all_questions_about_a_picture_are_on_one_side(folder: Path) -> None:
    problem = lookup.find_problem(load(folder, end="", more=""))
    sides = [
        {row["picture"]() for row in problem.generate_samples(split, folder, 0)}
        for split in (Split.TRAIN, Split.DEV)
    ]
    assert sum(map(len, sides)) == 4 and not sides[0] & sides[1]


def test_data_are_generated_and_bound(folder: Path) -> None:
    name = load(
        folder,
        more='vocabulary = "vocab.vqa"',
        end='[vocabularies."vocab.vqa"]\nsize = 340\n',
        inner=", lowercase = true",
    )
    problem = lookup.find_problem(name)
    generate([problem], folder / "data", tmp_dir=folder, num_workers=1, log=lambda line: None)
    task = bind(problem, folder / "data")
    assert list(task.inputs) == ["picture", "question"]
    assert task.inputs["question"].text_vocabulary == "vocab.vqa"
    assert task.targets.names == ("no", "yes") and task.targets.of_several


def test_numbers_and_classes_are_inputs_too(folder: Path) -> None:
    text = """
    [problems.price_mine]
    kind = "several2number"
    format = "csv"
    train = { path = "prices.csv" }
    targets = "price"
    high = 100.0
    inputs.of = { kind = "class", labels = ["flat", "house"] }
    inputs.rooms = { kind = "number", low = 0.0, high = 20.0 }
    """
    (folder / "prices.csv").write_text("of,rooms,price\nflat,2,30\nhouse,5,70.5\n")
    (folder / "my.toml").write_text(text)
    problem = lookup.find_problem(problems_file.load(folder / "my.toml")[0])
    assert problem.inputs == {
        "of": Label(("flat", "house"), "price_mine_of"),
        "rooms": Number(0.0, 20.0),
    }
    assert list(problem.generate_samples(Split.TRAIN, folder, 0)) == [
        {"of": "flat", "rooms": "2", "targets": "30"},
        {"of": "house", "rooms": "5", "targets": "70.5"},
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": "text2class"}, "inputs must be text"),
        ({"format": "text_lines"}, "format 'text_lines' does not give several inputs with label, "
         "which kind 'several2class' needs; these do: tsv, csv, jsonl."),
        ({"text": ", folder = \"x\""}, "inputs.question: the key 'folder' has no meaning "
         "for an input of kind 'text'."),
        ({"text": ", size = 3"}, "unknown key 'size' (from my.toml, "),
        ({"end": 'inputs.other = { kind = "video" }'}, "unknown kind 'video' (from my.toml, "),
        ({"end": 'inputs.other = { kind = "class" }'}, "inputs.other lacks the key 'labels'"),
        ({"end": 'inputs.targets = { kind = "text" }'}, "inputs.targets: an input's name is lower "
         'case snake_case, does not end in _length and is none of targets, references, index; '
         'rename it, and say column = "targets".'),
        ({"end": "inputs.n = { kind = \"number\", low = 3.0, high = 1.0 }"}, "inputs.n needs `low` "
         "below `high`."),
        ({"inner": ', inputs = "question"'}, "the columns of the inputs stand in the problem's"),
        ({"more": "image_size = 8"}, "the key 'image_size' has no meaning for kind"),
    ],
)  # fmt: skip
def test_a_mistake_is_a_sentence(folder: Path, changes: dict[str, str], sentence: str) -> None:
    found = fails(folder, **changes)
    assert sentence in found, found
    assert "\n" not in found


def test_one_input_alone_is_not_several(folder: Path) -> None:
    (folder / "my.toml").write_text(
        '[problems.x]\nkind = "several2class"\nformat = "tsv"\ntrain = { path = "a.tsv" }\n'
        'inputs.question = { kind = "text" }\n'
    )
    with pytest.raises(UserError, match="must name at least two inputs, got question"):
        problems_file.load(folder / "my.toml")


def test_a_missing_file_and_an_empty_text_are_named(folder: Path) -> None:
    problem = lookup.find_problem(load(folder))
    (folder / "pictures" / "3.png").unlink()
    with pytest.raises(UserError, match=r"asked.jsonl, line 4 names .*3.png, which is missing"):
        samples(problem.name, Split.TRAIN, folder)
    (folder / "asked.jsonl").write_text('{"file": "0.png", "question": " ", "answer": "no"}\n')
    with pytest.raises(UserError, match="line 1, question is empty"):
        for split in (Split.TRAIN, Split.DEV):
            samples(problem.name, split, folder)
