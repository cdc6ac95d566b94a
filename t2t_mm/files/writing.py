"""One way to write a file: beside its place, onto the disk, then renamed; whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def temporary_path(path: Path) -> Path:
    """The path beside `path` that is written until it is whole: so the renaming is atomic."""
    own = f"{os.getpid()}-{secrets.token_hex(4)}"  # machines that share a disk may share a number
    return path.with_name(f".{path.name}.{own}.tmp")


def remove_leftovers(folder: Path, name: str) -> None:
    """Removes what a killed run left unfinished of files whose names begin with `name`."""
    for path in folder.glob(f".{name}*.tmp"):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when the block ends, or not at all."""
    temporary = temporary_path(path)
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: bytes | str) -> None:
    r"""Writes a small file in one step.

    Text is written in UTF-8; bytes of a file's name that are not UTF-8 become such as \\udcff.
    """
    if isinstance(content, str):
        content = content.encode(errors="backslashreplace")
    with replacing(path) as file:
        file.write(content)


def rewrite(path: Path, content: bytes | str) -> None:
    """`write_atomically` for the one process that writes `path`: a killed one's leftovers go."""
    remove_leftovers(path.parent, path.name)
    write_atomically(path, content)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
