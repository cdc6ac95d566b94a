"""Targets of a problems file: labels, tags, numbers, trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_mm import lookup
from t2t_mm.data.binding import bind
from t2t_mm.data.generation.api import generate
from t2t_mm.errors import UserError
from t2t_mm.problem import Split
from tests.problems_file.written_files import load, pair, samples, write

TAGS = """
[problems.p]
kind = "text2tags"
format = "tsv"
train = {{ path = "t.tsv" }}
dev = {{ path = "d.tsv" }}
{labels}
"""


@pytest.mark.parametrize("labels", ["", 'labels = ["O", "B"]'])
def test_each_word_has_a_tag_among_the_labels(tmp_path: Path, labels: str) -> None:
    write(tmp_path, t_tsv="inputs\ttargets\na b c\tO B O\nd\tB\n", d_tsv="inputs\ttargets\na\tX\n")
    load(tmp_path, TAGS.format(labels=labels))
    problem = lookup.find_problem("p")
    assert set(problem.labels_at(tmp_path)) == {"O", "B"}
    assert [sample["targets"] for sample in samples("p")] == ["O B O", "B"]
    with pytest.raises(UserError, match="d.tsv, line 2 has the class 'X', which is not"):
        samples("p", Split.DEV)


def test_numbers_have_the_range_of_the_table(tmp_path: Path) -> None:
    write(tmp_path, t_tsv="inputs\ttargets\na\t2.5\n")
    source = 'train = { path = "t.tsv" }\nlow = 0\nhigh = 5'
    load(tmp_path, f'[problems.p]\nkind = "text2number"\nformat = "tsv"\n{source}')
    problem = lookup.find_problem("p")
    assert (problem.targets.low, problem.targets.high) == (0, 5)
    assert [problem.targets.check(sample["targets"]) for sample in samples("p")] == [[2.5]]
    assert problem.labels_at(tmp_path) == ()


def test_labels_are_found_or_given(tmp_path: Path) -> None:
    write(
        tmp_path,
        t_tsv="inputs\ttargets\na\tno\nb\tyes\nc\tno\n",
        d_tsv="inputs\ttargets\na\tmaybe\n",
    )
    table = """
    [problems.{name}]
    kind = "text2class"
    format = "tsv"
    {more}
    train = {{ path = "t.tsv" }}
    dev = {{ path = "d.tsv" }}
    """
    load(tmp_path, table.format(name="found", more=""))
    problem = lookup.find_problem("found")
    assert problem.labels == ("no", "yes")
    assert problem.targets.group == "found"
    with pytest.raises(UserError) as error:
        samples("found", Split.DEV)
    assert str(error.value).endswith(
        "dev: d.tsv, line 2 has the class 'maybe', which is not among the 2 labels of the training "
        "data; correct it, or write all classes into labels; or leave broken examples out with "
        "--skip_broken."
    )
    load(tmp_path, table.format(name="given", more='labels = ["yes", "no", "maybe"]'))
    assert lookup.find_problem("given").labels == ("yes", "no", "maybe")
    assert lookup.find_problem("given").targets.size == 3
    assert samples("given", Split.DEV) == [{"inputs": "a", "targets": "maybe"}]


def test_labels_are_found_where_generate_says_that_raw_data_are(tmp_path: Path) -> None:
    raw, data = tmp_path / "raw", tmp_path / "data"
    raw.mkdir()
    write(raw, t_tsv="inputs\ttargets\na b\tno\nc d\tyes\n")
    load(
        tmp_path,
        '[problems.p]\nkind = "text2class"\nformat = "tsv"\ntrain = {path = "t.tsv"}\nshards = 1',
    )
    problem = lookup.find_problem("p")
    generate([problem], data, tmp_dir=raw, num_workers=1, log=lambda line: None)
    assert bind(problem, data).targets.names == ("no", "yes")


def test_loading_does_not_need_the_data_and_labels_say_what_is_missing(tmp_path: Path) -> None:
    load(
        tmp_path,
        '[problems.p]\nkind = "image2class"\nformat = "class_folders"\ntrain = {path = "x"}',
    )
    with pytest.raises(
        UserError, match=r"\[problems.p\], labels: 'x' is not at .*/x; put it there"
    ):
        _ = lookup.find_problem("p").labels


def test_trees_from_tables_are_proved(tmp_path: Path) -> None:
    write(tmp_path, a_en=["The cat"], a_de=["( S  (NP The  cat ) )"])
    text = pair("lowercase = true").replace("text2text", "text2tree")
    load(tmp_path, text)
    assert samples("pair") == [{"inputs": "the cat", "targets": "(S (NP the cat))"}]
    write(tmp_path, a_de=["(S The"])
    with pytest.raises(UserError, match="train: a.de, line 1: line 1: a bracket that opens here"):
        samples("pair")
