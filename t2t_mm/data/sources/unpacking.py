"""Archives in --tmp_dir, unpacked once beside themselves, by the process that prepares."""

from __future__ import annotations

import lzma
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from t2t_mm.data.generation.disk_errors import is_disk_failure, writing_to
from t2t_mm.errors import DataError
from t2t_mm.files.locking import lock_folder

_BLOCK = 1 << 20
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


def unpack(archive: Path, made: str, log: Callable[[str], None] = print) -> Path:
    """Unpacks a tar (compressed or not) or zip archive, unless that was done before.

    What it holds appears under its name only when all of it is there.

    Args:
      archive: the file.
      made: the folder or file that it holds, relative to where it lies.
      log: told what is unpacked.

    Returns:
      The path of `made`.

    Raises:
      DataError: if the archive is damaged, or holds no `made`, or nothing can be written.
    """
    wanted = archive.parent / made
    if wanted.exists():  # nothing is to be written, perhaps nothing can be
        return wanted
    with writing_to(archive.parent, "--tmp_dir"), lock_folder(archive.parent, log):
        if wanted.exists():
            return wanted
        log(f"unpacking {archive}")
        with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".unpacking.") as folder:
            _extract(archive, Path(folder))
            inside = Path(folder) / made
            if not inside.exists():
                raise DataError(f"{archive} does not hold {made}; get the original file.")
            wanted.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(inside, wanted)
    return wanted


def _extract(archive: Path, folder: Path) -> None:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                file.extractall(folder)
        else:
            with tarfile.open(archive) as file:
                file.extractall(folder, filter="data")
                while file.fileobj.read(_BLOCK):
                    pass  # to the end, where the checksum of what is compressed stands
    except (*_DAMAGED, EOFError, OSError) as error:
        if is_disk_failure(error):
            raise
        why = str(error).partition("\n")[0].rstrip(".:")
        raise DataError(
            f"{archive} cannot be unpacked ({why}); it may be half downloaded: get it again."
        ) from None
