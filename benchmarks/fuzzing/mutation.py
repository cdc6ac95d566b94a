"""Damage, drawn from a seeded generator: of bytes, of texts, of what JSON and TOML hold."""

from __future__ import annotations

import copy
import gzip
import random
from collections.abc import Sequence
from typing import Any

# What has broken readers before: of other programs, and of this one.
ODD_TEXTS = (
    "", " ", "\t", "\u00a0", "\0", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\ufeff",
    "\u200b",
    "\u0301", "é", "e\u0301", "ß", "İ", "日本語", "\U0001f600", "\ud800", "▁", "<unk>", "</s>",
    "<0x41>",
    '"', '""', "'", "`", "\\", "\\n", "\\u0000", "(", ")", "((", "))", "()", "(S)", "(S (NP",
    "-LRB-",
    "#", "//", "--", "{}", "[]", "{", "}", "null", "true", "nan", "NaN", "inf", "-inf", "1e999",
    "-1", "0",
    "1_000", "0x10", "٣", "9" * 400, "a" * 5000, "a " * 2000, "../../etc/passwd", "/dev/null",
    "~", "~root",
    "%s", "{0}", "${HOME}", "$(id)", "; rm", "*", "?", "[", "[a-", "..", ".", "=", ",", "a,b",
    "a\tb", "|",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**400, 0.0, -0.5, 1.5, 1e308,
    float("nan"), float("inf"), "", "x", [], {}, [[]], [None], {"": None}, ["x", 1], {"kind": 1},
)  # fmt: skip
ODD_BYTES = (b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\n", b"\r", b"\r\n", b"\n\n", b"\t",
    b'"', b",",
             b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80\x00\x00\x00",
             b"\xff\xff\xff\x7f",
             b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0")  # fmt: skip


def damaged_bytes(rng: random.Random, content: bytes, others: Sequence[bytes] = ()) -> bytes:
    """The content after one to five damages.

    Args:
      rng: the source of all choices.
      content: what is whole.
      others: further whole contents, to splice with.
    """
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
        content = rng.choice(_BYTE_DAMAGES)(rng, content, others)
    return content


def _flip(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    if not content:
        return b"\x00"
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        found[_place(rng, found)] ^= 1 << rng.randrange(8)
    return bytes(found)


def _set(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    at, new = _place(rng, content), rng.choice(ODD_BYTES)
    return content[:at] + new + content[at + len(new) :]


def _insert(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(rng, content)
    return content[:at] + rng.choice((*ODD_BYTES, rng.randbytes(rng.randint(1, 20)))) + content[at:]


def _remove(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(rng, content)
    return content[:at] + content[at + rng.choice((1, 1, 2, 4, 64)) :]


def _cut(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    return content[: _place(rng, content)]


def _behead(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    return content[_place(rng, content) :]


def _repeat(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    start = _place(rng, content)
    part = content[start : start + rng.choice((1, 4, 16, 256))]
    return content[:start] + part * rng.choice((2, 3, 20)) + content[start:]


def _splice(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    if not others:
        return content[::-1]
    other = rng.choice(others)
    return content[: _place(rng, content)] + other[_place(rng, other) :]


def _append(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    return content + (rng.choice(others) if others and rng.random() < 0.5 else rng.randbytes(32))


def _zero(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    start = _place(rng, content)
    size = len(content[start : start + rng.choice((4, 64, 4096))])
    return content[:start] + bytes(size) + content[start + size :]


_BYTE_DAMAGES = (_flip, _flip, _set, _set, _insert, _remove, _cut, _behead, _repeat, _splice,
                 _append, _zero)  # fmt: skip


def _place(rng: random.Random, content: bytes | bytearray) -> int:
    """A position; those of the head, where formats keep their promises, more often."""
    if not content:
        return 0
    most = min(len(content), 64) if rng.random() < 0.4 else len(content)
    return rng.randrange(most)


def packed_bytes(rng: random.Random, content: bytes) -> bytes:
    """A text file as other systems leave it: packed, with a mark, in another encoding."""
    text = content.decode("utf-8", "replace")
    return rng.choice(
        (
            lambda: gzip.compress(content, mtime=0),
            lambda: gzip.compress(content, mtime=0)[: len(content) // 3],
            lambda: b"\xef\xbb\xbf" + content,
            lambda: text.encode("utf-16"),
            lambda: text.encode("latin-1", "replace"),
            lambda: content.replace(b"\n", b"\r\n"),
            lambda: content.replace(b"\n", b"\r"),
            lambda: content.rstrip(b"\n"),
            lambda: content + b"\n\n",
        )
    )()


def odd_text(rng: random.Random) -> str:
    """A text that means something to some reader."""
    return "".join(rng.choice((*ODD_TEXTS, "word", "a b")) for _ in range(rng.choice((1, 1, 2, 4))))


def odd_value(rng: random.Random) -> Any:
    """A value of JSON's kinds, rarely the expected one."""
    if rng.random() < 0.3:
        return odd_text(rng)
    return copy.deepcopy(rng.choice(ODD_VALUES))


def damaged_tree(rng: random.Random, value: Any) -> Any:
    """A copy of what JSON or TOML holds, one to three of its parts changed, lost or moved."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(value))
        if not places:
            return odd_value(rng)
        holder, key = rng.choice(places)
        _change(rng, holder, key, places)
    return value


def _change(rng: random.Random, holder: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    way = rng.randrange(7)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[odd_text(rng) if rng.random() < 0.5 else f"{key}_"] = holder.pop(key)
    elif way == 2 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif way == 3:
        other, name = rng.choice(places)
        holder[key] = copy.deepcopy(other[name])
    elif way == 4 and isinstance(holder[key], str):
        at = rng.randint(0, len(holder[key]))
        holder[key] = holder[key][:at] + odd_text(rng) + holder[key][at:]
    elif way == 5 and isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
        holder[key] = rng.choice(
            (-holder[key], holder[key] + 1, holder[key] * 1000, str(holder[key]))
        )
    else:
        holder[key] = odd_value(rng)


def _places(value: Any) -> Any:
    """(holder, key) of everything inside of a value."""
    pairs = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in list(pairs):
        yield value, key
        yield from _places(inner)
