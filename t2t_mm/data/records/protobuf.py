"""Reads serialised protocol buffers field by field, without their descriptions."""

from __future__ import annotations

from collections.abc import Iterator

_LENGTH_DELIMITED = 2
_SKIPPED = {0: None, 1: 8, 5: 4}  # wire type -> bytes; None for a varint


def fields(message: bytes | memoryview, numbers: bool = False) -> Iterator[tuple[int, memoryview]]:
    """(field number, content) of each length-delimited field, none of them read yet.

    Args:
      message: its bytes.
      numbers: fields that are one number are yielded too, as the bytes of that number.

    Raises:
      ValueError: if `message` breaks off or is not a protocol buffer.
    """
    message = memoryview(message)
    at, end = 0, len(message)
    try:
        while at < end:
            key, start = varint(message, at)
            kind = key & 7
            if kind == _LENGTH_DELIMITED:
                size, start = varint(message, start)
                stop = start + size
            elif kind in _SKIPPED:
                fixed = _SKIPPED[kind]
                stop = varint(message, start)[1] if fixed is None else start + fixed
            else:
                raise ValueError(f"wire type {kind}")
            if stop > end:
                raise ValueError("it breaks off")
            if kind == _LENGTH_DELIMITED or numbers:
                yield key >> 3, message[start:stop]
            at = stop
    except IndexError:
        raise ValueError("it breaks off") from None


def varint(message: memoryview, at: int = 0) -> tuple[int, int]:
    """The number that begins at `at`, and where it ends.

    Raises:
      IndexError: if the bytes end before the number does.
    """
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
