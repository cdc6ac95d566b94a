"""Targets: sources of files. Class folders, tables of files, COCO, CIFAR, LibriSpeech."""

from __future__ import annotations

import json
import os
import pickle
import random
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzzing.balance import Wanted
from benchmarks.fuzzing.mutation import damaged_bytes, damaged_tree, odd_text, packed_bytes
from benchmarks.fuzzing.samples import pictures, sounds
from benchmarks.fuzzing.target import Try
from benchmarks.fuzzing.text_sources import Table, Writer, damaged_text, sentence, target

_PNG = pictures()["RGB.png"]
_WAV = sounds()["WAV-PCM_16-1"]
_FLAC = sounds()["FLAC-PCM_16-1"]


def class_folders(rng: random.Random, folder: Path) -> tuple[Table, Wanted]:
    """Folders of classes, some files damaged, some that are no files of the kind, some links."""
    table: Table = {"kind": "image2class", "format": "class_folders", "train": {"path": "data"}}
    read = told = 0
    for name in rng.sample(
        ("red", "blue", "é", "_x", "a b", "[1]", ".hidden", "ONE"), rng.randint(1, 4)
    ):
        place = folder / "data" / rng.choice((name, name, f"{name}/deep"))
        place.mkdir(parents=True, exist_ok=True)
        for number in range(rng.randint(0, 3)):
            ending = rng.choice((".png", ".png", ".PNG", ".jpg", ".txt", "", ".opus"))
            content = _PNG if rng.random() < 0.7 else damaged_bytes(rng, _PNG)
            (place / f"n{number}{ending}").write_bytes(content)
            if ending.lower() in (".png", ".jpg") and name != ".hidden":
                read += 1
            else:
                told += 1
    _odd_entries(rng, folder / "data")
    if rng.random() < 0.1:
        table["train"]["files"] = [odd_text(rng)]
    if rng.random() < 0.1:
        table["names"] = "words.txt"
        lines = "\n".join(f"{name}\t{name}s" for name in ("red", "blue", "é")).encode()
        (folder / "words.txt").write_bytes(rng.choice((lines, damaged_bytes(rng, lines))))
    wanted = Wanted() if "files" in table["train"] else Wanted(at_least=read)
    return table, wanted


def _odd_entries(rng: random.Random, folder: Path) -> None:
    """Links in circles, links to nothing, empty folders, names in another normal form."""
    folder.mkdir(exist_ok=True)
    way = rng.randrange(12)
    if way == 0:
        os.symlink(folder, folder / "circle")
    elif way == 1:
        os.symlink(folder / "nothing.png", folder / "gone.png")
    elif way == 2:
        (folder / "empty").mkdir()
    elif way == 3:
        place = folder / unicodedata.normalize("NFD", "é")
        place.mkdir(exist_ok=True)
        (place / "nfd.png").write_bytes(_PNG)
    elif way == 4:
        (folder / "loose.png").write_bytes(_PNG)
    elif way == 5:
        os.mkfifo(folder / "pipe.png")


def media_table(kind: str, form: str, column: str, content: bytes, ending: str) -> Writer:
    """A table of files: rows and files are damaged."""

    def write(rng: random.Random, folder: Path) -> tuple[Table, Wanted]:
        table: Table = {"kind": kind, "format": form, "train": {"path": "t.tsv", "folder": "files"}}
        (folder / "files").mkdir()
        rows = [(f"f{i}{ending}", sentence(rng, i)) for i in range(rng.randint(1, 8))]
        untouched, lines = {}, []
        for name, text in rows:
            line, whole = f"{name}\t{text}".encode(), True
            way = rng.random()
            if way < 0.1:
                line, whole = (
                    damaged_text(rng, line.decode()).encode("utf-8", "surrogatepass"),
                    False,
                )
                line = line.replace(b"\n", b" ").replace(b"\r", b" ")
            if way < 0.9:
                file = content if rng.random() < 0.8 else damaged_bytes(rng, content)
                (folder / "files" / name).write_bytes(file)
                whole = whole and file == content
            else:
                whole = False
            lines.append(line)
            if whole:
                untouched[name] = text
        text = b"\n".join([f"file\t{column}".encode(), *lines]) + b"\n"
        wanted = Wanted(sum(1 for line in lines if line), untouched=untouched)
        if rng.random() < 0.2:
            text, wanted = rng.choice((damaged_bytes, packed_bytes))(rng, text), Wanted()
        if b"\0" in text:
            wanted.untouched = {}
        (folder / "t.tsv").write_bytes(text)
        return table, wanted

    return write


