"""TFRecord files of tf.train.Example, written without TensorFlow, and appearing only when whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from t2t_mm.data.crc32c import masked_crcs

Features = Mapping[str, Sequence[int] | Sequence[bytes]]

_BATCH_RECORDS = 4096  # records framed at once
_BATCH_BYTES = 1 << 20


def encode_example(features: Features) -> bytes:
    """Serialises a tf.train.Example.

    Args:
      features: name -> int64 values or byte strings; written in the order of the names, so that
        equal examples have equal bytes.
    """
    entries = []
    for name in sorted(features):
        entry = _field(1, name.encode()) + _field(2, _feature(features[name]))
        entries.append(_field(1, entry))
    return _field(1, b"".join(entries))


def _feature(values: Sequence[int] | Sequence[bytes]) -> bytes:
    if len(values) and isinstance(values[0], bytes):
        return _field(1, b"".join(_field(1, value) for value in values))
    packed = b"".join(map(_varint, values))
    return _field(3, _field(1, packed))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protocol buffer field."""
    return b"%c%b%b" % (number << 3 | 2, _varint(len(content)), content)


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
    lengths = [struct.pack("<Q", len(record)) for record in records]
    length_crcs = masked_crcs(lengths).astype("<u4").tobytes()
    crcs = masked_crcs(records).astype("<u4").tobytes()
    parts = []
    for i, (length, record) in enumerate(zip(lengths, records, strict=True)):
        at = slice(4 * i, 4 * i + 4)
        parts += (length, length_crcs[at], record, crcs[at])
    return b"".join(parts)


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
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


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
