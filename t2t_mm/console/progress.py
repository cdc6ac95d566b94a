"""Progress: a live bar on a terminal, elsewhere a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

Say = Callable[[str], None]
Text = Callable[[float], str]  # from the seconds since the beginning

_QUIET = 10.0  # seconds between plain lines
_REFRESH = 0.5  # seconds between changes of what stands beside a bar


class Bar:
    """Shows progress; used as a context, or closed at the end.

    Args:
      total: how much there is to do; None if nobody knows.
      stream: where the bar is drawn, if it is a terminal; None: there is no bar.
      say: takes plain lines; None: they go to the stream.
      done: how much is done already.
      quiet: seconds between plain lines.
      options: of tqdm: unit, desc, leave.
    """

    def __init__(
        self,
        total: int | None,
        stream: TextIO | None,
        say: Say | None = None,
        done: int = 0,
        quiet: float = _QUIET,
        **options: Any,
    ):
        self._stream, self._plain, self._quiet = stream, say, quiet
        self._began = self._shown = time.monotonic()
        self._bar: Any = None
        if stream is not None and stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=total,
                initial=done,
                file=stream,
                dynamic_ncols=True,
                mininterval=_REFRESH,
                **options,
            )

    def advance(self, count: int, line: Text, beside: Text | None = None) -> None:
        """Counts what is done.

        Args:
          count: how much more.
          line: what a plain line says.
          beside: what stands beside a bar.
        """
        now = time.monotonic()
        due = now - self._shown > (self._quiet if self._bar is None else _REFRESH)
        if due:
            self._shown = now
        if self._bar is not None:
            if beside is not None and due:
                self._bar.set_postfix_str(beside(now - self._began), refresh=False)
            self._bar.update(count)
        elif due:
            self.say(line(now - self._began))

    def say(self, text: str) -> None:
        """Shows lines, above the bar where there is one."""
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        elif self._plain is not None:
            self._plain(text)
        else:
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Ends the bar."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Counter(Bar):
    """Counts examples on standard error.

    Args:
      total: how many there will be; None if nobody knows.
      done: how many are done already.
      verb: what is being done to them.
    """

    def __init__(self, total: int | None, done: int = 0, verb: str = "decoding"):
        super().__init__(total, sys.stderr, done=done, unit="example", desc=verb, leave=False)
        self._total, self._done, self._verb = total, done, verb

    def add(self, count: int) -> None:
        """Counts more as done."""
        self._done += count
        of = f" of {self._total}" if self._total else ""
        self.advance(count, lambda _: f"{self._verb}: {self._done}{of}")
