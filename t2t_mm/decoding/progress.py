"""How decoding shows what it does: a bar on a terminal, else a plain line now and then."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

_QUIET = 10.0  # seconds between plain lines


class Counter:
    """Counts inputs on standard error; used as a context.

    Args:
      total: how many there will be; None if nobody knows.
      done: how many are done already.
      verb: what is being done to them.
    """

    def __init__(self, total: int | None, done: int = 0, verb: str = "decoding"):
        self._total, self._done, self._verb = total, done, verb
        self._shown = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total, initial=done, unit="example", desc=verb, leave=False)

    def add(self, count: int) -> None:
        """More inputs are done."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif time.monotonic() - self._shown > _QUIET:
            self._shown = time.monotonic()
            of = f" of {self._total}" if self._total else ""
            print(f"{self._verb}: {self._done}{of}", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
