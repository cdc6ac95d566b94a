"""Ogg's pages: whole, in order, and the streams of which one begins where another ends."""

from __future__ import annotations

import zlib

from t2t_mm.kinds.broken import broken_sound
from t2t_mm.kinds.notes import tell

_MAGIC = b"OggS"
_HEADER = 27  # bytes before the table of segments
_BEGINS, _ENDS = 2, 4  # flags of a page
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_links(content: bytes) -> list[bytes]:
    """The links of a chained Ogg file, each a file that is whole.

    libogg passes over pages that are damaged or lacking, and libsndfile ends at the first link.

    Raises:
      BrokenValue: if a page is damaged, lacking or cut.
    """
    starts, at, numbers, beginning, flags = [0], 0, dict[bytes, int](), True, 0
    while content.startswith(_MAGIC, at):
        page = _page(content, at)
        flags, serial, number = page[5], page[14:18], int.from_bytes(page[18:22], "little")
        if flags & _BEGINS:
            if not beginning:
                starts.append(at)
                numbers = {}
            numbers[serial] = number - 1
        if numbers.get(serial, number - 1) != number - 1:
            raise broken_sound(f"page {numbers[serial] + 1} of its Ogg stream is lacking")
        numbers[serial], beginning = number, bool(flags & _BEGINS)
        at += len(page)
    if content[at:].strip(b"\0") and not content.startswith(b"TAG", at):
        raise broken_sound(f"after {at} of {len(content)} bytes there is no page of Ogg")
    if not flags & _ENDS:
        tell("sounds without an end mark", "has no end mark, and is read to its last page")
    return [content[a:b] for a, b in zip(starts, [*starts[1:], at], strict=True)]


def _page(content: bytes, at: int) -> bytes:
    segments = content[at + _HEADER : at + _HEADER + 1 + 255]
    count = content[at + _HEADER - 1] if at + _HEADER <= len(content) else 256
    size = _HEADER + count + sum(segments[:count])
    page = content[at : at + size]
    if len(page) < size or len(segments) < count:
        raise broken_sound(f"it breaks off within its page of Ogg at byte {at}")
    if _checksum(page[:22] + bytes(4) + page[26:]) != int.from_bytes(page[22:26], "little"):
        raise broken_sound(f"its page of Ogg at byte {at} is damaged")
    return page


def _checksum(page: bytes) -> int:
    """Ogg's CRC, which is zlib's with the bits of all bytes reversed, without its inversions."""
    value = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{value:032b}"[::-1], 2)
