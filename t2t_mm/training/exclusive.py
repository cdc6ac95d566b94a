"""One trainer a run directory: a second one would write over the first one's checkpoints."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from t2t_mm.errors import UserError

_FILE = ".lock"


@contextlib.contextmanager
def exclusive(output_dir: Path) -> Iterator[None]:
    """Holds the run directory; the system lets go of it when the process ends, however it ends.

    Where there are no file locks (Windows, some network disks) nothing is held.

    Raises:
      UserError: if another process holds it, or it cannot be written to.
    """
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        file = open(output_dir / _FILE, "ab")  # noqa: SIM115
    except OSError as cause:
        raise UserError(
            f"cannot write to {output_dir} ({cause.strerror}); give another --output_dir."
        ) from cause
    with file:
        _lock(file.fileno(), output_dir)
        yield


def _lock(descriptor: int, output_dir: Path) -> None:
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            f"another process is training in {output_dir}; wait for it, or give another "
            "--output_dir."
        ) from None
    except OSError:
        return
