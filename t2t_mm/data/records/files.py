"""TFRecord files of tf.train.Example, written without TensorFlow, and appearing only when whole."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from google_crc32c import value as crc32c

from t2t_mm.files.writing import replacing

Features = Mapping[str, Sequence[int] | Sequence[float] | Sequence[bytes] | bytes]

_CRC = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8  # of the TFRecord format
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
        if not isinstance(values, bytes) and len(values) and isinstance(values[0], (bytes, float)):
            parts.append(_field(1, _field(1, name.encode()) + _field(2, _unpacked(values))))
        else:
            packed = values if isinstance(values, bytes) else pack(cast("Sequence[int]", values))
            parts += (_before_packed(name, len(packed)), packed)
    content = b"".join(parts)
    return _head(1, len(content)) + content


def pack(values: Iterable[int]) -> bytes:
    """int64 values as a packed field stores them; what is packed in parts may be joined."""
    return b"".join(map(_varint, values))


def _unpacked(values: Sequence[Any]) -> bytes:
    return _floats(values) if isinstance(values[0], float) else _strings(values)


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
    """The bytes before the content of a length-delimited protocol buffer field."""
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
    parts: list[bytes] = []
    for record in records:
        parts += (_framed_length(len(record)), record, masked_crc(record))
    return b"".join(parts)


@lru_cache(maxsize=1 << 14)
def _framed_length(size: int) -> bytes:
    length = struct.pack("<Q", size)
    return length + masked_crc(length)


def masked_crc(content: bytes) -> bytes:
    """The CRC-32C, rotated and shifted as TFRecord stores it."""
    crc = crc32c(content)
    return _CRC.pack(((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF)


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
