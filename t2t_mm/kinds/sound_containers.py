"""Sound files as containers: what their headers promise, compared with what came.

libsndfile reads what is there of a file that breaks off, the first of several that were joined, and
nothing where the writer could not know the length. What it decodes is decided here before.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Literal

from t2t_mm.errors import DataError
from t2t_mm.kinds.broken import broken_sound
from t2t_mm.kinds.ogg_pages import ogg_links
from t2t_mm.kinds.sphere import header as sphere_header

# The lengths of 32 bits that programs write into a pipe: sox 0x7F000000, 0x7FFFF000 and 0x7FFFF024,
# arecord 0x80000000, ffmpeg and others 0xFFFFFFFF or 0.
OPEN_SIZES = (range(0x7F000000, 0x80000100), range(0xFFFFFF00, 0x100000000))
_OPEN_LONG_SIZE = 1 << 62  # and above, of 64 bits
_PADDING = 8  # bytes at most between the end of the samples and what follows

Order = Literal["little", "big"]

_FLAC_START = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
_MP3_INFO = re.compile(rb"Xing|Info|VBRI")
_VBRI_AT = 36  # bytes from the frame's start
_KILOBITS = {  # layer III, by index: MPEG 1, and 2 or 2.5
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


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
    try:
        fields = sphere_header(content)
    except DataError as error:
        raise broken_sound(str(error).rstrip(".")) from None
    if "," in str(fields.get("sample_coding", "")):
        raise broken_sound(f"it is compressed, {fields['sample_coding']}; convert it by sph2pipe")
    sizes = [fields.get(f"sample_{name}", 0) for name in ("count", "n_bytes")]
    size = int(sizes[0]) * int(sizes[1]) * int(fields.get("channel_count", 1))
    there = len(content) - int(content[8:16])
    if there < size:
        raise broken_sound(f"it breaks off after {there} of {size} bytes")
    if content.startswith(b"NIST_1A", len(content) - there + size) and size:
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
    return _split(content, [match.start() for match in _FLAC_START.finditer(content)])


def _mp3(content: bytes) -> list[bytes]:
    """A new part begins at each frame that tells a length, and where that length is over."""
    starts = []
    for match in _MP3_INFO.finditer(content):
        start = match.start() - _info_offset(content, match)
        if start >= 0 and _frame_size(content, start):
            starts.append(start)
            end = start + _told_bytes(content, match)
            size = _frame_size(content, end)
            if end > start and size and _frame_size(content, end + size):
                starts.append(end)
    return _split(content, sorted(set(starts)))


def _info_offset(content: bytes, match: re.Match[bytes]) -> int:
    """Bytes from the start of the frame to the tag, of which all but the header are 0."""
    at = match.start()
    if match[0] == b"VBRI":
        return _VBRI_AT
    zeros = at - len(content[max(0, at - 40) : at].rstrip(b"\0"))
    sizes = (32, 17, 9)  # of the side information; the header's last byte may be 0 itself
    found = [4 + n for n in sizes if n <= zeros and _is_sync(content, at - n - 4)]
    return found[0] if found else at + 1


def _is_sync(content: bytes, at: int) -> bool:
    return at >= 0 and content[at] == 0xFF and content[at + 1] & 0xE0 == 0xE0


def _told_bytes(content: bytes, match: re.Match[bytes]) -> int:
    """The length of the stream from this frame on, where the tag tells it; else 0."""
    at = match.end()
    if match[0] == b"VBRI":
        return _integer(content, at + 6, 4, "big")
    flags = _integer(content, at, 4, "big")
    return _integer(content, at + (8 if flags & 1 else 4), 4, "big") if flags & 2 else 0


def _frame_size(content: bytes, at: int) -> int:
    """The size in bytes of the frame of layer III that begins there; 0 for none."""
    if at + 4 > len(content) or not _is_sync(content, at):
        return 0
    version, layer = content[at + 1] >> 3 & 3, content[at + 1] >> 1 & 3
    bits, rate = content[at + 2] >> 4, content[at + 2] >> 2 & 3
    if version == 1 or layer != 1 or bits in (0, 15) or rate == 3:
        return 0
    per_frame = 144_000 if version == 3 else 72_000
    size = per_frame * _KILOBITS[version == 3][bits] // _MP3_RATES[version][rate]
    return size + (content[at + 2] >> 1 & 1)


def _split(content: bytes, starts: list[int]) -> list[bytes]:
    """The parts that begin at these places; the first has what stands before it, too."""
    places = [0, *starts[1:], len(content)]
    return [content[a:b] for a, b in itertools.pairwise(places)]


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
    ((b"ID3", b"\xff"), _mp3),
)
