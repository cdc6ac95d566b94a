"""MP3's frames: where one stream ends and another begins, and how many there are.

libsndfile ends where the first stream's tag says, and where there is no such tag it guesses the
length from the first frames: a stream of varying bit rates ends anywhere.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

_TAG = re.compile(rb"Xing|Info|VBRI")  # stands in a stream's first frame, which is silent
_VBRI_AT = 36  # bytes from the frame's start
_SIDE_SIZES = (32, 17, 9)  # bytes between the header and the other tags, all 0
_HAS_FRAMES, _HAS_BYTES = 1, 2  # flags of a tag
_KILOBITS = {  # layer III, by index: MPEG 1, and 2 or 2.5
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_ROOMY = 0x90  # the index of a bit rate at which a frame has room for a tag
_MONO = 3


def mp3_parts(content: bytes) -> list[bytes]:
    """The streams of an MP3 file, each with a tag that counts its frames if its bit rate varies."""
    starts = []
    for match in _TAG.finditer(content):
        start = _start_of_tagged(content, match)
        if start is None or not _frame_size(content, start):
            continue
        starts.append(start)
        end = start + _told(content, match, _HAS_BYTES)
        size = _frame_size(content, end)
        if end > start and size and _frame_size(content, end + size):
            starts.append(end)  # it goes on beyond what the tag tells
    return [_with_count(part) for part in split_at(content, sorted(set(starts)))]


def split_at(content: bytes, starts: Sequence[int]) -> list[bytes]:
    """The parts that begin at these places; the first has what stands before it, too."""
    places = [0, *starts[1:], len(content)]
    return [content[a:b] for a, b in itertools.pairwise(places)]


def _start_of_tagged(content: bytes, match: re.Match[bytes]) -> int | None:
    """Where the frame begins that a tag stands in; None for letters that are no tag."""
    at = match.start()
    if match[0] == b"VBRI":
        return at - _VBRI_AT if _is_sync(content, at - _VBRI_AT) else None
    zeros = at - len(content[max(0, at - 40) : at].rstrip(b"\0")) - max(0, at - 40)
    places = (at - size - 4 for size in _SIDE_SIZES if size <= zeros)
    return next((place for place in places if _is_sync(content, place)), None)


def _told(content: bytes, match: re.Match[bytes], flag: int) -> int:
    """The number of frames, or of bytes from the tagged frame on, that a tag tells; else 0."""
    at = match.end()
    if match[0] == b"VBRI":
        return _integer(content, at + (10 if flag == _HAS_FRAMES else 6))
    flags = _integer(content, at)
    beside = 4 if flag == _HAS_BYTES and flags & _HAS_FRAMES else 0
    return _integer(content, at + 4 + beside) if flags & flag else 0


def _integer(content: bytes, start: int) -> int:
    return int.from_bytes(content[start : start + 4], "big")


def _is_sync(content: bytes, at: int) -> bool:
    return at >= 0 and content[at : at + 1] == b"\xff" and content[at + 1] & 0xE0 == 0xE0


def _frame_size(content: bytes, at: int) -> int:
    """The size in bytes of the frame of layer III that begins there; 0 for none."""
    if at + 4 > len(content) or not _is_sync(content, at):
        return 0
    version, layer = content[at + 1] >> 3 & 3, content[at + 1] >> 1 & 3
    bits, rate = content[at + 2] >> 4, content[at + 2] >> 2 & 3
    if version == 1 or layer != 1 or bits in (0, 15) or rate == 3:
        return 0
    per_frame = 144_000 if version == 3 else 72_000
    size = per_frame * _KILOBITS[version == 3][bits] // _RATES[version][rate]
    return size + (content[at + 2] >> 1 & 1)


def _with_count(content: bytes) -> bytes:
    """The stream with a tag in front if it has none that counts its frames, and needs one."""
    frames = list(_frames(content))
    if not frames:
        return content
    first = frames[0]
    tag = _TAG.search(content, first, first + 64)
    if tag and _start_of_tagged(content, tag) == first and _told(content, tag, _HAS_FRAMES):
        return content
    if len({content[at + 2] >> 4 for at in frames}) == 1:
        return content
    sync, version, rates, channels = content[first : first + 4]
    header = bytes((sync, version | 1, rates & 0x0D | _ROOMY, channels))  # without a checksum
    mono, newest = header[3] >> 6 == _MONO, header[1] >> 3 & 3 == 3
    side = (17 if mono else 32) if newest else (9 if mono else 17)
    told = b"Xing" + _HAS_FRAMES.to_bytes(4, "big") + len(frames).to_bytes(4, "big")
    frame = (header + bytes(side) + told).ljust(_frame_size(header, 0), b"\0")
    return content[:first] + frame + content[first:]


def _frames(content: bytes) -> Iterator[int]:
    """The starts of the frames that can be read, tags of other sorts passed over."""
    at = 0
    while content.startswith(b"ID3", at):
        told = content[at + 6 : at + 10][::-1]
        at += 10 + sum(byte << 7 * place for place, byte in enumerate(told))
    while at < len(content):
        size = _frame_size(content, at)
        if size and (at + size >= len(content) - 4 or _frame_size(content, at + size)):
            yield at
            at += size
        else:
            at = content.find(b"\xff", at + 1)
            if at < 0:
                return
