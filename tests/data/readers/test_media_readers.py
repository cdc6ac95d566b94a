"""Folders, tables, COCO, LibriSpeech and CIFAR: rows, lazy values, and every mistake."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from t2t_mm.data.sources.readers import Reader, Roots, Row
from t2t_mm.data.sources.readers.cifar import Cifar
from t2t_mm.data.sources.readers.class_folders import ClassFolders
from t2t_mm.data.sources.readers.coco import Coco
from t2t_mm.data.sources.readers.librispeech import LibriSpeech
from t2t_mm.data.sources.readers.media_table import ImageTable, WavTable
from t2t_mm.data.sources.readers.selection import is_chosen
from t2t_mm.errors import UserError


def rows(reader: Reader, folder: Path, training: bool = True) -> list[Row]:
    return list(reader.rows(Roots((folder,)), training))


def fails(reader: Reader, folder: Path) -> str:
    with pytest.raises(UserError) as error:
        rows(reader, folder)
    return str(error.value)


def write(folder: Path, *names: str) -> None:
    """Files that hold their own names."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


@pytest.mark.parametrize(
    ("name", "pattern", "chosen"),
    [
        ("wsj_0149.mrg", "wsj_0001..wsj_0149", True),
        ("wsj_0150.mrg", "wsj_0001..wsj_0149", False),
        ("00/wsj_0001.mrg", "wsj_0001..wsj_0149", True),
        ("dev/1/1-2.flac", "dev/*", True),
        ("test/1/1-2.flac", "dev/*", False),
        ("dev/1/1-2.flac", "1-*", True),
        ("a.WAV", "a.wav", False),
    ],
)
def test_selection_by_glob_and_by_range(name: str, pattern: str, chosen: bool) -> None:
    assert is_chosen(name, [pattern]) is chosen
    assert is_chosen(name, [])
    assert is_chosen(name, ["nothing", "*"])


FOLDERS = ClassFolders(path="set", medium="image")


def test_class_folders_are_sorted_and_other_files_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "set/b/2.png", "set/b/sub/1.JPEG", "set/a/3.jpg", "set/b/notes.txt")
    write(tmp_path, "set/.git/x.png", "set/b/._2.png")
    found = rows(FOLDERS, tmp_path)
    assert [(row.key, row.targets) for row in found] == [
        ("set/a/3.jpg", "a"), ("set/b/2.png", "b"), ("set/b/sub/1.JPEG", "b"),
    ]  # fmt: skip
    assert [row.inputs() for row in found] == [b"set/a/3.jpg", b"set/b/2.png", b"set/b/sub/1.JPEG"]
    assert pickle.loads(pickle.dumps(found[0].inputs))() == b"set/a/3.jpg"
    assert FOLDERS.labels(Roots((tmp_path,))) == ("a", "b")


def test_class_folders_of_sounds_take_sounds(tmp_path: Path) -> None:
    write(tmp_path, "set/yes/1.wav", "set/no/1.png", "set/no/2.flac")
    found = rows(ClassFolders(path="set", medium="audio"), tmp_path)
    assert [row.targets for row in found] == ["no", "yes"]


def test_readable_names_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path, "set/n1/1.png", "set/n2/1.png", "set/n3/1.png")
    (tmp_path / "words.txt").write_text("n1\tcrane\nn2\tgoldfish, carp\nn3\tcrane\nn4\tx\n")
    reader = ClassFolders(path="set", names="words.txt", medium="image")
    assert [row.targets for row in rows(reader, tmp_path)] == [
        "crane (n1)", "goldfish, carp", "crane (n3)",
    ]  # fmt: skip
    (tmp_path / "words.txt").write_text("n1\tcrane\n")
    assert fails(reader, tmp_path) == "words.txt has no line for the folder 'n2'."
    (tmp_path / "words.txt").write_text("n1 crane\n")
    assert fails(reader, tmp_path) == "words.txt, line 1 must be 'folder<TAB>name'."


def test_class_folder_mistakes(tmp_path: Path) -> None:
    write(tmp_path, "set/notes.txt")
    assert fails(FOLDERS, tmp_path).startswith(
        f"no file below {tmp_path}/set ends in .jfif or .jpe or .jpeg or .jpg or "
    )
    write(tmp_path, "set/1.png")
    assert (
        fails(FOLDERS, tmp_path)
        == f"{tmp_path}/set/1.png lies in no class's folder; move it into one."
    )
    assert "must be a folder" in fails(ClassFolders(path="set/1.png", medium="image"), tmp_path)


