"""Protocol buffers by value: every kind of field, and bytes that are none."""

from __future__ import annotations

import pytest

from t2t_mm.data.records.protobuf import fields, varint

# field 1: varint 300; 2: 8 bytes; 3: "abc"; 4: 4 bytes; 16: "" (its key takes two bytes)
MESSAGE = b"\x08\xac\x02" + b"\x11" + bytes(8) + b"\x1a\x03abc" + b"\x25wxyz" + b"\x82\x01\x00"


def test_fields() -> None:
    assert [(n, bytes(content)) for n, content in fields(MESSAGE)] == [(3, b"abc"), (16, b"")]
    every = [(n, bytes(content)) for n, content in fields(MESSAGE, numbers=True)]
    assert every == [(1, b"\xac\x02"), (2, bytes(8)), (3, b"abc"), (4, b"wxyz"), (16, b"")]
    assert varint(memoryview(MESSAGE), 1) == (300, 3)
    assert list(fields(b"")) == []


@pytest.mark.parametrize("cut", [1, 2, 5, 13, 15, 20])
def test_what_breaks_off(cut: int) -> None:
    with pytest.raises(ValueError, match="^it breaks off$"):
        list(fields(MESSAGE[:cut]))


def test_another_wire_type() -> None:
    with pytest.raises(ValueError, match="^wire type 3$"):
        list(fields(b"\x0b\x00"))
