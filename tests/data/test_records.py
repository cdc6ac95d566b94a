"""What we write without TensorFlow is what TensorFlow reads."""

from __future__ import annotations

import hashlib
import random
import struct
from pathlib import Path

import numpy as np
import pytest

from t2t_mm.data.generation.sharding import example_keys, keys, shard_name
from t2t_mm.data.records.files import encode_example, frame, write_records
from t2t_mm.files.writing import remove_leftovers, replacing


def slow_crc32c(content: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def masked(content: bytes) -> int:
    crc = slow_crc32c(content)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_a_frame_byte_by_byte() -> None:
    assert slow_crc32c(b"123456789") == 0xE3069283  # the published check value
    rng = random.Random(0)
    records = [rng.randbytes(n) for n in [0, 1, 3, 4, 7, 8, 100, 511, 1025, 5001]]
    expected = b""
    for record in records:
        length = struct.pack("<Q", len(record))
        expected += length + struct.pack("<I", masked(length))
        expected += record + struct.pack("<I", masked(record))
    assert frame(records) == expected


def test_tensorflow_reads_the_records(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    rng = random.Random(0)
    records = [rng.randbytes(n) for n in [0, 1, 5, 80, 512, 70_000, *range(300)]]
    path = tmp_path / "a-train-00000-of-00001"
    count, size, digest = write_records(path, iter(records))
    assert [r.numpy() for r in tf.data.TFRecordDataset(str(path))] == records
    content = path.read_bytes()
    assert (count, size) == (len(records), len(content))
    assert digest == hashlib.sha256(content).hexdigest()


def test_tensorflow_parses_the_examples() -> None:
    tf = pytest.importorskip("tensorflow")
    features = {"inputs": [0, 1, 127, 128, 300, 2**40, -1], "references": [b"x", b"", b"yz" * 200]}
    example = tf.train.Example.FromString(encode_example(features))
    assert list(example.features.feature["inputs"].int64_list.value) == features["inputs"]
    assert list(example.features.feature["references"].bytes_list.value) == features["references"]
    assert encode_example(dict(reversed(features.items()))) == encode_example(features)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x-train-00000-of-00001"
    path.write_bytes(b"old")

    def broken() -> object:
        yield b"one"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_records(path, broken())
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_leftovers_are_removed_and_strangers_kept(tmp_path: Path) -> None:
    for name in (
        ".x-train-00000-of-00001.77.tmp",
        ".xy-train-00000-of-00001.77.tmp",
        "x-train.tmp",
    ):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path, "x-")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".xy-train-00000-of-00001.77.tmp",
        "x-train.tmp",
    ]


def test_empty_file(tmp_path: Path) -> None:
    count, size, _ = write_records(tmp_path / "e", [])
    assert (count, size, (tmp_path / "e").read_bytes()) == (0, 0, b"")


def test_replacing_writes_beside(tmp_path: Path) -> None:
    with replacing(tmp_path / "f") as file:
        file.write(b"x")
        assert not (tmp_path / "f").exists()
        assert [p.parent for p in tmp_path.iterdir()] == [tmp_path]
    assert (tmp_path / "f").read_bytes() == b"x"


def test_keys_are_spread_and_depend_on_the_seed() -> None:
    values = example_keys(0, 0, 80_000)
    assert len(np.unique(values)) == 80_000
    shards = np.bincount((values % 8).astype(int))
    assert abs(shards - 10_000).max() < 400  # four standard deviations
    assert not (values == example_keys(1, 0, 80_000)).any()
    stream = keys(0)
    assert [next(stream) for _ in range(20_000)] == values[:20_000].tolist()


def test_shard_name() -> None:
    assert shard_name("x", "train", 3, 100) == "x-train-00003-of-00100"