def test_wav_table_with_other_columns(tmp_path: Path) -> None:
    write(tmp_path, "wavs/LJ1.wav", "wavs/LJ2.wav")
    (tmp_path / "metadata.csv").write_text('LJ1|"Hi"|hi\nLJ2|Ho, "he|ho\n')
    reader = WavTable(
        path="metadata.csv", folder="wavs", columns=("id", "raw", "text"), delimiter="|",
        file="id", transcript="raw", extension=".wav", medium="audio",
    )  # fmt: skip
    found = rows(reader, tmp_path)
    assert [row.targets for row in found] == ['"Hi"', 'Ho, "he']
    assert found[1].inputs() == b"wavs/LJ2.wav"
    assert found[1].group == "LJ2.wav"


def test_a_missing_recording_names_the_line(tmp_path: Path) -> None:
    write(tmp_path, "wavs/1.wav")
    (tmp_path / "t.tsv").write_text("file\ttranscript\n1.wav\tone\n2.wav\ttwo\n")
    reader = WavTable(path="t.tsv", folder="wavs", medium="audio")
    assert (
        fails(reader, tmp_path) == f"t.tsv, line 3 names {tmp_path}/wavs/2.wav, which is missing."
    )
    some = WavTable(path="t.tsv", folder="wavs", files=("1*",), medium="audio")
    assert [row.targets for row in rows(some, tmp_path)] == ["one"]
    none = WavTable(path="t.tsv", folder="wavs", files=("3*",), medium="audio")
    assert fails(none, tmp_path) == f"{tmp_path}/t.tsv names no file that matches 3*."
    (tmp_path / "t.dat").write_text("")
    other = WavTable(path="t.dat", folder="wavs", medium="audio")
    assert "must end in .csv, .tsv, .txt, .jsonl, .ndjson" in fails(other, tmp_path)
    assert fails(other, tmp_path).endswith("; or name the delimiter between its columns.")


@pytest.mark.parametrize("name", ["t.dat", "t", "t.dat.gz"])
def test_with_a_delimiter_a_table_may_end_as_it_likes(tmp_path: Path, name: str) -> None:
    write(tmp_path, "wavs/1.wav")
    content = b"file|transcript\n1.wav|one\n"
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    reader = WavTable(path=name, folder="wavs", delimiter="|", medium="audio")
    assert [row.targets for row in rows(reader, tmp_path)] == ["one"]


def test_a_delimiter_does_not_make_a_table_of_jsonl(tmp_path: Path) -> None:
    write(tmp_path, "wavs/1.wav")
    (tmp_path / "t.jsonl").write_text('{"file": "1.wav", "transcript": "one|two"}\n')
    reader = WavTable(path="t.jsonl", folder="wavs", delimiter="|", medium="audio")
    assert [row.targets for row in rows(reader, tmp_path)] == ["one|two"]


def test_image_table(tmp_path: Path) -> None:
    write(tmp_path, "p/1.png")
    (tmp_path / "t.csv").write_text("file,label\n1.png,cat\n")
    (row,) = rows(ImageTable(path="t.csv", folder="p", medium="image"), tmp_path)
    assert (row.inputs(), row.targets) == (b"p/1.png", "cat")


def coco(folder: Path, **changes: Any) -> Coco:
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"},
                   {"id": 3, "file_name": "without.jpg"}],
        "annotations": [
            {"image_id": 2, "caption": "b1"}, {"image_id": 1, "caption": "a1"},
            {"image_id": 2, "caption": "b2"},
        ],
        **changes,
    }  # fmt: skip
    (folder / "captions.json").write_text(json.dumps(content))
    write(folder, "pictures/a.jpg", "pictures/b.jpg")
    return Coco(annotations="captions.json", pictures="pictures", medium="image")


