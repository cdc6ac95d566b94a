"""Sound files as containers: what their headers promise, compared with what came.

libsndfile reads what is there of a file that breaks off, the first of several that were joined, and
nothing where the writer could not know the length. What it decodes is decided here before.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Literal

from t2t_mm.errors import DataError
from t2t_mm.kinds.broken import broken_sound
from t2t_mm.kinds.mp3_frames import mp3_parts, split_at
from t2t_mm.kinds.notes import tell
from t2t_mm.kinds.ogg_pages import ogg_links
from t2t_mm.kinds.sphere import header as sphere_header

# The lengths of 32 bits that programs write into a pipe: sox 0x7F000000, 0x7FFFF000 and 0x7FFFF024,
# arecord 0x80000000, ffmpeg and others 0xFFFFFFFF or 0.
OPEN_SIZES = (range(0x7F000000, 0x80000100), range(0xFFFFFF00, 0x100000000))
_OPEN_LONG_SIZE = 1 << 62  # and above, of 64 bits
_AU_HEADER = 24  # bytes at least
_PADDING = 8  # bytes at most between the end of the samples and what follows

Order = Literal["little", "big"]

_FLAC_START = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")


def whole_parts(content: bytes) -> list[bytes]:
    """The sounds that a file consists of, one after another, each with its length in its header.

    Args:
      content: a file of any format; of one that is not known here it is the only part.

    Raises:
      BrokenValue: if it holds less than its header promises, or sounds that were joined in a
        format that has no such thing.
    """
    for starts, parts in _PARTS:
        if content.startswith(starts):
            return parts(content)
    return [content]


def _is_open(size: int, width: int) -> bool:
    return any(size in sizes for sizes in OPEN_SIZES) or (width > 4 and size >= _OPEN_LONG_SIZE)


def _checked(
    content: bytes, start: int, size: int, field: int, width: int, order: Order, beside: int = 0
) -> list[bytes]:
    """The file with the size of its samples filled in where it was left open.

    Args:
      content: the file.
      start: of the samples.
      size: of the samples, as the header has it.
      field: where in the header.
      width: of that field in bytes.
      order: "little" or "big".
      beside: bytes that the field counts and `size` does not.
    """
    there = len(content) - start
    cut, none = size > there, size == 0 and there and not _are_chunks(content, start, order)
    if none or (cut and _is_open(size + beside, width)):
        filled = (there + beside).to_bytes(width, order)
        return [content[:field] + filled + content[field + width :]]
    if cut:
        raise broken_sound(f"it breaks off after {there} of {size} bytes")
    if content[:4] in content[start + size : start + size + _PADDING + 4]:
        raise broken_sound("another file was joined to its end")
    after = start + size + size % 2
    if width == 4 and content[after:].strip(b"\0") and not _are_chunks(content, after, order):
        more = f"has {len(content) - after:,} bytes after the end that its header tells"
        tell("sounds that go on after their end", more)
    return [content]


def _are_chunks(content: bytes, start: int, order: Order) -> bool:
    """True if chunks fill the file from there on: samples do not look so."""
    at, end = start, len(content)
    while at + 8 <= end and content[at : at + 4].isascii() and content[at : at + 4].isalnum():
        size = _integer(content, at + 4, 4, order)
        at += 8 + size + size % 2
    return at in (end, end + 1) and end > start


def _integer(content: bytes, start: int, width: int, order: Order) -> int:
    return int.from_bytes(content[start : start + width], order)


def _chunks(content: bytes, start: int, order: Order) -> Iterator[tuple[bytes, int, int]]:
    """(name, start of the content, size) of chunks with sizes of 32 bits."""
    at = start
    while at + 8 <= len(content):
        size = _integer(content, at + 4, 4, order)
        yield content[at : at + 4], at + 8, size
        at += 8 + size + size % 2


def _riff(content: bytes) -> list[bytes]:
    """WAV: RIFF, RIFX (big-endian), RF64 and BW64, whose length of 64 bits stands in ds64."""
    order: Order = "big" if content[:4] == b"RIFX" else "little"
    long_size = 0
    for name, at, size in _chunks(content, 12, order):
        if name == b"ds64":
            long_size = at + 8
        if name == b"data":
            if long_size and size == 0xFFFFFFFF:
                return _checked(content, at, _integer(content, long_size, 8, order),
                                long_size, 8, order)  # fmt: skip
            return _checked(content, at, size, at - 4, 4, order)
    return [content]


def _iff(content: bytes) -> list[bytes]:
    """AIFF and AIFC (SSND, whose first 8 bytes are no samples), 8SVX (BODY)."""
    promised = 0
    found = None
    for name, at, size in _chunks(content, 12, "big"):
        if name == b"COMM" and content[8:12] == b"AIFF":
            channels, frames, bits = (
                _integer(content, at + start, width, "big")
                for start, width in ((0, 2), (2, 4), (6, 2))
            )
            promised = channels * frames * ((bits + 7) // 8)
        if name in (b"SSND", b"BODY") and found is None:
            beside = 8 if name == b"SSND" else 0
            samples = max(0, size - beside)
            found = _checked(content, at + beside, samples, at - 4, 4, "big", beside)
            there = min(size or len(content), len(content) - at) - beside
    if found and there < promised and not _is_open(promised, 4):
        raise broken_sound(f"it breaks off after {there} of {promised} bytes")
    return found or [content]


def _au(content: bytes) -> list[bytes]:
    order: Order = "big" if content[:4] == b".snd" else "little"
    start, size = _integer(content, 4, 4, order), _integer(content, 8, 4, order)
    if not _AU_HEADER <= start <= len(content):
        return [content]
    return _checked(content, start, size, 8, 4, order)


def _caf(content: bytes) -> list[bytes]:
    """Core Audio: chunks with sizes of 64 bits; the first 4 bytes of the data are no samples."""
    at = 8
    while at + 12 <= len(content):
        size = _integer(content, at + 4, 8, "big")
        if content[at : at + 4] == b"data":
            beside = size - 4 if 4 <= size < _OPEN_LONG_SIZE else size
            return _checked(content, at + 16, beside, at + 4, 8, "big", 4)
        at += 12 + size
    return [content]


def _w64(content: bytes) -> list[bytes]:
    """Sony Wave64: names of 16 bytes, sizes of 64 bits that count themselves, in steps of 8."""
    at = 40
    while at + 24 <= len(content):
        size = _integer(content, at + 16, 8, "little")
        if content[at : at + 4] == b"data":
            beside = size - 24 if 24 <= size < _OPEN_LONG_SIZE else size
            return _checked(content, at + 24, beside, at + 16, 8, "little", 24)
        at += max(24, (size + 7) // 8 * 8)
    return [content]


def _sphere(content: bytes) -> list[bytes]:
    """NIST SPHERE: a header of lines, then samples; their number may be left open."""
    try:
        fields = sphere_header(content)
        sizes = (fields.get("sample_count", 0), fields.get("sample_n_bytes", 0),
                 fields.get("channel_count", 1))  # fmt: skip
        size, start = math.prod(map(int, sizes)), int(content.split(b"\n", 2)[1])
    except (DataError, ValueError) as error:
        raise broken_sound(f"its SPHERE header is damaged: {str(error).rstrip('.')}") from None
    if "," in str(fields.get("sample_coding", "")):
        raise broken_sound(f"it is compressed, {fields['sample_coding']}; convert it by sph2pipe")
    there = len(content) - start
    if there < size:
        raise broken_sound(f"it breaks off after {there} of {size} bytes")
    if size and content.startswith(b"NIST_1A", start + size):
        raise broken_sound("another file was joined to its end")
    return [content]


def _voc(content: bytes) -> list[bytes]:
    """Creative Voice: blocks of a type and 24 bits of size. libsndfile reads one with sound."""
    at, sounds = _integer(content, 20, 2, "little"), 0
    while at + 4 <= len(content) and content[at]:
        size = _integer(content, at + 1, 3, "little")
        sounds += content[at] in (1, 2, 9)
        if at + 4 + size > len(content):
            raise broken_sound(f"it breaks off after {len(content) - at - 4} of {size} bytes")
        at += 4 + size
    if sounds > 1:
        raise broken_sound(f"it consists of {sounds} blocks of sound, and one is read")
    if content.startswith(content[:19], at + 1):
        raise broken_sound("another file was joined to its end")
    return [content]


def _flac(content: bytes) -> list[bytes]:
    return split_at(content, [match.start() for match in _FLAC_START.finditer(content)])


_PARTS: tuple[tuple[bytes | tuple[bytes, ...], Callable[[bytes], list[bytes]]], ...] = (
    ((b"RIFF", b"RIFX", b"RF64", b"BW64"), _riff),
    (b"FORM", _iff),
    ((b".snd", b"dns."), _au),
    (b"caff", _caf),
    (b"riff", _w64),
    (b"NIST_1A", _sphere),
    (b"Creative Voice File", _voc),
    (b"OggS", ogg_links),
    (b"fLaC", _flac),
    ((b"ID3", b"\xff"), mp3_parts),
)
