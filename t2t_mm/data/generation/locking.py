"""One writer a data folder: a second one waits, and then finds the data made."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

_NAME = ".t2t_datagen.lock"


class _Held(threading.local):
    """The locks that this thread holds, by device and inode of their files."""

    def __init__(self) -> None:
        self.files: set[tuple[int, int]] = set()


_held = _Held()


@contextlib.contextmanager
def lock(folder: Path, log: Callable[[str], None]) -> Iterator[None]:
    """Holds the folder's lock; the system lets go of it when the process ends, however it ends.

    A thread that holds it already goes on at once, whatever path it names the folder by. Where
    there are no file locks (Windows, some network disks) nothing is held.

    Args:
      folder: an existing folder.
      log: told if another process has to be waited for.
    """
    with open(folder / _NAME, "ab") as file:
        status = os.fstat(file.fileno())
        key = status.st_dev, status.st_ino
        if key in _held.files:  # a second descriptor would wait for the first one for ever
            yield
            return
        _acquire(file.fileno(), folder, log)
        _held.files.add(key)
        try:
            yield
        finally:
            _held.files.discard(key)


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
