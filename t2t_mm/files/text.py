"""Text files as people have them: packed or plain, with a byte order mark, with any line ends.

Everything that reads a user's text opens it here, so that every entrance gives one verdict: UTF-8
is read, with or without its byte order mark; gzip, bzip2 and xz are unpacked by what the file
holds, whatever it is called; what is neither is named for what it is.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from t2t_mm.errors import DataError

_BLOCK = 1 << 20  # bytes read at once; the first block tells what a file is
_LAYERS = 3  # of packing within packing
_UTF8_MARK = b"\xef\xbb\xbf"

_UNPACKED: tuple[tuple[bytes, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b\x08", lambda file: gzip.GzipFile(fileobj=file, mode="rb")),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
    (b"]\x00\x00", lzma.LZMAFile),
)
_TOLD = (
    (b"PK\x03\x04", "a zip archive", "unzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "zstd -d"),
    (b"\x04\x22\x4d\x18", "compressed with lz4", "lz4 -d"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x"),
    (b"\x1f\x9d", "compressed with compress", "uncompress"),
    (b"Rar!\x1a\x07", "a rar archive", "unrar x"),
)
_ENCODINGS = (
    (b"\xff\xfe\x00\x00", "UTF-32LE"),
    (b"\x00\x00\xfe\xff", "UTF-32BE"),
    (b"\xff\xfe", "UTF-16LE"),
    (b"\xfe\xff", "UTF-16BE"),
)
_TAR = slice(257, 262)
DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class BadLine:
    """Stands for a line that is no text.

    Attributes:
      reason: a few words to count by.
      detail: completes "<file>, line 3 ...", without a full stop.
      shown: the line, with U+FFFD where it is no text.
    """

    reason: str
    detail: str
    shown: str


def lines_of(path: Path) -> Iterator[str | BadLine]:
    """Yields the lines of a text file without their ends; see `lines_of_bytes`.

    Raises:
      DataError: as `lines_of_bytes`, or for a file that cannot be opened.
    """
    number = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(_lines(file, path), start=1):  # noqa: B007
                yield line
    except DAMAGED as cause:
        raise DataError(f"{path} cannot be read after line {number}: {cause}.") from None


def lines_of_bytes(content: bytes, name: str | Path) -> Iterator[str | BadLine]:
    """Yields the lines of what was read from `name`, without their ends.

    A line feed ends a line, with or without carriage returns before it; no other break (U+2028,
    form feed) does, so that two aligned files stay aligned. In a text without any line feed
    carriage returns end lines, as on old Macs.

    Raises:
      DataError: for another encoding than UTF-8, an archive or unknown packing, damaged packing,
        or carriage returns alone that are more than the line feeds beside them.
    """
    try:
        yield from _lines(BytesIO(content), name)
    except DAMAGED as cause:
        raise DataError(f"{name} cannot be read: {cause}.") from None


def read_text(path: Path) -> str:
    """The whole of a text file, each line ended by a line feed.

    Raises:
      DataError: as `lines_of`, and for a line that is no text, with its number.
    """
    lines = []
    for number, line in enumerate(lines_of(path), start=1):
        if isinstance(line, BadLine):
            raise DataError(f"{path}, line {number} {line.detail}.")
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def unpacked(file: IO[bytes], name: str | Path) -> tuple[bytes, IO[bytes]]:
    """The first block of what a file holds, unpacked, and the file from which the rest comes.

    Raises:
      DataError: for an archive, or packing that is not read here.
    """
    head = _read(file)
    for _ in range(_LAYERS):
        opener = next((opener for magic, opener in _UNPACKED if _begins(head, magic)), None)
        if opener is None:
            break
        file.seek(0)
        file = opener(file)
        head = _read(file)
    for magic, what, command in _TOLD:
        if head.startswith(magic):
            raise DataError(f"{name} is {what}, not text; unpack it with {command}.")
    if head[_TAR] == b"ustar":
        raise DataError(f"{name} is a tar archive, not text; unpack it with tar -xf.")
    return head, file


def _begins(head: bytes, magic: bytes) -> bool:
    if magic == b"BZh":  # which a text could begin with
        return head.startswith(magic) and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90")
    return head.startswith(magic)


def _read(file: IO[bytes]) -> bytes:
    """As much as a block holds: packed files give less at once."""
    parts, room = [], _BLOCK
    while room and (part := file.read(room)):
        parts.append(part)
        room -= len(part)
    return b"".join(parts)


def _lines(file: IO[bytes], name: str | Path) -> Iterator[str | BadLine]:
    head, file = unpacked(file, name)
    _check_encoding(head, name)
    head = head.removeprefix(_UTF8_MARK)
    macs = b"\n" not in head and b"\r" in head.rstrip(b"\r")
    end = "\r" if macs else "\n"
    for block in _whole_lines(_counted(_blocks(head, file), name, macs), end.encode()):
        yield from _decoded(block, end)


def _check_encoding(head: bytes, name: str | Path) -> None:
    found = next((encoding for mark, encoding in _ENCODINGS if head.startswith(mark)), None)
    if found is None and head.count(0) * 4 > len(head):
        # Latin letters in UTF-16: every second byte is zero.
        found = "UTF-16LE" if head[1:2] == b"\0" else "UTF-16BE"
    if found:
        raise DataError(
            f"{name} seems to be {found}, not UTF-8; convert it, for instance with iconv -f "
            f"{found} -t UTF-8."
        )


def _blocks(head: bytes, file: IO[bytes]) -> Iterator[bytes]:
    while head:
        yield head
        head = file.read(_BLOCK)


def _counted(blocks: Iterator[bytes], name: str | Path, macs: bool) -> Iterator[bytes]:
    """The blocks; refuses a text whose line ends are partly those of old Macs."""
    returns = feeds = 0
    ended_by_return = False
    for block in blocks:
        feeds += block.count(b"\n")
        if b"\r" in block or ended_by_return:
            returns += block.count(b"\r") - block.count(b"\r\n")
            returns -= ended_by_return and block.startswith(b"\n")
            ended_by_return = block.endswith(b"\r")
        if macs and feeds:
            break
        yield block
    if feeds and returns > feeds:
        raise DataError(
            f"{name} has {returns:,} carriage returns alone{' so far' * macs} and {feeds:,} line "
            "feeds: its line ends are partly those of old Macs; convert it, for instance with "
            r"tr '\r' '\n'."
        )


def _whole_lines(blocks: Iterator[bytes], end: bytes) -> Iterator[bytes]:
    """The same bytes, each block ending where a line does, without that line's end."""
    parts: list[bytes] = []
    for block in blocks:
        whole, found, rest = block.rpartition(end)
        if found:
            yield b"".join([*parts, whole])
            parts = []
        parts.append(rest)
    if any(parts):
        yield b"".join(parts)


def _decoded(block: bytes, end: str) -> Iterator[str | BadLine]:
    """The lines of a block; all at once, as nearly all blocks can be."""
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        yield from map(_decoded_line, block.split(end.encode()))
    elif "\r" in text and end != "\r":
        yield from (line.rstrip("\r") for line in text.split(end))
    else:
        yield from text.split(end)


def _decoded_line(line: bytes) -> str | BadLine:
    line = line.rstrip(b"\r")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as cause:
        return BadLine(
            "lines that are not UTF-8",
            f"is not UTF-8 (byte {cause.start + 1} of the line: {cause.reason}); convert the file, "
            "for instance with iconv -t UTF-8",
            line.decode("utf-8", "replace"),
        )
    if "\0" in text:
        return BadLine(
            "lines with a zero byte",
            f"holds a zero byte (byte {line.index(0) + 1} of the line), which no text has; remove "
            "it",
            text,
        )
    return text
