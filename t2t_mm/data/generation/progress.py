"""How generation shows what it does: a bar on a terminal, else plain lines; and the summary."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Log = Callable[[str], None]
_QUIET = 10.0  # seconds between plain lines


@dataclass(frozen=True)
class SummaryRow:
    """A line of the summary.

    Attributes:
      problem, split: what it is about.
      examples, bytes: of all shards.
      seconds: of work in this run, over all workers; None if it was there already.
      left_out: reason -> number of examples that were read and not written.
    """

    problem: str
    split: str
    examples: int
    bytes: int
    seconds: float | None
    left_out: dict[str, int]

    @property
    def read(self) -> int:
        """How many examples there were before any was left out."""
        return self.examples + sum(self.left_out.values())


class Meter:
    """Counts shards and examples; used as a context.

    Args:
      shards: how many are to be written.
      log: takes plain lines.
    """

    def __init__(self, shards: int, log: Log):
        self._total, self._log = shards, log
        self._shards = self._examples = 0
        self._start = self._last = time.monotonic()
        self._bar = None
        if log is print and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=shards, unit="shard", desc="generating", leave=False)

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def examples(self, count: int) -> None:
        """More examples are done."""
        self._examples += count
        self._show()

    def shard(self) -> None:
        """One more shard is finished."""
        self._shards += 1
        if self._bar is not None:
            self._bar.update(1)
        self._show()

    def _show(self) -> None:
        now = time.monotonic()
        rate = self._examples / max(1e-6, now - self._start)
        text = f"{self._examples:,} examples, {rate:,.0f} a second"
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
        elif now - self._last > _QUIET:
            self._last = now
            self._log(f"generating: {self._shards} of {self._total} shards, {text}")


def table(rows: Sequence[SummaryRow]) -> str:
    """The summary, a line for each split of each problem."""
    head = ("problem", "split", "examples", "bytes", "seconds", "read", "left out")
    cells = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    lines = []
    for line in cells:
        words = [f"{line[i]:<{widths[i]}}" for i in (0, 1)]
        words += [f"{line[i]:>{widths[i]}}" for i in (2, 3, 4, 5)]
        lines.append("  ".join([*words, line[6]]))
    return "\n".join(lines)


def _cells(row: SummaryRow) -> tuple[str, ...]:
    seconds = "there" if row.seconds is None else f"{row.seconds:.1f}"
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in row.left_out.items()) or "-"
    counts = (f"{row.examples:,}", f"{row.bytes:,}", seconds, f"{row.read:,}")
    return (row.problem, row.split, *counts, left_out)
