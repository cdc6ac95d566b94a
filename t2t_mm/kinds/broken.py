"""An error about one value of one example: told upwards, where its place is known."""

from __future__ import annotations


class BrokenValue(Exception):
    """A value that cannot be stored.

    Args:
      reason: a few words to count by, e.g. "broken image".
      detail: completes "<side> ...", and says what is allowed.
    """

    def __init__(self, reason: str, detail: str):
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class TooLarge(BrokenValue):
    """A value that may be right, but is beyond what a model is to read; see `InputBounds`."""
