"""What was done to a value that its owner should know: told upwards, where its place is known."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import NamedTuple


class Note(NamedTuple):
    """A remark on one value that was taken.

    Attributes:
      reason: a few words to count by, e.g. "clipped samples".
      detail: completes "<side> ...".
      times: how many of what the reason names.
    """

    reason: str
    detail: str
    times: int = 1


_HEARD: ContextVar[list[Note] | None] = ContextVar("heard", default=None)


def tell(reason: str, detail: str, times: int = 1) -> None:
    """Leaves a note, see `Note`, with whoever hears; without anybody it is forgotten."""
    notes = _HEARD.get()
    if notes is not None:
        notes.append(Note(reason, detail, times))


@contextlib.contextmanager
def heard() -> Iterator[list[Note]]:
    """Collects the notes that are left inside of the context."""
    notes: list[Note] = []
    token = _HEARD.set(notes)
    try:
        yield notes
    finally:
        _HEARD.reset(token)
