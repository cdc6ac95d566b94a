"""Files whose names end in the training step that made them, such as translations/wmt-20000."""

from __future__ import annotations

import glob
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_STEP = re.compile(r".*-(\d+)(?:\.[^.]*)?")
POLL = 5.0  # seconds between looks for a new file


def step_files(
    pattern: str,
    min_steps: int = 0,
    wait_minutes: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[int, Path]]:
    """Yields (step, file), by step; then waits for more.

    Args:
      pattern: a folder, or file names with wildcards.
      min_steps: files of fewer steps are left out.
      wait_minutes: how long to wait for a next file; 0: only those that are there.
      sleep, clock: of the process.
    """
    done: set[Path] = set()
    since = clock()
    while True:
        new = [item for item in _list_files(pattern, min_steps) if item[1] not in done]
        for step, path in new:
            done.add(path)
            yield step, path
        if new:
            since = clock()
        elif clock() - since >= 60 * wait_minutes:
            return
        else:
            sleep(POLL)


def _list_files(pattern: str, min_steps: int) -> list[tuple[int, Path]]:
    expanded = Path(pattern).expanduser()
    paths = expanded.iterdir() if expanded.is_dir() else map(Path, glob.glob(str(expanded)))
    named = [(_STEP.fullmatch(path.name), path) for path in paths if path.is_file()]
    found = [(int(name[1]), path) for name, path in named if name]
    return sorted(item for item in found if item[0] >= min_steps)
