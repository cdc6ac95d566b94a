"""Failures to write, in words: which folder it was, and the flag that names another."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from t2t_mm.errors import DataError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextlib.contextmanager
def writing_to(folder: Path, flag: str) -> Iterator[None]:
    """Words every OSError of its block as a failure to write to `folder`.

    Args:
      folder: what is written to.
      flag: that chooses the folder, e.g. "--tmp_dir".

    Raises:
      DataError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise disk_error(error, folder, flag) from None


def is_disk_failure(error: BaseException) -> bool:
    """True if a disk is full or forbidden, whatever the content of the files."""
    return isinstance(error, OSError) and error.errno in (*_FULL, *_FORBIDDEN)


def disk_error(error: OSError, folder: Path, flag: str = "--data_dir") -> DataError:
    """Words a failure to write to `folder`, which `flag` chooses."""
    if error.errno in _FULL:
        return DataError(
            f"no space is left in {folder}; free some or choose another {flag}, then run the "
            "same command again: it goes on where it stopped."
        )
    return DataError(
        f"cannot write to {error.filename or folder} ({error.strerror or error}); make {flag} "
        "writable or choose another."
    )
