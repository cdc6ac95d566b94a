"""The errors that a user can cause, each one a sentence.

Every command line turns a `UserError` into that sentence on standard error and exit status 2.
Anything else that escapes is a fault of ours and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST = 2000  # characters of a sentence; what was received may have been a whole article


class UserError(Exception):
    """The user's mistake: what is wrong, what was received, what is allowed, what to change."""

    def __str__(self) -> str:
        return _shortened(super().__str__())


class UnknownNameError(UserError, KeyError):
    """A name that no registry, hparams set or file knows."""

    def __str__(self) -> str:  # KeyError would quote the sentence
        return _shortened(str(self.args[0]))


class HParamError(UserError, ValueError):
    """A hyperparameter of an unknown name, a wrong type or a value out of range."""


class DataError(UserError, ValueError):
    """Missing, incomplete, corrupt or foreign data, or an example that cannot be read."""


class CheckpointError(UserError, ValueError):
    """A checkpoint that is missing, or of other problems, another model or other hparams."""


class DivergedError(UserError, ArithmeticError):
    """A loss that is no longer a finite number."""


def unknown(
    kind: str, name: str, known: Iterable[str], flag: str | None = None
) -> UnknownNameError:
    """Words the error for an unknown name: the nearest known one, then the known ones.

    Args:
      kind: what the name should have been, e.g. "problem".
      name: what was received.
      known: every allowed name.
      flag: the flag or field to change, e.g. "--problems".

    Returns:
      The error, to be raised by the caller.
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f"; did you mean '{close[0]}'?" if close else "."
    source = f" (from {flag})" if flag else ""
    return UnknownNameError(f"unknown {kind} '{name}'{source}{hint} Known: {_shorten(names)}.")


def _shorten(names: list[str], most: int = 40) -> str:
    if not names:
        return "none"
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _shortened(sentence: str) -> str:
    """The sentence without the middle of what is too long: where it stands, and what is allowed."""
    left_out = len(sentence) - _MOST
    if left_out <= 0:
        return sentence
    half = _MOST // 2
    return f"{sentence[:half]} [... {left_out:,} characters ...] {sentence[-half:]}"
