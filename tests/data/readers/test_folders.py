"""Folders of files: each visited once, names in one form, what is not read told."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from t2t_mm.data.sources.readers import Roots, Row, Treebank
from t2t_mm.data.sources.readers.class_folders import ClassFolders
from t2t_mm.data.sources.readers.librispeech import LibriSpeech
from t2t_mm.data.sources.readers.selection import files_under, is_excluded, listing
from t2t_mm.errors import DataError
from t2t_mm.problem import Broken

ALL = ("",)


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def names(folder: Path) -> list[str]:
    return [name for name, _ in files_under(folder, ALL)]


def notes(reader: ClassFolders | LibriSpeech | Treebank, folder: Path) -> list[str]:
    return [str(note) for note in reader.notes(Roots((folder,)))]


def test_a_link_to_its_own_folder_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "set/cat/1.png", "set/dog/1.png", "other/1.png")
    os.symlink(".", tmp_path / "set" / "latest")
    os.symlink("..", tmp_path / "set" / "cat" / "up")
    os.symlink("../..", tmp_path / "set" / "dog" / "above")  # holds the whole source
    assert names(tmp_path / "set") == ["cat/1.png", "dog/1.png"]
    assert sorted(listing(tmp_path / "set").links) == ["cat/up", "dog/above", "latest"]


def test_a_folder_is_visited_once_under_its_own_name(tmp_path: Path) -> None:
    write(tmp_path, "set/b/1.png", "far/2.png", "far/deep/3.png")
    os.symlink("b", tmp_path / "set" / "a")  # before it by name
    os.symlink("../far", tmp_path / "set" / "c")
    os.symlink("../far/deep", tmp_path / "set" / "d")
    assert names(tmp_path / "set") == ["b/1.png", "c/2.png", "c/deep/3.png"]
    assert sorted(listing(tmp_path / "set").links) == ["a", "d"]


def test_links_that_lead_nowhere_or_round_are_files(tmp_path: Path) -> None:
    write(tmp_path, "set/a/1.png")
    os.symlink("gone", tmp_path / "set" / "a" / "2.png")
    os.symlink("3.png", tmp_path / "set" / "a" / "3.png")
    reader = ClassFolders(path="set", medium="image")
    items = list(reader.items(Roots((tmp_path,)), True))
    assert [isinstance(item, Broken) for item in items] == [False, True, True]
    assert items[1] == Broken(
        "missing file",
        f"set/a/2.png names {tmp_path}/set/a/2.png, which is missing.",
        "set/a/2.png",
    )


def test_a_folder_that_cannot_be_read_is_no_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "set/a/1.png")

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"set cannot be read \(Permission denied\)\."):
        names(tmp_path / "set")


@pytest.mark.parametrize(
    ("name", "pattern", "excluded"),
    [
        ("_background_noise_/white.wav", "_background_noise_", True),
        ("_background_noise_/white.wav", "_background_noise_/*", True),
        ("_background_noise_/white.wav", "_*", True),
        ("yes/_1.wav", "_*", True),
        ("yes/1.wav", "_*", False),
        ("a/bad/1.wav", "bad", True),
        ("a/bad/1.wav", "a/bad", True),
        ("a/bad/1.wav", "a/bad/", True),
        ("b/bad/1.wav", "a/bad", False),
        ("bad.wav", "bad", False),
        (unicodedata.normalize("NFD", "café/1.wav"), "café", True),
    ],
)
def test_exclusion_by_file_and_folder(name: str, pattern: str, excluded: bool) -> None:
    assert is_excluded(name, [pattern]) is excluded
    assert not is_excluded(name, [])


def test_class_folders_tell_what_they_do_not_read(tmp_path: Path) -> None:
    write(tmp_path, "set/no/1.m4a", "set/no/2.m4a", "set/no/3.m4a", "set/no/4.m4a", "set/README")
    write(tmp_path, "set/yes/1.wav", "set/yes/2.opus", "set/_noise_/1.wav", "set/.x/1.wav")
    (tmp_path / "set" / "empty").mkdir()
    assert notes(ClassFolders(path="set", medium="audio"), tmp_path) == [
        "files that end in .m4a are not read (4): set/no/1.m4a; set/no/2.m4a; set/no/3.m4a; ...",
        "files without an ending are not read (1): set/README",
        "hidden files and folders are not read (1): set/.x",
        "folders without a file that is read are no classes (2): set/empty; set/no",
        'folders that begin with "_" are classes, unless exclude = "_noise_" (1): set/_noise_',
    ]
    reader = ClassFolders(path="set", medium="audio", exclude=("_noise_", "no", "empty", "README"))
    assert reader.labels(Roots((tmp_path,))) == ("yes",)
    assert notes(reader, tmp_path) == [
        "files left out by exclude (6): set/README; set/_noise_/1.wav; set/no/1.m4a; ...",
        "hidden files and folders are not read (1): set/.x",
    ]


def test_nothing_is_told_of_a_clean_folder(tmp_path: Path) -> None:
    write(tmp_path, "set/a/1.wav", "set/b/1.OPUS")
    assert notes(ClassFolders(path="set", medium="audio"), tmp_path) == []


def test_one_class_in_two_normal_forms_is_one(tmp_path: Path) -> None:
    composed, other = "café", unicodedata.normalize("NFD", "café")
    write(tmp_path, f"set/{composed}/1.png", f"set/{other}/2.png", f"set/{other}/1.png")
    reader = ClassFolders(path="set", medium="image")
    assert reader.labels(Roots((tmp_path,))) == (composed,)
    values = [row.inputs().decode() for row in reader.rows(Roots((tmp_path,)), True)]
    assert len(set(values)) == 3
    (tmp_path / "words.txt").write_text(f"{other}\tCoffee\n")
    named = ClassFolders(path="set", medium="image", names="words.txt")
    assert named.labels(Roots((tmp_path,))) == ("Coffee",)


def test_stray_files_are_items_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, "set/stray.png", "set/a/1.png", "set/b/1.png")
    (tmp_path / "words.txt").write_text("a\tAnt\n")
    reader = ClassFolders(path="set", medium="image", names="words.txt")
    items = list(reader.items(Roots((tmp_path,)), True))
    assert [i.reason if isinstance(i, Broken) else i.targets for i in items] == [
        "Ant", "folder without a line in words.txt", "files outside of the classes' folders",
    ]  # fmt: skip
    (tmp_path / "words.txt").write_text("a\tAnt\na\tBee\n")
    with pytest.raises(DataError, match=r"line 2 gives the folder 'a' another name than a line"):
        reader.labels(Roots((tmp_path,)))


def test_librispeech_tells_recordings_without_a_line_and_lines_without_a_recording(
    tmp_path: Path,
) -> None:
    write(tmp_path, "x/1/1-1.flac", "x/1/1-2.ogg", "x/1/1-3.flac", "x/1/notes.pdf")
    lines = b"1-1 ONE\n1-2 TWO\n1-1 AGAIN\n1-9 GONE\n" + b"1-3 \xff\n"
    (tmp_path / "x" / "1" / "1.trans.txt").write_bytes(lines)
    reader = LibriSpeech(path="x", medium="audio")
    items = list(reader.items(Roots((tmp_path,)), True))
    assert [i.reason if isinstance(i, Broken) else i.targets for i in items] == [
        "ONE", "TWO", "ids that occur twice", "missing file", "lines that are not UTF-8",
    ]  # fmt: skip
    assert items[2].sentence == (
        "x/1/1.trans.txt, line 3 names '1-1', as line 1 does; remove one of the two."
    )
    assert notes(reader, tmp_path) == [
        "files that end in .pdf are not read (1): x/1/notes.pdf",
        "recordings without a transcript are not read (1): x/1/1-3.flac",
    ]
    without = LibriSpeech(path="x", medium="audio", exclude=("1-2*",))
    kept = [item for item in without.items(Roots((tmp_path,)), True) if isinstance(item, Row)]
    assert [row.targets for row in kept] == ["ONE"]