def coco(rng: random.Random, folder: Path) -> tuple[Table, Wanted]:
    """Annotations: entries are damaged, or the file is."""
    (folder / "pictures").mkdir()
    images, notes, count = [], [], rng.randint(1, 5)
    for number in range(count):
        name = f"p{number}.png"
        (folder / "pictures" / name).write_bytes(_PNG)
        images.append({"id": number, "file_name": name})
        for part in range(rng.randint(0, 3)):
            caption = sentence(rng, 10 * number + part)
            notes.append({"id": len(notes), "image_id": number, "caption": caption})
    content: Any = {"images": images, "annotations": notes}
    wanted = Wanted(len(notes))
    way = rng.random()
    if way < 0.3 and notes:
        broken = rng.randrange(len(notes))
        notes[broken] = damaged_tree(rng, notes[broken])
    elif way < 0.7:
        content, wanted = damaged_tree(rng, content), Wanted()
    text = json.dumps(content).encode()
    if way > 0.9:
        text, wanted = rng.choice((damaged_bytes, packed_bytes))(rng, text), Wanted()
    (folder / "captions.json").write_bytes(text)
    train = {"annotations": "captions.json", "pictures": "pictures"}
    return {"kind": "image2text", "format": "coco", "train": train}, wanted


def cifar(rng: random.Random, folder: Path) -> tuple[Table, Wanted]:
    """Batches and meta file: values or bytes of the pickles are damaged."""
    data = folder / "cifar"
    data.mkdir()
    count = rng.randint(1, 4)
    pixels = np.frombuffer(rng.randbytes(3072 * count), np.uint8).reshape(count, 3072)
    labels: Any = [rng.randrange(3) for _ in range(count)]
    wanted: Wanted = Wanted(count)
    way = rng.randrange(8)
    if way == 0:
        labels = np.array(labels)
    elif way == 1:
        labels, wanted = damaged_tree(rng, labels), Wanted()
    elif way == 2:
        pixels = rng.choice(
            (pixels[:, :-1], pixels.astype(np.int64), pixels[:-1], pixels.T, pixels.tolist())
        )
        wanted = Wanted()
    batch: Any = {b"data": pixels, b"labels": labels}
    meta: Any = {b"label_names": [b"a", b"b", b"c"]}
    if way == 3:
        meta, wanted = damaged_tree(rng, {"label_names": ["a", "b", "c"]}), Wanted()
    contents = [pickle.dumps(batch, rng.choice((2, 4))), pickle.dumps(meta, 2)]
    if way > 4:
        side = rng.randrange(2)
        contents[side], wanted = damaged_bytes(rng, contents[side]), Wanted()
    (data / "data_batch_1").write_bytes(contents[0])
    (data / "batches.meta").write_bytes(contents[1])
    train = {"path": "cifar", "files": "data_batch_*"}
    return {"kind": "image2class", "format": "cifar", "train": train}, wanted


def librispeech(rng: random.Random, folder: Path) -> tuple[Table, Wanted]:
    """Chapters: transcripts and recordings are damaged."""
    total: int | None = 0
    for chapter in range(rng.randint(1, 3)):
        place = folder / "books" / "19" / str(chapter)
        place.mkdir(parents=True)
        lines = []
        for number in range(rng.randint(1, 4)):
            name = f"19-{chapter}-{number:04d}"
            if rng.random() < 0.9:
                file = _FLAC if rng.random() < 0.7 else damaged_bytes(rng, _FLAC)
                (place / f"{name}.flac").write_bytes(file)
            lines.append(f"{name} {sentence(rng, number).upper()}")
        text = "\n".join(lines).encode() + b"\n"
        if rng.random() < 0.3:
            text, total = rng.choice((damaged_bytes, packed_bytes))(rng, text), None
        elif total is not None:
            total += len(lines)
        (place / f"19-{chapter}.trans.txt").write_bytes(text)
    train = {"path": "books"}
    return {"kind": "speech2text", "format": "librispeech", "train": train}, Wanted(total)


def proving(make: Callable[[], Try]) -> Callable[[], Try]:
    """The target, what proves pictures imported before its memory is bounded."""

    def made() -> Try:
        import tensorflow as tf

        tf.io.decode_png(tf.io.encode_png(tf.zeros([1, 1, 3], tf.uint8)))
        return make()

    return made


TARGETS: dict[str, Callable[[], Try]] = {
    "class_folders": proving(target(class_folders)),
    "image_table": proving(target(media_table("image2text", "image_table", "label", _PNG, ".png"))),
    "wav_table": target(media_table("speech2text", "wav_table", "transcript", _WAV, ".wav")),
    "coco": proving(target(coco)),
    "cifar": proving(target(cifar)),
    "librispeech": target(librispeech),
}
