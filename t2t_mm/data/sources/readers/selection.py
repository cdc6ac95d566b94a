"""Selection of files of a folder: by glob, by range of names, by ending."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from t2t_mm.errors import DataError


def is_chosen(name: str, patterns: Sequence[str]) -> bool:
    """True if no pattern is given, or any matches.

    Args:
      name: a path relative to the source's folder, with slashes.
      patterns: each a glob ("wsj_00*", "dev/*"; * crosses slashes) or an inclusive range of names
        ("wsj_0001..wsj_0149"). One without a slash is compared with the file's name alone.
    """
    return not patterns or any(_matches(name, pattern) for pattern in patterns)


def _matches(name: str, pattern: str) -> bool:
    if "/" not in pattern:
        name = name.rpartition("/")[2]
    first, dots, last = pattern.partition("..")
    if dots and first and last:
        # The last name may leave its ending out: wsj_0149 takes wsj_0149.mrg in.
        return name >= first and name[: len(last)] <= last
    return fnmatchcase(name, pattern)


def files_under(
    folder: Path, endings: Sequence[str], patterns: Sequence[str] = ()
) -> list[tuple[str, Path]]:
    """The files below `folder`, at any depth, sorted by relative path.

    Args:
      folder: where to look; links to folders are followed.
      endings: lower case, e.g. (".jpg", ".png"); compared without regard to case.
      patterns: see `is_chosen`.

    Returns:
      (path relative to the folder with slashes, path), hidden files and folders left out.

    Raises:
      DataError: if the folder is none, or nothing in it is chosen.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} must be a folder.")
    found = [
        (name, folder / name)
        for name in _walk(folder)
        if name.lower().endswith(tuple(endings)) and is_chosen(name, patterns)
    ]
    if not found:
        endings = [ending for ending in endings if ending]
        wanted = [f"matches {' or '.join(patterns)}"] if patterns else []
        wanted += [f"ends in {' or '.join(endings)}"] if endings else []
        raise DataError(f"no file below {folder} {' and '.join(wanted)}.")
    return sorted(found)


def _walk(folder: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        relative = Path(parent).relative_to(folder)
        for name in files:
            if not name.startswith("."):
                yield (relative / name).as_posix()
