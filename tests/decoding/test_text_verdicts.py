"""The decoder's input files get the verdicts that datagen gives."""

from __future__ import annotations

import bz2
import gzip
import logging
import unicodedata
from pathlib import Path

import pytest

from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.decoding.input_files import is_table, read_inputs, read_records, read_scored, read_table
from t2t_mm.decoding.inputs import read_lines
from t2t_mm.errors import DataError
from t2t_mm.kinds import Audio, Image, Kind, Text
from t2t_mm.problem import Task
from tests.decoding.decoding_run import VOCABULARY, png, wav

TEXT = Text(VOCABULARY)
PLAIN = b"one\tx\ntwo \xc3\xa9\ty\nthree\tz\n"
FORMS = {
    "plain": PLAIN,
    "marked": b"\xef\xbb\xbf" + PLAIN,
    "old Mac": PLAIN.replace(b"\n", b"\r"),
    "Windows": PLAIN.replace(b"\n", b"\r\n"),
    "gzip": gzip.compress(PLAIN),
    "bzip2": bz2.compress(PLAIN),
}
REFUSED = {
    "UTF-16": PLAIN.decode().encode("utf-16"),
    "zip": b"PK\x03\x04" + PLAIN,
    "zstd": b"\x28\xb5\x2f\xfd" + PLAIN,
    "mixed": PLAIN.replace(b"\n", b"\r") + b"\n",
    "latin-1": PLAIN.decode().encode("latin-1"),
    "zero": PLAIN.replace(b"two", b"t\0o"),
    "cut": gzip.compress(PLAIN)[:-5],
}


def task(kind: Kind) -> Task:
    return Task("p", "p", kind, TEXT, "c")


@pytest.mark.parametrize("form", FORMS)
def test_what_datagen_reads_the_decoder_reads(form: str, tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_bytes(FORMS[form])
    expected = ["one\tx", "two é\ty", "three\tz"]
    assert [line for _, line in numbered_lines(path)] == read_lines(path) == expected
    assert [(one.raw, one.target) for one in read_scored(task(TEXT), str(path))] == [
        ("one", "x"), ("two é", "y"), ("three", "z"),
    ]  # fmt: skip


@pytest.mark.parametrize("form", REFUSED)
def test_what_datagen_refuses_the_decoder_refuses(form: str, tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_bytes(REFUSED[form])
    with pytest.raises(DataError) as datagens:
        list(numbered_lines(path))
    with pytest.raises(DataError) as decoders:
        read_lines(path)
    said = [str(error.value) for error in (datagens, decoders)]
    place, other = f"{path}, line 2 ", f"line 2 of {path} "
    assert said[0].replace(place, "").replace(" after line 0", "") == said[1].replace(other, "")


def test_a_packed_table_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "mixed.tsv.gz"
    path.write_bytes(gzip.compress(b"p\tone\np\ttwo\n"))
    assert is_table(str(path), None) and not is_table(str(path), "p")
    assert [one.raw for one in read_table({"p": task(TEXT)}, str(path))] == ["one", "two"]
    several = Task("p", "p", {"a": TEXT, "b": TEXT}, TEXT, "c")
    path.write_bytes(b"\xef\xbb\xbfa\tb\r1\t2\r")
    assert [one.raw for one in read_records(several, str(path))] == [{"a": "1", "b": "2"}]


def test_a_packed_list_of_pictures_is_a_list(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(0))
    (tmp_path / "list").write_bytes(gzip.compress(b"a.png\n"))
    asked = read_inputs(task(Image(16)), str(tmp_path / "list"))
    assert [one.raw for one in asked] == [str(tmp_path / "a.png")]


def test_a_folder_tells_what_is_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.opus", "b.wav", "c.m4a", "notes.txt"):
        (tmp_path / name).write_bytes(wav(0))
    (tmp_path / "more").mkdir()
    with caplog.at_level(logging.WARNING, "t2t_mm"):
        asked = read_inputs(task(Audio(8000)), str(tmp_path))
    assert [Path(str(one.raw)).name for one in asked] == ["a.opus", "b.wav"]
    assert caplog.messages == [
        "files and folders that are no sounds by their endings are not read (3): "
        f"{tmp_path}/c.m4a; {tmp_path}/more; {tmp_path}/notes.txt"
    ]


def test_listed_files_are_found_in_any_form(tmp_path: Path) -> None:
    composed, other = "é.png", unicodedata.normalize("NFD", "é.png")
    (tmp_path / other).write_bytes(png(0))
    (tmp_path / "list").write_text(f"{composed}\n")
    (one,) = read_inputs(task(Image(16)), str(tmp_path / "list"))
    assert Path(str(one.raw)).read_bytes() == png(0)
    assert Image(16).read(str(tmp_path / composed), {}).value == png(0)
