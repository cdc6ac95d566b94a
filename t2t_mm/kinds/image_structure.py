"""PNG and JPEG files as sequences of chunks: so plainly whole that every decoder reads them.

Decoders differ in what they forgive. What is plain needs no proof by TensorFlow, whose import costs
the workers of datagen seconds; anything else is shown to it (image_files.py).
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of PNG's color types
# Starting column and row, steps between columns and rows of the passes of an interlaced PNG.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
           (0, 1, 1, 2))  # fmt: skip
_BLOCK = 1 << 20  # bytes of pixels held at once

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA  # JPEG's markers
_PROGRESSIVE = 0xC2
_BASELINE = (0xC0, 0xC1)
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # but stuffing, filling and restarts


def is_plain_png(content: bytes) -> bool:
    """True for one header, palette and run of pixels, whole and in order, with right checksums."""
    chunks = list(_png_chunks(content))
    runs = [name for name, _ in itertools.groupby(name for name, _ in chunks)]
    critical = [name for name in runs if name[:1].isupper()]
    if critical not in ([b"IHDR", b"IDAT", b"IEND"], [b"IHDR", b"PLTE", b"IDAT", b"IEND"]):
        return False
    names = [name for name, _ in chunks]
    if runs[0] != b"IHDR" or any(names.count(name) != 1 for name in critical if name != b"IDAT"):
        return False
    header, palette = chunks[0][1], dict(chunks).get(b"PLTE", b"")
    if len(header) != 13 or header[9] not in _CHANNELS or any(header[10:12]) or header[12] > 1:
        return False
    if (header[9] == 3) != bool(palette) and header[9] in (0, 3, 4):
        return False
    if len(palette) % 3 or len(palette) > 768 or _has_odd_neighbors(names):
        return False
    return _is_filled(_png_size(header), b"".join(d for n, d in chunks if n == b"IDAT"))


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, content) of chunks up to IEND, as far as they are whole and their checksums right."""
    at = len(_PNG)
    while at + 12 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        name, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        told = content[at + 8 + size : at + 12 + size]
        if int.from_bytes(told, "big") != zlib.crc32(name + data) or len(told) < 4:
            return
        yield name, data
        if name == b"IEND":
            return
        at += 12 + size


def _has_odd_neighbors(names: list[bytes]) -> bool:
    """What stands before the palette or the pixels by the standard stands elsewhere."""
    pixels = names.index(b"IDAT")
    palette = names.index(b"PLTE") if b"PLTE" in names else 0
    return any(
        names.count(name) > 1 or (name in names and names.index(name) > pixels)
        for name in (b"pHYs", b"tRNS", b"bKGD", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT")
    ) or (b"tRNS" in names and names.index(b"tRNS") < palette)


def _png_size(header: bytes) -> int:
    """Bytes of the pixels before compression."""
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits = header[8] * _CHANNELS[header[9]]
    total = 0
    for column, row, across, down in _PASSES if header[12] else ((0, 0, 1, 1),):
        columns, rows = -(-(width - column) // across), -(-(height - row) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _is_filled(size: int, compressed: bytes) -> bool:
    """True if a zlib stream is whole and holds that number of bytes."""
    stream, found = zlib.decompressobj(), 0
    try:
        while compressed and not stream.eof and found <= size:
            found += len(stream.decompress(compressed, _BLOCK))
            compressed = stream.unconsumed_tail
    except zlib.error:
        return False
    return stream.eof and found == size and not stream.unused_data


def is_plain_jpeg(content: bytes) -> bool:
    """True for headers, scans without foreign markers in them, and an end."""
    at, frame, scans = 2, None, 0
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker, size = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == _END:
            return scans > 0
        if marker == 0xFF:
            at += 1
            continue
        if marker < 0xC0 or marker in (_START, 0xC8) or size < 2 or at + 2 + size > len(content):
            return False
        if marker in (*_BASELINE, _PROGRESSIVE):
            if frame is not None:
                return False
            frame = content[at : at + 2 + size]
        elif marker == _SCAN:
            scans += 1
            if frame is None or len(frame) < 10:
                return False
            end = _MARKER.search(content, at + 2 + size)
            if end is None:
                return False
            if frame[1] != _PROGRESSIVE and content[end.start() + 1] != _END:
                # One scan has all; several scans of a sequential file are left to the proof.
                return False
            at = end.start()
            if content[at + 1] == _END:
                return True
            continue
        at += 2 + size
    return False
