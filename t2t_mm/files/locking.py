"""One writer at a time: a lock file that the system lets go of when its process ends.

The locks are filelock's on the system's own file locks: a process that is killed leaves the lock
file behind, and no lock. Where a disk has no file locks, as some network disks, nothing is held,
and that is said.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

Say = Callable[[str], None]

_FOLDER_LOCK = ".t2t_datagen.lock"

# How systems say that a disk has no file locks.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}


class _Held(threading.local):
    """The folders that this thread holds, by device and inode."""

    def __init__(self) -> None:
        self.folders: set[tuple[int, int]] = set()


_held = _Held()


@contextlib.contextmanager
def lock_folder(folder: Path, say: Say) -> Iterator[None]:
    """Holds a data folder's lock, once whoever holds it has let go.

    A thread that holds it already goes on at once, whatever path it names the folder by.

    Args:
      folder: an existing folder.
      say: told if another process has to be waited for, or nothing can be held.

    Raises:
      OSError: if the lock file cannot be written.
    """
    status = os.stat(folder)
    key = status.st_dev, status.st_ino
    if key in _held.folders:  # a second lock would wait for the first one for ever
        yield
        return
    lock = FileLock(folder / _FOLDER_LOCK)
    try:
        if not _try_lock(lock, folder, say):
            say(f"waiting for another t2t-datagen that writes to {folder}")
            lock.acquire()
        _held.folders.add(key)
        yield
    finally:
        _held.folders.discard(key)
        lock.release()


@contextlib.contextmanager
def lock_or_refuse(path: Path, refusal: Exception, say: Say) -> Iterator[None]:
    """Holds a lock file, or fails at once where another process holds it.

    Args:
      path: of the lock file.
      refusal: raised if another process holds it.
      say: told where nothing can be held.

    Raises:
      OSError: if the lock file cannot be written.
    """
    lock = FileLock(path)
    if not _try_lock(lock, path.parent, say):
        raise refusal
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Marks an unfinished folder as somebody's: `is_held` until the block or the process ends."""
    with _locked(folder):
        yield


def is_held(folder: Path) -> bool:
    """True if a process is `holding` a folder, or nobody can tell."""
    with _locked(folder) as free:
        return not free


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Locks a folder itself, so that no lock file is left; gives True if that could be done."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except OSError:
        free = False
    try:
        yield free
    finally:
        os.close(descriptor)


def _try_lock(lock: BaseFileLock, folder: Path, say: Say) -> bool:
    """True if nobody else holds it; on a disk without locks nobody can."""
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    except NotImplementedError:
        say(_no_locks_note(folder))
    except OSError as cause:
        if cause.errno not in _NO_LOCKS:
            raise
        say(_no_locks_note(folder))
    return True


def _no_locks_note(folder: Path) -> str:
    return (
        f"note: the disk of {folder} has no file locks (some network disks have none); let no "
        "second process write there."
    )
