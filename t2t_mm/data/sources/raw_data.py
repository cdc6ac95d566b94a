"""Looks for the raw data that a problem's provenance declares: prepared TFDS first, files second.

Looking is cheap, touches no network and imports no TensorFlow; getting is downloading.py's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from t2t_mm.data.sources.tfds_folder import TfdsFolder, prepared_folder
from t2t_mm.errors import DataError
from t2t_mm.problem import Problem
from t2t_mm.provenance import DataAccess, RawFiles, TfdsData

_DEPTH = 2  # folders below --tmp_dir that a root may lie
_MOST = 5000  # folders looked at


@dataclass(frozen=True)
class LocatedData:
    """Raw data that are there.

    Attributes:
      path: the prepared folder, or the root of the files.
      tfds: which data set of TFDS; None for files.
      files: which files; None for TFDS.
    """

    path: Path
    tfds: TfdsData | None = None
    files: RawFiles | None = None

    @property
    def title(self) -> str:
        """The title of what is read, whatever folder it is in: for the manifest."""
        if self.tfds:
            return f"TFDS {TfdsFolder(self.path).title}"
        return f"files {self.files.title}" if self.files else ""


def find(problem: Problem, tmp_dir: Path) -> LocatedData | None:
    """The raw data that `problem` is read from in this run, None if there are none."""
    provenance = problem.provenance
    if provenance is None:
        return None
    for data in provenance.tfds:
        if folder := prepared_folder(data, problem.access):
            return LocatedData(folder, tfds=data)
    for files in provenance.files:
        if root := root_of(files, tmp_dir):
            return LocatedData(root, files=files)
    return None


def root_of(files: RawFiles, tmp_dir: Path) -> Path | None:
    """The folder, --tmp_dir or below it, that holds all that `files` needs."""
    return next((root for root in _roots(tmp_dir) if _fits(files, root)), None)


def _fits(files: RawFiles, root: Path) -> bool:
    if files.folder:
        names = [part.lower() for part in root.absolute().parts[-2:]]
        patterns = files.folder.split("|")
        if not any(fnmatchcase(name, pattern) for name in names for pattern in patterns):
            return False
    return all(
        any(next(root.glob(pattern), None) for pattern in need.split("|")) for need in files.needs
    )


def _roots(tmp_dir: Path) -> Iterator[Path]:
    """`tmp_dir` and the folders below it, the nearest first, each level sorted."""
    level, count = [tmp_dir], 0
    for depth in range(_DEPTH + 1):
        below: list[Path] = []
        for folder in level:
            yield folder
            count += 1
            if count > _MOST:
                return
            if depth < _DEPTH:
                below += _folders(folder)
        level = below


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    except OSError:
        return []
    return [folder / name for name in names]


def missing(problem: Problem, tmp_dir: Path, why: str = "") -> DataError:
    """The sentence that says what is missing and where to put it.

    Args:
      problem: the problem.
      tmp_dir: where files were looked for.
      why: why nothing was downloaded, e.g. "and --offline forbids to download them".
    """
    return DataError(
        f"the raw data of problem '{problem.data_name}' are missing{f' {why}' if why else ''}; "
        f"{'; or '.join(_ways_to_get(problem, tmp_dir))}."
    )


def _ways_to_get(problem: Problem, tmp_dir: Path) -> list[str]:
    """The ways to get the data, each completing a sentence."""
    provenance, access = problem.provenance, problem.access
    ways = [
        f"put {files.title} below --tmp_dir (now {tmp_dir})"
        for files in (provenance.files if provenance else ())
    ]
    for data in provenance.tfds if provenance else ():
        ways.append(
            f"put the prepared TFDS data set {data.title}"
            f"{f' {data.version}x' if data.version else ''} below --tfds_data_dir "
            f"(now {access.tfds_folder})"
        )
    if provenance and provenance.access:
        ways[-1] += f" ({provenance.access})"
    return ways


def manual_missing(data: TfdsData, access: DataAccess) -> list[str]:
    """Files that TFDS asks the user for and that are not in --tfds_manual_dir."""
    return [name for name in data.manual if not (access.manual_folder / name).exists()]