def test_coco_trains_on_each_caption_and_evaluates_on_each_picture(tmp_path: Path) -> None:
    reader = coco(tmp_path)
    training = rows(reader, tmp_path)
    assert [(row.group, row.targets, row.references) for row in training] == [
        ("a.jpg", "a1", ()), ("b.jpg", "b1", ()), ("b.jpg", "b2", ()),
    ]  # fmt: skip
    assert len({row.key for row in training}) == 3
    evaluation = rows(reader, tmp_path, training=False)
    assert [(row.targets, row.references) for row in evaluation] == [
        ("a1", ("a1",)), ("b1", ("b1", "b2")),
    ]  # fmt: skip
    assert evaluation[1].inputs() == b"pictures/b.jpg"


def test_coco_captions_that_are_null(tmp_path: Path) -> None:
    notes = [{"image_id": 1, "caption": None}, {"image_id": 1, "caption": "a2"},
             {"image_id": 2, "caption": None}]  # fmt: skip
    reader = coco(tmp_path, annotations=notes)
    assert [row.targets for row in rows(reader, tmp_path)] == ["", "a2", ""]
    evaluation = rows(reader, tmp_path, training=False)
    assert [(row.targets, row.references) for row in evaluation] == [
        ("a2", ("", "a2")), ("", ("",)),
    ]  # fmt: skip
    assert [str(note) for note in reader.notes(Roots((tmp_path,)))] == [
        "pictures without a caption are not read (1): pictures/without.jpg",
        "captions are empty (2): pictures/a.jpg; pictures/b.jpg",
    ]


def test_coco_mistakes(tmp_path: Path) -> None:
    reader = coco(tmp_path, annotations=[{"image_id": 9, "caption": "x"}])
    path = tmp_path / "captions.json"
    assert fails(reader, tmp_path) == (
        f"{path}, annotation 0 belongs to the picture 9, which is not among its images."
    )
    reader = coco(tmp_path, annotations=[{"caption": "x"}])
    assert fails(reader, tmp_path) == (f"{path}, annotation 0 must hold an image_id and a caption.")
    reader = coco(tmp_path, images={})
    assert fails(reader, tmp_path) == (
        f"{path} is not in the COCO captions layout: it has no list 'images'; it needs images (id, "
        "file_name) and annotations (image_id, caption)."
    )
    reader = coco(tmp_path, annotations=[{"image_id": 3, "caption": "x"}])
    assert fails(reader, tmp_path) == (
        f"captions.json, picture without.jpg names {tmp_path}/pictures/without.jpg, which is "
        "missing."
    )
    path.write_text("{")
    assert fails(reader, tmp_path).startswith(f"{path} is malformed JSON: ")


def test_librispeech_is_found_at_any_depth(tmp_path: Path) -> None:
    root = tmp_path / "x" / "LibriSpeech" / "dev-clean"
    write(root, "1272/128104/1272-128104-0000.flac", "84/1/84-1-0000.wav")
    (root / "1272/128104/1272-128104.trans.txt").write_text("1272-128104-0000 MISTER QUILTER\n")
    (root / "84/1/84-1.trans.txt").write_text("84-1-0000 GO\n\n")
    reader = LibriSpeech(path="x", medium="audio")
    found = rows(reader, tmp_path)
    assert [row.targets for row in found] == ["MISTER QUILTER", "GO"]
    assert found[1].inputs().endswith(b"84-1-0000.wav")
    some = LibriSpeech(path="x", files=("1272-*",), medium="audio")
    assert [row.targets for row in rows(some, tmp_path)] == ["MISTER QUILTER"]
    none = LibriSpeech(path="x", files=("7-*",), medium="audio")
    assert fails(none, tmp_path) == "no recording of x matches 7-*."
    (root / "84/1/84-1.trans.txt").write_text("84-1-0000 GO\n84-1-0001 ON\n")
    assert fails(reader, tmp_path) == (
        "x/LibriSpeech/dev-clean/84/1/84-1.trans.txt, line 2 names "
        f"{root}/84/1/84-1-0001.flac, which is missing."
    )


