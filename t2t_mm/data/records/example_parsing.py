"""Reads serialised tf.train.Example protocol buffers without TensorFlow: the inverse of records.py.

A worker that need not import TensorFlow starts in half a second instead of ten.
"""

from __future__ import annotations

import numpy as np

from t2t_mm.data.records.protobuf import fields

Values = list[bytes] | np.ndarray


def example_features(record: bytes | memoryview) -> dict[str, memoryview]:
    """The features of a tf.train.Example, none of them read yet: see `feature_values`.

    Only the bytes that say where each begins are touched: of a record in a mapped file, nothing
    else is fetched from the disk.

    Raises:
      ValueError: if `record` is not such a message.
    """
    found: dict[str, memoryview] = {}
    try:
        for _, features in fields(record):
            for _, entry in fields(features):
                parts = dict(fields(entry))
                found[bytes(parts[1]).decode()] = parts.get(2, memoryview(b""))
    except KeyError as error:
        raise ValueError(f"no tf.train.Example: field {error} is missing") from None
    except ValueError as error:
        raise ValueError(f"no tf.train.Example: {error}") from None
    return found


def feature_values(feature: memoryview) -> Values:
    """The values of one feature.

    Returns:
      A list of bytes, int64 [n] or float32 [n]; a feature without values is an empty list.

    Raises:
      ValueError: if `feature` is not such a message.
    """
    try:
        return _values(feature)
    except ValueError as error:
        raise ValueError(f"no tf.train.Example: {error}") from None


def _values(feature: memoryview) -> Values:
    for kind, content in fields(feature):
        if kind == 1:
            return [bytes(value) for _, value in fields(content)]
        packed = b"".join(bytes(part) for _, part in fields(content, numbers=True))
        return np.frombuffer(packed, "<f4") if kind == 2 else _int64s(packed)
    return []


def _int64s(packed: bytes) -> np.ndarray:
    """Packed varints as int64 [n]; a sound holds a hundred thousand, so not one by one."""
    data = np.frombuffer(packed, np.uint8)
    last = data < 0x80
    if not len(data):
        return np.zeros(0, np.int64)
    starts = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])
    which: np.ndarray = np.cumsum(last) - last  # the number that each byte belongs to
    shifts = (7 * (np.arange(len(data)) - starts[which])).astype(np.uint64)
    parts = (data & 0x7F).astype(np.uint64) << shifts
    return np.add.reduceat(parts, starts).view(np.int64)
