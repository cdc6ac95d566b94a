"""Reads serialised tf.train.Example protocol buffers without TensorFlow: the inverse of records.py.

A worker that need not import TensorFlow starts in half a second instead of ten.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

Values = list[bytes] | np.ndarray

_LENGTH_DELIMITED = 2
_SKIPPED = {0: None, 1: 8, 5: 4}  # wire type -> bytes; None for a varint


def example_features(record: bytes | memoryview) -> dict[str, memoryview]:
    """The features of a tf.train.Example, none of them read yet: see `feature_values`.

    Only the bytes that say where each begins are touched: of a record in a mapped file, nothing
    else is fetched from the disk.

    Raises:
      ValueError: if `record` is no such message.
    """
    found: dict[str, memoryview] = {}
    try:
        for _, features in _fields(memoryview(record)):
            for _, entry in _fields(features):
                parts = dict(_fields(entry))
                found[bytes(parts[1]).decode()] = parts.get(2, memoryview(b""))
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"no tf.train.Example: {type(error).__name__} {error}") from None
    return found


def feature_values(feature: memoryview) -> Values:
    """The values of one feature.

    Returns:
      A list of bytes, int64 [n] or float32 [n]; a feature without values is an empty list.

    Raises:
      ValueError: if `feature` is no such message.
    """
    try:
        return _values(feature)
    except IndexError as error:
        raise ValueError(f"no tf.train.Example: IndexError {error}") from None


def _values(feature: memoryview) -> Values:
    for kind, content in _fields(feature):
        if kind == 1:
            return [bytes(value) for _, value in _fields(content)]
        packed = b"".join(bytes(part) for _, part in _fields(content, unpacked=True))
        return np.frombuffer(packed, "<f4") if kind == 2 else _int64s(packed)
    return []


def _fields(message: memoryview, unpacked: bool = False) -> Iterator[tuple[int, memoryview]]:
    """(field number, content) of each length-delimited field.

    Args:
      message: its bytes.
      unpacked: numbers that stand alone instead of in a packed field are yielded too.
    """
    at, end = 0, len(message)
    while at < end:
        key, start = _varint(message, at)
        kind = key & 7
        if kind == _LENGTH_DELIMITED:
            size, start = _varint(message, start)
            stop = start + size
        elif kind in _SKIPPED:
            fixed = _SKIPPED[kind]
            stop = _varint(message, start)[1] if fixed is None else start + fixed
        else:
            raise ValueError(f"no tf.train.Example: wire type {kind}")
        if stop > end:
            raise ValueError("no tf.train.Example: it breaks off")
        if kind == _LENGTH_DELIMITED or unpacked:
            yield key >> 3, message[start:stop]
        at = stop


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _int64s(packed: bytes) -> np.ndarray:
    """Packed varints as int64 [n]; a sound holds a hundred thousand, so not one by one."""
    data = np.frombuffer(packed, np.uint8)
    last = data < 0x80
    if not len(data):
        return np.zeros(0, np.int64)
    starts = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])
    which = np.cumsum(last) - last  # the number that each byte belongs to
    shifts = (7 * (np.arange(len(data)) - starts[which])).astype(np.uint64)
    parts = (data & 0x7F).astype(np.uint64) << shifts
    return np.add.reduceat(parts, starts).view(np.int64)
