"""Selection of files of a folder: by glob, by range of names, by ending."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from t2t_mm.errors import DataError
from t2t_mm.files.names import same_form
from t2t_mm.problem import SourceNote


def is_chosen(name: str, patterns: Sequence[str]) -> bool:
    """True if no pattern is given, or any matches.

    Args:
      name: a path relative to the source's folder, with slashes.
      patterns: each a glob ("wsj_00*", "dev/*"; * crosses slashes) or an inclusive range of names
        ("wsj_0001..wsj_0149"). One without a slash is compared with the file's name alone.
    """
    return not patterns or any(_matches(name, pattern) for pattern in patterns)


def is_excluded(name: str, patterns: Sequence[str]) -> bool:
    """True if a pattern matches a path, or any folder that it lies in.

    Args:
      name: as for `is_chosen`.
      patterns: as for `is_chosen`; one without a slash is compared with the file's name and with
        those of all its folders.
    """
    parts = name.split("/") if patterns else []
    paths = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return any(_matches(path, pattern.rstrip("/")) for path in paths for pattern in patterns)


def _matches(name: str, pattern: str) -> bool:
    name, pattern = same_form(name), same_form(pattern)
    if "/" not in pattern:
        name = name.rpartition("/")[2]
    first, dots, last = pattern.partition("..")
    if dots and first and last:
        # The last name may leave its ending out: wsj_0149 takes wsj_0149.mrg in.
        return name >= first and name[: len(last)] <= last
    return fnmatchcase(name, pattern)


def files_under(
    folder: Path,
    endings: Sequence[str],
    patterns: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> list[tuple[str, Path]]:
    """The files below `folder`, at any depth, sorted by relative path.

    Args:
      folder: where to look; links to folders are followed, and each folder is visited once.
      endings: lower case, e.g. (".jpg", ".png"); compared without regard to case.
      patterns: see `is_chosen`.
      exclude: see `is_excluded`.

    Returns:
      (path relative to the folder with slashes, path), hidden files and folders left out. The
      relative path is in Unicode's normal form C, whatever the disk has.

    Raises:
      DataError: if the folder is none, or nothing in it is chosen.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} must be a folder.")
    found = [
        (same_form(name), folder / name)
        for name in listing(folder).files
        if name.lower().endswith(tuple(endings))
        and is_chosen(name, patterns)
        and not is_excluded(name, exclude)
    ]
    if not found:
        endings = [ending for ending in endings if ending]
        wanted = [f"matches {' or '.join(patterns)}"] if patterns else []
        wanted += [f"ends in {' or '.join(endings)}"] if endings else []
        wanted += [f"is not left out by exclude ({', '.join(exclude)})"] if exclude else []
        raise DataError(f"no file below {folder} {' and '.join(wanted)}.")
    return sorted(found)


def notes_under(
    folder: Path, endings: Sequence[str], exclude: Sequence[str] = (), source: str = ""
) -> list[SourceNote]:
    """Notes on what lies below `folder` and `files_under` passes over, whatever its patterns.

    Args:
      folder, endings, exclude: see `files_under`.
      source: the folder's name in the notes.
    """
    found = listing(folder)
    notes: dict[str, list[str]] = {}
    for name in found.files:
        if is_excluded(name, exclude):
            notes.setdefault("files left out by exclude", []).append(name)
        elif not name.lower().endswith(tuple(endings)):
            ending = os.path.splitext(name)[1].lower()
            what = f"files that end in {ending}" if ending else "files without an ending"
            notes.setdefault(f"{what} are not read", []).append(name)
    notes["hidden files and folders are not read"] = found.hidden
    notes["links to folders that are read already are not followed"] = found.links
    return [
        SourceNote(what, tuple(f"{source}/{name}" if source else name for name in sorted(names)))
        for what, names in sorted(notes.items())
        if names
    ]


def unnamed_under(
    folder: Path, endings: Sequence[str], names: Collection[str], source: str
) -> list[SourceNote]:
    """A note on the files below `folder` that no table names; `names` are relative paths."""
    there = (same_form(name) for name in listing(folder).files)
    unnamed = sorted(n for n in there if n.lower().endswith(tuple(endings)) and n not in names)
    what = "files that no table names are not read"
    return [SourceNote(what, tuple(f"{source}/{name}" for name in unnamed))] if unnamed else []


@dataclass(frozen=True)
class Listing:
    """All that lies below a folder, as relative paths with slashes.

    Attributes:
      files: at any depth, those in hidden folders left out.
      folders: that are visited, with a slash at the end.
      hidden: files and folders whose names begin with a dot.
      links: to folders that are visited under another name, or that hold the link itself.
    """

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def listing(folder: Path) -> Listing:
    """Walks through a folder; each folder is visited once, under its own name before any link's."""
    found = Listing()
    top = os.path.realpath(folder)
    visited: set[str] = set()
    waiting = [(str(folder), "")]
    links: list[tuple[str, str]] = []
    while waiting or links:
        # Links wait until all that lies there itself has been visited.
        path, relative = waiting.pop() if waiting else links.pop(0)
        real = os.path.realpath(path)
        holds_it = bool(relative) and os.path.commonpath([top, real]) == real
        if real in visited or holds_it:
            found.links.append(relative.rstrip("/"))
            continue
        visited.add(real)
        found.folders.extend([relative] if relative else [])
        for entry in _entries(path):
            name = f"{relative}{entry.name}"
            if entry.name.startswith("."):
                found.hidden.append(name)
            elif os.path.isdir(entry.path):
                (links if entry.is_symlink() else waiting).append((entry.path, f"{name}/"))
            else:
                found.files.append(name)
    return found


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(
            f"the folder {folder} cannot be read ({error.strerror or error})."
        ) from None
