"""What --decode_from_file can name: lines, lists, folders, tables; and what is wrong with them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from t2t_mm.decoding.input_files import (
    first_name,
    is_table,
    read_inputs,
    read_scored,
    read_table,
)
from t2t_mm.decoding.inputs import stored_inputs
from t2t_mm.errors import DataError, UnknownNameError, UserError
from t2t_mm.kinds import Audio, Image, Kind, Text
from t2t_mm.problem import Task
from tests.decoding.decoding_run import VOCABULARY, png, wav

TEXT = Text(VOCABULARY)


def task(name: str, spec: Kind) -> Task:
    return Task(name, name, spec, TEXT, "c")


WORDS = task("words", TEXT)
PICTURES = task("pictures", Image(16))
SOUNDS = task("sounds", Audio(8000))
TASKS = {one.name: one for one in (WORDS, PICTURES, SOUNDS)}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A working directory with pictures and sounds, and a folder lists/ in it."""
    monkeypatch.chdir(tmp_path)
    Path("lists").mkdir()
    for name in ("a.png", "lists/b.JPG", "lists/c.png", "lists/naked"):
        Path(name).write_bytes(png(0))
    Path("lists/s.wav").write_bytes(wav(0))
    return tmp_path


def raws(asked) -> list[str]:
    return [str(one.raw) for one in asked]


def test_lines_of_text(folder):
    Path("in.txt").write_text("a\nb\n")
    asked = read_inputs(WORDS, "in.txt")
    assert [(one.raw, one.place, one.task.name) for one in asked] == [
        ("a", "line 1 of in.txt", "words"),
        ("b", "line 2 of in.txt", "words"),
    ]


def test_pictures(folder):
    """One, several by comma, a list relative to itself, one without a suffix, and folders."""
    Path("lists/list.txt").write_text("b.JPG\na.png\n")
    names = {
        "a.png": ["a.png"],
        "a.png, lists/b.JPG": ["a.png", "lists/b.JPG"],
        "lists/naked": ["lists/naked"],
        "lists/list.txt": ["lists/b.JPG", "a.png"],
        "lists": ["lists/b.JPG", "lists/c.png"],  # not s.wav, and by name
        "lists/": ["lists/b.JPG", "lists/c.png"],
        "a.png,lists": ["a.png", "lists/b.JPG", "lists/c.png"],
    }
    for where, expected in names.items():
        assert raws(read_inputs(PICTURES, where)) == expected
    assert raws(read_inputs(SOUNDS, "lists")) == ["lists/s.wav"]
    place = read_inputs(PICTURES, "lists/list.txt")[1].place
    assert place == "the image a.png (line 2 of lists/list.txt)"


def test_standard_input(folder, monkeypatch):
    def given(content: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    given("ä b\nc\n".encode())
    asked = read_inputs(WORDS, "-")
    assert [(one.raw, one.place) for one in asked] == [
        ("ä b", "line 1 of standard input"),
        ("c", "line 2 of standard input"),
    ]
    given(b"lists/c.png\n")
    assert raws(read_inputs(PICTURES, "-")) == ["lists/c.png"]
    given(b"")
    with pytest.raises(DataError, match="^standard input is empty; give it one input a line"):
        read_inputs(WORDS, "-")


def test_a_table_mixes_problems(folder):
    Path("lists/mixed.tsv").write_text("words\tred dog\npictures\tb.JPG\nsounds\tlists/s.wav\n")
    asked = read_table(TASKS, "lists/mixed.tsv")
    assert [(one.task.name, one.raw) for one in asked] == [
        ("words", "red dog"),
        ("pictures", "lists/b.JPG"),  # relative to the table
        ("sounds", "lists/s.wav"),  # relative to the working directory
    ]
    assert asked[1].place == "the image lists/b.JPG (line 2 of lists/mixed.tsv)"
    assert is_table("a.TSV", None)
    assert not is_table("a.tsv", "words")
    assert not is_table("a.txt", None)


def test_inputs_with_targets(folder):
    Path("scored.txt").write_text("red dog\tRED DOG\nred\t\n")
    one, nothing = read_scored(WORDS, "scored.txt")
    assert (one.raw, one.target) == ("red dog", "RED DOG")
    assert (nothing.raw, nothing.target) == ("red", "")
    Path("scored.tsv").write_text("pictures\ta.png\ta dog\nwords\tx\ty\n")
    asked = read_table(TASKS, "scored.tsv", with_targets=True)
    assert [(o.task.name, o.raw, o.target) for o in asked] == [
        ("pictures", "a.png", "a dog"),
        ("words", "x", "y"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("words\ta\nword\tb\n", "unknown problem of this model 'word' (from line 2 of t.tsv); did"),
        ("words\ta\nb\n", "line 2 of t.tsv has 1 column; write it as problem<TAB>input."),
        ("words\ta\tb\n", "line 1 of t.tsv has 3 columns; write it as problem<TAB>input."),
        ("words\t \n", "line 1 of t.tsv has an empty input; write it as problem<TAB>input."),
    ],
)
def test_bad_tables(folder, content, message):
    Path("t.tsv").write_text(content)
    with pytest.raises((DataError, UnknownNameError)) as error:
        read_table(TASKS, "t.tsv")
    assert str(error.value).startswith(message)


def test_a_comma_list_longer_than_a_files_name(folder):
    where = ",".join(["a.png"] * 60)
    assert raws(read_inputs(PICTURES, where)) == ["a.png"] * 60
    assert first_name(where) == Path("a.png")


def test_a_line_that_is_no_path(folder):
    """A text given by mistake to a problem of pictures; and a "~" before no user's name."""
    Path("list.txt").write_text("long text " * 40 + "\n~x.png\n")
    text, home = read_inputs(PICTURES, "list.txt")
    with pytest.raises(DataError, match=r"cannot be read \(File name too long\); check the path"):
        stored_inputs(text.raw, PICTURES, {})
    with pytest.raises(DataError, match=r"~x.png cannot be read \(No such file or directory\)"):
        stored_inputs(home.raw, PICTURES, {})
    with pytest.raises(DataError, match=r"cannot be read \(File name too long\)"):
        read_inputs(WORDS, "x" * 300)
    with pytest.raises(DataError, match=r"cannot be read \(embedded null byte\)"):
        stored_inputs("a\0.png", PICTURES, {})


def test_bad_places(folder):
    Path("empty").mkdir()
    with pytest.raises(DataError, match=r"^the folder empty holds no image \(a file that ends in "):
        read_inputs(PICTURES, "empty")
    with pytest.raises(DataError, match="^the folder empty holds no sound"):
        read_inputs(SOUNDS, "empty")
    with pytest.raises(DataError, match="^lists is a folder; give a text file"):
        read_inputs(WORDS, "lists")
    with pytest.raises(UserError, match="--decode_from_file names no file"):
        read_inputs(PICTURES, " ,")


def test_where_answers_go(folder):
    assert first_name("a.png") == Path("a.png")
    assert first_name("a.png, lists/b.JPG") == Path("a.png")
    assert first_name("lists/") == Path("lists")
    assert first_name(".") == Path(os.getcwd())
