"""Splits of data that come without any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from t2t_mm.errors import DataError
from t2t_mm.problem import Split

T = TypeVar("T")

DESCRIPTION = "the last tenth is test, the tenth before it dev"


def split_by_tenths(items: Sequence[T], split: Split, what: str) -> Sequence[T]:
    """The part of `items` that belongs to a split: `DESCRIPTION`, at least one item each.

    Args:
      items: in an order that never changes.
      split: which part.
      what: names the items in the error, e.g. "recordings".

    Raises:
      DataError: if there are fewer than three.
    """
    if len(items) < 3:
        raise DataError(
            f"{len(items)} {what} cannot be divided into train, dev and test; give at least three."
        )
    held = max(1, len(items) // 10)
    parts = {
        Split.TRAIN: slice(None, -2 * held),
        Split.DEV: slice(-2 * held, -held),
        Split.TEST: slice(-held, None),
    }
    return items[parts[split]]
