"""Errors about one value of one example: told upwards, where its place is known."""

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


def broken_sound(why: str) -> BrokenValue:
    """The error for a sound file that cannot be decoded, or not as a whole."""
    return BrokenValue(
        "broken sound",
        f"is not a sound that can be decoded ({why}); give a whole WAV or FLAC file",
    )


class TooLarge(BrokenValue):
    """A value that may be right, but is beyond what a model is to read; see `InputBounds`."""
