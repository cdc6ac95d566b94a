"""Progress of generation: a bar on a terminal, else plain lines; and the summary."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from t2t_mm.console.progress import Bar
from t2t_mm.console.table import aligned

Log = Callable[[str], None]


@dataclass(frozen=True)
class SummaryRow:
    """A line of the summary.

    Attributes:
      problem, split: what it is about.
      examples, bytes: of all shards.
      seconds: of work in this run, over all workers; None if it was there already.
      left_out: reason -> number of examples that were read and not written.
      broken: reason -> places of the first of them that could not be read.
      notes: on the problem's raw data; with its first split alone.
      noted: what was done to values that were written -> how often.
    """

    problem: str
    split: str
    examples: int
    bytes: int
    seconds: float | None
    left_out: dict[str, int]
    broken: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    noted: dict[str, int] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """The number of examples before any was left out."""
        return self.examples + sum(self.left_out.values())


class Meter(Bar):
    """Counts shards and examples; used as a context.

    Args:
      shards: how many are to be written.
      log: takes plain lines.
    """

    def __init__(self, shards: int, log: Log):
        stream = sys.stderr if log is print else None
        super().__init__(shards, stream, log, unit="shard", desc="generating", leave=False)
        self._total = shards
        self._shards = self._examples = 0

    def examples(self, count: int) -> None:
        """Counts more examples as done."""
        self._examples += count
        self.advance(0, self._line, self._rate)

    def shard(self) -> None:
        """Counts one more shard as finished."""
        self._shards += 1
        self.advance(1, self._line, self._rate)

    def _rate(self, seconds: float) -> str:
        return f"{self._examples:,} examples, {self._examples / max(1e-6, seconds):,.0f} a second"

    def _line(self, seconds: float) -> str:
        return f"generating: {self._shards} of {self._total} shards, {self._rate(seconds)}"


def report(rows: Sequence[SummaryRow]) -> str:
    """The table, then what was broken and what is to be known of the raw data."""
    lines = [table(rows)]
    for row in rows:
        for reason, places in row.broken.items():
            count = row.left_out[reason]
            shown = "; ".join([*places, *["..."] * (count > len(places))])
            lines.append(
                f"{row.problem}, {row.split}: left out as broken, {reason} ({count:,}): {shown}"
            )
        lines += [f"{row.problem}: {note}" for note in row.notes]
    return "\n".join(lines)


def table(rows: Sequence[SummaryRow]) -> str:
    """The summary, a line for each split of each problem, and below it what was done to values."""
    head = ("problem", "split", "examples", "bytes", "seconds", "read", "left out")
    lines = [aligned([head, *(_cells(row) for row in rows)], left=(0, 1, 6))]
    for row in rows:
        noted = ", ".join(f"{count:,} {reason}" for reason, count in row.noted.items())
        lines += [f"note: {row.problem}, {row.split}: {noted}"] if noted else []
    return "\n".join(lines)


def _cells(row: SummaryRow) -> tuple[str, ...]:
    seconds = "there" if row.seconds is None else f"{row.seconds:.1f}"
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in row.left_out.items()) or "-"
    counts = (f"{row.examples:,}", f"{row.bytes:,}", seconds, f"{row.read:,}")
    return (row.problem, row.split, *counts, left_out)
