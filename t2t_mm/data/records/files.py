"""TFRecord files of tf.train.Example, written without TensorFlow, and appearing only when whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from t2t_mm.data.records.crc32c import masked_crcs

Features = Mapping[str, Sequence[int] | Sequence[float] | Sequence[bytes] | bytes]

_BATCH_RECORDS = 4096  # records framed at once
_BATCH_BYTES = 1 << 20


def encode_example(features: Features) -> bytes:
    """Serialises a tf.train.Example.

    Args:
      features: name -> int64 values, or these already packed by `pack`, or floats, or byte strings;
        written in the order of the names, so that equal examples have equal bytes.
    """
    parts = []
    for name in sorted(features):
        values = features[name]
        if len(values) and isinstance(values[0], (bytes, float)):
            feature = _floats(values) if isinstance(values[0], float) else _strings(values)
            parts.append(_field(1, _field(1, name.encode()) + _field(2, feature)))
        else:
            packed = values if isinstance(values, bytes) else pack(values)
            parts += (_before_packed(name, len(packed)), packed)
    content = b"".join(parts)
    return _head(1, len(content)) + content


def pack(values: Iterable[int]) -> bytes:
    """int64 values as a packed field stores them; what is packed in parts may be joined."""
    return b"".join(map(_varint, values))


def _strings(values: Iterable[bytes]) -> bytes:
    return _field(1, b"".join(_field(1, value) for value in values))


def _floats(values: Sequence[float]) -> bytes:
    return _field(2, _field(1, struct.pack(f"<{len(values)}f", *values)))


@lru_cache(maxsize=1 << 14)
def _before_packed(name: str, size: int) -> bytes:
    """The entry of an int64 feature, up to its `size` bytes of packed values."""
    head = _head(1, size)
    head = _head(3, len(head) + size) + head
    head = _field(1, name.encode()) + _head(2, len(head) + size) + head
    return _head(1, len(head) + size) + head


@lru_cache(maxsize=1 << 14)
def _head(number: int, size: int) -> bytes:
    """What stands before the content of a length-delimited protocol buffer field."""
    return b"%c%b" % (number << 3 | 2, _varint(size))


def _field(number: int, content: bytes) -> bytes:
    return _head(number, len(content)) + content


@lru_cache(maxsize=1 << 16)
def _varint(value: int) -> bytes:
    value &= 2**64 - 1  # int64 is written in two's complement
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def frame(records: Sequence[bytes]) -> bytes:
    """The records in TFRecord framing: length, its CRC, content, its CRC."""
    crcs = masked_crcs(records).astype("<u4").tobytes()
    parts = []
    for record, at in zip(records, range(0, len(crcs), 4), strict=True):
        parts += (_framed_length(len(record)), record, crcs[at : at + 4])
    return b"".join(parts)


@lru_cache(maxsize=1 << 14)
def _framed_length(size: int) -> bytes:
    length = struct.pack("<Q", size)
    return length + masked_crcs([length]).astype("<u4").tobytes()


def write_records(path: Path, records: Iterable[bytes]) -> tuple[int, int, str]:
    """Writes a TFRecord file; it appears under its name only when it is whole and on the disk.

    Returns:
      How many records, how many bytes, and the file's SHA-256.
    """
    count, size, digest = 0, 0, hashlib.sha256()
    with replacing(path) as file:
        for batch in _batches(records):
            framed = frame(batch)
            file.write(framed)
            digest.update(framed)
            count += len(batch)
            size += len(framed)
    return count, size, digest.hexdigest()


def _batches(records: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record)
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_RECORDS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def temporary_path(path: Path) -> Path:
    """Where `path` is written until it is whole: beside it, so that the renaming is atomic."""
    own = f"{os.getpid()}-{secrets.token_hex(4)}"  # machines that share a disk may share a number
    return path.with_name(f".{path.name}.{own}.tmp")


def remove_leftovers(data_dir: Path, name: str) -> None:
    """Removes what a killed run left unfinished of files whose names begin with `name`."""
    for path in data_dir.glob(f".{name}*.tmp"):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when the block ends, or not at all."""
    temporary = temporary_path(path)
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a small file in one step."""
    with replacing(path) as file:
        file.write(content)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
