"""Targets: published data in their own layouts. Kaldi, prepared TFDS folders, idx, GLUE, WMT."""

from __future__ import annotations

import gzip
import json
import random
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.fuzzing.balance import Wanted, verdict, vocabulary
from benchmarks.fuzzing.media_sources import proving
from benchmarks.fuzzing.mutation import damaged_bytes, damaged_tree, packed_bytes
from benchmarks.fuzzing.samples import pictures, sounds
from benchmarks.fuzzing.target import KEPT, Try, check, refusal
from benchmarks.fuzzing.text_sources import damaged_text, pairs, sentence
from t2t_mm.data.records.files import encode_example, write_records
from t2t_mm.lookup import find_problem
from t2t_mm.provenance import DataAccess

_WAV = sounds()["WAV-PCM_16-1"]
_PNG = pictures()["RGB.png"]

# Writes the raw data of a registered problem; gives what the training split holds.
Writer = Callable[[random.Random, Path], Wanted]


def target(name: str, write: Writer) -> Callable[[], Try]:
    """A target over a registered problem, its raw files and TFDS's both below one folder."""

    def make() -> Try:
        with tempfile.TemporaryDirectory() as folder:
            words = vocabulary(Path(folder))
        base = find_problem(name)

        def once(rng: random.Random, folder: Path) -> str:
            access = DataAccess(tfds_data_dir=str(folder / "tfds"), offline=True)
            return verdict(base.with_access(access), folder, words, write(rng, folder))

        return once

    return make


def kaldi(rng: random.Random, folder: Path) -> Wanted:
    """wav.scp, text and segments: lines are damaged, or a file is."""
    for part in ("train_si284", "test_dev93", "test_eval92"):
        (folder / part).mkdir()
        (folder / part / "wav.scp").write_text("")
        (folder / part / "text").write_text("")
    place, count = folder / "train_si284", rng.randint(1, 5)
    whole = _WAV if rng.random() < 0.7 else damaged_bytes(rng, _WAV)
    for number in range(2):
        (place / f"r{number}.wav").write_bytes(whole)
    scp = [
        f"r{i} {rng.choice(('{0}', 'cat {0} |', 'sph2pipe -f wav {0} |', 'rm {0} |'))}".format(
            f"r{i}.wav"
        )
        for i in range(2)
    ]
    text = [f"u{i} {sentence(rng, i)}" for i in range(count)]
    segments = [
        f"u{i} r{i % 2} {0.01 * i:.2f} {rng.choice((0.1, 0.2, 0.3, 5, -1)):.2f}"
        for i in range(count)
    ]
    files = {"wav.scp": scp, "text": text, "segments": segments}
    wanted = Wanted(count)
    for name, lines in files.items():
        content = "\n".join(lines).encode() + b"\n"
        way = rng.random()
        if way < 0.15:
            line = rng.randrange(len(lines))
            lines[line] = damaged_text(rng, lines[line]).replace("\n", " ").replace("\r", " ")
            content, wanted = "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n", Wanted()
        elif way < 0.25:
            content, wanted = rng.choice((damaged_bytes, packed_bytes))(rng, content), Wanted()
        (place / name).write_bytes(content)
    return wanted


def tfds(rng: random.Random, folder: Path) -> Wanted:
    """A prepared data set: dataset_info.json, labels and records are damaged."""
    place = folder / "tfds" / "mnist" / "3.0.1"
    place.mkdir(parents=True)
    count = rng.randint(1, 5)
    examples: list[dict[str, Any]] = [
        {"image": [_PNG], "label": [rng.randrange(10)]} for _ in range(count)
    ]
    wanted = Wanted(count)
    way = rng.randrange(6)
    if way == 0:
        examples[0] = rng.choice(({"image": [], "label": [1]}, {"label": [1]}, {"image": [_PNG,
        _PNG], "label": [1]},
                                  {"image": [_PNG], "label": [99]}, {"image": [_PNG],
                                  "label": [-1]}, {"image": [damaged_bytes(rng, _PNG)],
                                  "label": [0]}))  # fmt: skip
        wanted = Wanted()
    records = [encode_example(example) for example in examples]
    if way == 1:
        records[0], wanted = damaged_bytes(rng, records[0]), Wanted()
    splits = [
        {
            "name": name,
            "shardLengths": [str(count)],
            "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
        }
        for name in ("train", "test")
    ]
    info: Any = {"name": "mnist", "version": "3.0.1", "fileFormat": "tfrecord", "splits": splits}
    if way == 2:
        info, wanted = damaged_tree(rng, info), Wanted()
    text = json.dumps(info).encode()
    if way == 3:
        text, wanted = damaged_bytes(rng, text), Wanted()
    (place / "dataset_info.json").write_bytes(text)
    (place / "label.labels.txt").write_text("".join(f"{digit}\n" for digit in range(10)))
    for name in ("train", "test"):
        path = place / f"mnist-{name}.tfrecord-00000-of-00001"
        write_records(path, records)
        if way == 4:
            path.write_bytes(damaged_bytes(rng, path.read_bytes()))
            wanted = Wanted()
    return wanted


