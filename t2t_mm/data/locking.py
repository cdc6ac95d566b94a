"""One writer a data folder: a second one waits, and then finds the data made."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

_NAME = ".t2t_datagen.lock"


@contextlib.contextmanager
def lock(folder: Path, log: Callable[[str], None]) -> Iterator[None]:
    """Holds the folder's lock; the system lets go of it when the process ends, however it ends.

    Where there are no file locks (Windows, some network disks) nothing is held.

    Args:
      folder: an existing folder.
      log: told if another process has to be waited for.
    """
    with open(folder / _NAME, "ab") as file:
        _acquire(file.fileno(), folder, log)
        yield


def _acquire(descriptor: int, folder: Path, log: Callable[[str], None]) -> None:
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log(f"waiting for another t2t-datagen that writes to {folder}")
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        return