class Python2Pickler(pickle._Pickler):
    """Writes str, which was bytes, as Python 2 did: without an encoding."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, text: str | bytes) -> None:
        data = text.encode("latin-1") if isinstance(text, str) else text
        self.write(pickle.BINSTRING + len(data).to_bytes(4, "little") + data)
        self.memoize(text)

    dispatch[str] = dispatch[bytes] = save_string


def python2(value: Any) -> bytes:
    buffer = io.BytesIO()
    Python2Pickler(buffer, protocol=2).dump(value)
    return buffer.getvalue()


CIFAR = Cifar(path=".", files=("data_batch_*",), medium="image")


@pytest.mark.parametrize("dump", [python2, lambda v: pickle.dumps(v, 2), pickle.dumps])
def test_cifar_pictures_come_as_png_with_their_class(dump: Any, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3072), dtype=np.uint8)
    (tmp_path / "data_batch_1").write_bytes(dump({"data": pixels, "labels": [1, 0]}))
    (tmp_path / "batches.meta").write_bytes(dump({"label_names": ["plane", "frog"]}))
    found = rows(CIFAR, tmp_path)
    assert [row.targets for row in found] == ["frog", "plane"]
    assert CIFAR.labels(Roots((tmp_path,))) == (
        "plane",
        "frog",
    )  # the set's order, not the alphabet's
    png = pickle.loads(pickle.dumps(found[1].inputs))()
    picture = np.asarray(Image.open(io.BytesIO(png)))
    np.testing.assert_array_equal(picture, pixels[1].reshape(3, 32, 32).transpose(1, 2, 0))


def test_cifar_mistakes(tmp_path: Path) -> None:
    batch, meta = tmp_path / "data_batch_1", tmp_path / "batches.meta"
    batch.write_bytes(b"")
    assert fails(CIFAR, tmp_path) == (
        f"{tmp_path} must hold batches.meta or meta with the classes' names."
    )
    meta.write_bytes(python2({"label_names": True}))
    assert fails(CIFAR, tmp_path) == f"{meta}: the classes' names must be a list, got bool."
    meta.write_bytes(python2({"label_names": ["plane"]}))
    said = f"{batch} is not a readable pickle of arrays: EOFError"
    assert fails(CIFAR, tmp_path).startswith(said)
    batch.write_bytes(python2([1]))
    assert fails(CIFAR, tmp_path) == f"{batch} must hold a dictionary, as CIFAR's batches do."
    batch.write_bytes(python2({"labels": [0]}))
    assert fails(CIFAR, tmp_path) == f"{batch} has no 'data'; it has labels."
    batch.write_bytes(python2({"labels": [0], "data": np.zeros((1, 3), np.uint8)}))
    assert fails(CIFAR, tmp_path) == f"{batch}: 'data' must be bytes of shape (1, 3072)."
    batch.write_bytes(python2({"labels": [1], "data": np.zeros((1, 3072), np.uint8)}))
    assert fails(CIFAR, tmp_path) == f"{batch}: the label of picture 0 must be 0 to 0, got 1."
    meta.write_bytes(python2({"label_names": ["plane", "frog", "plane"]}))
    assert fails(CIFAR, tmp_path).endswith("names the class 'plane' twice; give each its own name.")
    meta.write_bytes(python2({"label_names": ["plane"]}))
    none = Cifar(path=".", files=("test_*",), medium="image")
    assert fails(none, tmp_path) == f"no file below {tmp_path} matches test_*."


class Malicious:
    """Unpickling it runs a command."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        code = f"open({str(self.mark)!r}, 'w')"
        return subprocess.call, ([sys.executable, "-c", code],)


def test_a_malicious_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    content = pickle.dumps({"labels": [0], "data": Malicious(mark)}, 4)
    (tmp_path / "data_batch_1").write_bytes(content)
    (tmp_path / "batches.meta").write_bytes(python2({"label_names": ["plane"]}))
    assert fails(CIFAR, tmp_path) == (
        f"{tmp_path}/data_batch_1 asks to load subprocess.call, which is not part of an array; it "
        "was not run. Get the file from its original source."
    )
    assert not mark.exists()
    pickle.loads(content)  # the pickle would have worked
    assert mark.exists()


@pytest.mark.parametrize("name", ["builtins eval", "os system", "numpy load", "builtins getattr"])
def test_no_other_global_is_loaded(name: str, tmp_path: Path) -> None:
    module, function = name.split()
    (tmp_path / "batches.meta").write_bytes(f"c{module}\n{function}\n.".encode())
    assert f"asks to load {module}.{function}," in fails(CIFAR, tmp_path)
