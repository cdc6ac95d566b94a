"""The version folders of an export: DIR/1, DIR/2, ...: which there are, and which are complete."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_NEEDED = ("saved_model.pb", "variables/variables.index", "assets.extra/t2t_mm.json")


@dataclass(frozen=True)
class VersionFolder:
    """A folder whose name is a number.

    Attributes:
      number: the version.
      path: the folder.
      missing: files that an export has and this folder does not; empty if it is complete.
      fingerprint: names, sizes and times of its files; changes while it is written.
    """

    number: int
    path: Path
    missing: tuple[str, ...]
    fingerprint: tuple[tuple[str, int, int], ...]


def scan(folder: Path) -> list[VersionFolder]:
    """The version folders, the highest first. Everything else in `folder` is left alone.

    Raises:
      OSError: if `folder` itself cannot be read.
    """
    found = [p for p in folder.iterdir() if p.name.isascii() and p.name.isdecimal() and p.is_dir()]
    return [_inspect(path) for path in sorted(found, key=lambda path: int(path.name), reverse=True)]


def _inspect(path: Path) -> VersionFolder:
    files = []
    for file in sorted(path.rglob("*")):
        try:
            state = file.stat()
        except OSError:  # removed meanwhile
            continue
        if file.is_file():
            files.append((file.relative_to(path).as_posix(), state.st_size, state.st_mtime_ns))
    names = {name for name, size, _ in files if size}
    missing = tuple(name for name in _NEEDED if name not in names)
    if not any(name.startswith("variables/variables.data-") for name in names):
        missing += ("variables/variables.data-*",)
    return VersionFolder(int(path.name), path, missing, tuple(files))
