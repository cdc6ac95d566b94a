"""Text files: packing by content, byte order marks, line ends, what is told instead of read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from t2t_mm.errors import DataError
from t2t_mm.files import text
from t2t_mm.files.text import BadLine, lines_of, lines_of_bytes, read_text

LINES = ["one", "zwei é", "", "four\u2028more\x0c"]
PLAIN = "".join(f"{line}\n" for line in LINES).encode()


def packed(content: bytes) -> bytes:
    """Gzip without the time, which would name tests differently in each process."""
    return gzip.compress(content, mtime=0)


def tar(content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.removesuffix(b"\n"),
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + PLAIN.replace(b"\n", b"\r"),
        packed(PLAIN),
        bz2.compress(PLAIN),
        lzma.compress(PLAIN),
        lzma.compress(PLAIN, format=lzma.FORMAT_ALONE),
        packed(b"\xef\xbb\xbf" + PLAIN.replace(b"\n", b"\r")),
        packed(bz2.compress(PLAIN)),
        packed(PLAIN[:7]) + packed(PLAIN[7:]),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.gz"])
@pytest.mark.parametrize("block", [3, 1 << 20])
def test_all_forms_of_a_text_give_its_lines(
    content: bytes, name: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if block == 3 and (content[:1] in b"\x1f]B\xfd" or b"\r" in content or content[:1] == b"\xef"):
        block = 64  # the first block must hold what tells the form
    monkeypatch.setattr(text, "_BLOCK", block)
    (tmp_path / name).write_bytes(content)
    assert list(lines_of(tmp_path / name)) == LINES
    assert list(lines_of_bytes(content, name)) == LINES
    assert read_text(tmp_path / name) == PLAIN.decode()


@pytest.mark.parametrize("block", [1, 2, 3, 5])
def test_line_ends_may_lie_across_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_BLOCK", block)
    assert list(lines_of_bytes(b"ab\r\ncd\r\n\r\nlong line\r\n", "x")) == [
        "ab", "cd", "", "long line",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PLAIN.decode().encode("utf-16"), "seems to be UTF-16LE, not UTF-8; convert it, for inst"),
        (b"\xfe\xff" + "a\n".encode("utf-16-be"), "seems to be UTF-16BE"),
        (PLAIN.decode().encode("utf-16-le"), "iconv -f UTF-16LE -t UTF-8."),
        ("a\n".encode("utf-32"), "seems to be UTF-32LE"),
        (b"PK\x03\x04rest", "is a zip archive, not text; unpack it with unzip."),
        (b"\x28\xb5\x2f\xfdrest", "is compressed with zstd, not text; unpack it with zstd -d."),
        (packed(tar(PLAIN)), "is a tar archive, not text; unpack it with tar -xf."),
        (packed(PLAIN)[:-6], "cannot be read"),
        (packed(PLAIN)[:-6] + b"xxxxxx", "cannot be read"),
        (b"a\rb\rc\n", "has 2 carriage returns alone and 1 line feeds: its line ends are partly"),
        (b"a\rb\n\rc\rd\n\r", r"for instance with tr '\r' '\n'."),
    ],
)
def test_what_is_no_text_is_told(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    readers: list[Callable[[], object]] = [
        lambda: list(lines_of(tmp_path / "a.txt")),
        lambda: list(lines_of_bytes(content, "a.txt")),
        lambda: read_text(tmp_path / "a.txt"),
    ]
    for reader in readers:
        with pytest.raises(DataError) as error:
            reader()
        assert message in str(error.value)
        assert "a.txt " in str(error.value)


def test_a_text_of_old_macs_that_line_feeds_follow_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(text, "_BLOCK", 8)
    with pytest.raises(DataError, match="carriage returns alone so far and 1 line feeds"):
        list(lines_of_bytes(b"a\rb\rc\rd\re\rf\rg\n", "x"))


def test_a_carriage_return_in_a_line_is_no_line_end() -> None:
    assert list(lines_of_bytes(b"a\rb\nc\n", "x")) == ["a\rb", "c"]


def test_bad_lines_stand_among_the_others() -> None:
    first, bad, zero, last = lines_of_bytes(b"a\nd\xe9j\xe0\nx\0y\nb\n", "x")
    assert (first, last) == ("a", "b")
    assert isinstance(bad, BadLine) and isinstance(zero, BadLine)
    assert bad.detail.startswith("is not UTF-8 (byte 2 of the line: invalid continuation byte)")
    assert zero.detail.startswith("holds a zero byte (byte 2 of the line)")
    assert (bad.shown, zero.shown) == ("d\ufffdj\ufffd", "x\0y")


def test_a_whole_text_names_the_line_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a\n\xff\n")
    with pytest.raises(DataError, match=r"/a, line 2 is not UTF-8 \(byte 1 of the line"):
        read_text(tmp_path / "a")
