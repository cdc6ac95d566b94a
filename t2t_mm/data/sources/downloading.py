"""Gets raw data that are not there: TFDS prepares them, or files are fetched into --tmp_dir.

One process does this, before any worker reads. Every byte is checked: TFDS knows the checksums of
what it downloads, and a RawFile states its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from t2t_mm.data.generation.disk_errors import disk_error
from t2t_mm.data.sources.raw_data import find, manual_missing, missing, root_of
from t2t_mm.data.sources.unpacking import unpack
from t2t_mm.errors import DataError
from t2t_mm.files.locking import lock_folder
from t2t_mm.files.writing import replacing
from t2t_mm.problem import Problem
from t2t_mm.provenance import DataAccess, Provenance, RawFile, RawFiles, TfdsData

Log = Callable[[str], None]

_BLOCK = 1 << 20
_TFDS_HOST = "storage.googleapis.com"
_TIMEOUT = 60  # seconds without a byte


def ensure(problem: Problem, tmp_dir: Path, log: Log = print) -> None:
    """Gets the raw data if they are missing, so that `find(problem, tmp_dir)` finds them.

    Args:
      problem: with a provenance.
      tmp_dir: of the raw files.
      log: takes lines of progress.

    Raises:
      DataError: if the data are missing and cannot be downloaded, with all ways to get them.
    """
    provenance = problem.provenance
    if provenance is None:
        return
    found = find(problem, tmp_dir)
    if found is None:
        _download(problem, provenance, tmp_dir, log)
        found = find(problem, tmp_dir)
    if found is None:
        raise missing(problem, tmp_dir, "after the download")
    if found.files and found.files.unpack:
        _unpack_all(found.files, found.path, problem, provenance.files, log)


def _unpack_all(
    files: RawFiles, root: Path, problem: Problem, declared: Sequence[RawFiles], log: Log
) -> None:
    """Unpacks what `files` says, one of those that the problem has `declared`.

    Raises:
      DataError: if what archives were unpacked to before is not what is to be there.
    """
    for archive, made in files.unpack:
        unpack(root / archive, made, log)
    unpacked = declared[: declared.index(files)]
    if unpacked and not any(root_of(wanted, root) for wanted in unpacked):
        folders = ", ".join(str(root / made) for _, made in files.unpack)
        raise DataError(
            f"problem '{problem.data_name}' does not find all of its files in {folders}; delete "
            "what is there, and the archive is unpacked again."
        )


def _download(problem: Problem, provenance: Provenance, tmp_dir: Path, log: Log) -> None:
    if problem.access.offline:
        raise missing(problem, tmp_dir, "and --offline forbids to download them")
    access = problem.access
    possible = [data for data in provenance.tfds if not manual_missing(data, access)]
    if possible:
        if not possible[0].manual and not _has_network(provenance.homepage):
            raise missing(problem, tmp_dir, "and there is no network to download them")
        _prepare_first(possible[0], problem, tmp_dir, log)
        return
    files = next((files for files in provenance.files if files.download), None)
    if files is None:
        raise missing(problem, tmp_dir, "and have to be got by hand")
    for file in files.download:
        fetch(file, tmp_dir, log)


def _prepare_first(data: TfdsData, problem: Problem, tmp_dir: Path, log: Log) -> None:
    try:
        _prepare(data, problem.access, log)
    except Exception as error:  # TFDS raises what it likes over a network that is down
        raise missing(problem, tmp_dir, _reason(data, error)) from error


def _has_network(homepage: str) -> bool:
    """False if no name can be resolved: TFDS would try for ten minutes before it says so."""
    if urllib.request.getproxies():
        return True  # who knows
    for host in filter(None, (urllib.parse.urlsplit(homepage).hostname, _TFDS_HOST)):
        with contextlib.suppress(OSError):
            socket.getaddrinfo(host, 443)
            return True
    return False


def _reason(data: TfdsData, error: Exception) -> str:
    first = str(error).strip().partition("\n")[0][:200].rstrip(". ")
    return f"and TFDS could not prepare {data.title} ({type(error).__name__}: {first})"


def _prepare(data: TfdsData, access: DataAccess, log: Log) -> None:
    """Downloads a data set and lets TFDS write it; its own checksums are verified."""
    log(f"TFDS prepares {data.title} in {access.tfds_folder}")
    access.tfds_folder.mkdir(parents=True, exist_ok=True)
    with lock_folder(access.tfds_folder, log):
        import tensorflow_datasets as tfds

        with contextlib.nullcontext() if access.tfds_from_gcs else _without_gcs():
            builder = tfds.builder(data.title, data_dir=str(access.tfds_folder))
            config = tfds.download.DownloadConfig(
                manual_dir=str(access.manual_folder),
                try_download_gcs=access.tfds_from_gcs,
            )
            builder.download_and_prepare(download_config=config)


@contextlib.contextmanager
def _without_gcs() -> Iterator[None]:
    """TFDS looks into its bucket already when a builder is made; not so with this."""
    from tensorflow_datasets.core.utils import gcs_utils

    before = gcs_utils._is_gcs_disabled
    gcs_utils._is_gcs_disabled = True
    try:
        yield
    finally:
        gcs_utils._is_gcs_disabled = before


def fetch(file: RawFile, tmp_dir: Path, log: Log = print) -> Path:
    """Downloads a file, unless it is there; it appears under its name only when it is whole.

    Raises:
      DataError: if it cannot be had, is another one than its checksum says, or cannot be written.
    """
    path = tmp_dir / file.path
    if path.exists():
        return path
    log(f"downloading {file.url} ({file.bytes / 1e6:,.1f} MB) to {path}")
    digest = hashlib.sha256()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(file.url, timeout=_TIMEOUT) as source, replacing(path) as out:
            while block := source.read(_BLOCK):
                digest.update(block)
                out.write(block)
            if digest.hexdigest() != file.sha256:
                raise DataError(
                    f"{file.url} is not the file that is expected (its SHA-256 is "
                    f"{digest.hexdigest()}, not {file.sha256}); get the original and put it at "
                    f"{path}."
                )
    except (urllib.error.URLError, TimeoutError, ConnectionError, ssl.SSLError) as error:
        raise DataError(
            f"cannot download {file.url} ({getattr(error, 'reason', None) or error}); get it "
            f"elsewhere and put it at {path}, or run again with a network."
        ) from None
    except OSError as error:
        raise disk_error(error, path.parent, "--tmp_dir") from None
    return path