def idx(rng: random.Random, folder: Path) -> Wanted:
    """MNIST's four files."""
    place, count, wanted = folder / "mnist", rng.randint(1, 4), Wanted()
    place.mkdir()
    whole = True
    for name in ("train", "t10k"):
        images = struct.pack(">IIII", 0x803, count, 28, 28) + rng.randbytes(784 * count)
        labels = struct.pack(">II", 0x801, count) + bytes(rng.randrange(10) for _ in range(count))
        for kind, content in (("images-idx3", images), ("labels-idx1", labels)):
            if rng.random() < 0.4:
                content, whole = damaged_bytes(rng, content), False
            (place / f"{name}-{kind}-ubyte").write_bytes(content)
    if whole:
        wanted.items = count
    return wanted


def glue(rng: random.Random, folder: Path) -> Wanted:
    """A table of GLUE."""
    place = folder / "QNLI"
    place.mkdir()
    count = rng.randint(1, 6)
    lines = ["index\tquestion\tsentence\tlabel"]
    lines += [
        f"{i}\t{a}\t{b}\t{rng.choice(('entailment', 'not_entailment'))}"
        for i, (a, b) in enumerate(pairs(rng)[:count])
    ]
    wanted = Wanted(len(lines) - 1)
    if rng.random() < 0.5:
        line = rng.randrange(1, len(lines))
        changed = damaged_text(rng, lines[line])
        lines[line] = changed.replace("\n", " ").replace("\r", " ")
        wanted = Wanted(len([line for line in lines if line]) - 1)
    content = "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n"
    if rng.random() < 0.3:
        content, wanted = rng.choice((damaged_bytes, packed_bytes))(rng, content), Wanted()
    if b"\0" in content:
        wanted = Wanted()
    for name in ("train.tsv", "dev.tsv"):
        (place / name).write_bytes(content)
    return wanted


def make_parallel() -> Try:
    """WMT's pairs of files, plain, packed or SGML: all pairs, or refused."""
    from t2t_mm.data.sources.readers.parallel import pairs as read_pairs
    from t2t_mm.errors import UserError

    def once(rng: random.Random, folder: Path) -> str:
        rows, ending = pairs(rng), rng.choice(("txt", "txt.gz", "sgm", "sgm.gz"))
        contents = [_side(rows, side, ending) for side in range(2)]
        whole = rng.random() < 0.2
        if not whole:
            side = rng.randrange(2)
            contents[side] = rng.choice((damaged_bytes, packed_bytes))(rng, contents[side])
        paths = [folder / f"{name}.{ending}" for name in "ab"]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
        try:
            found = list(read_pairs(*paths))
        except UserError as error:
            check(not whole, str(error))
            return refusal(error)
        if whole:
            check(found == rows, f"{found} of {rows}")
        return KEPT

    return once


def _side(rows: list[tuple[str, str]], side: int, ending: str) -> bytes:
    if "sgm" not in ending:
        return "".join(f"{row[side]}\n" for row in rows).encode()
    lines = "".join(f'<seg id="{i}">{row[side]}</seg>\n' for i, row in enumerate(rows))
    return f'<refset setid="x">\n<doc docid="a">\n{lines}</doc>\n</refset>\n'.encode()


TARGETS: dict[str, Callable[[], Try]] = {
    "kaldi": target("wsj", kaldi),
    "tfds_folder": proving(target("image_mnist", tfds)),
    "idx": proving(target("image_mnist", idx)),
    "glue_table": target("question_nli", glue),
    "parallel": make_parallel,
}
