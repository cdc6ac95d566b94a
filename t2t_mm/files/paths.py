"""Paths that a user gives: never empty, and where TensorFlow takes them as patterns, none."""

from __future__ import annotations

from pathlib import Path

from t2t_mm.errors import UserError

# What TensorFlow's file functions read as a pattern when they look for a checkpoint, so that it
# finds none, or another one: with "run ?" beside "run 1" it would even delete that one's.
_PATTERN = "[*?\\"


def given_path(path: str | Path, flag: str) -> str | Path:
    """A path, which is not empty.

    Args:
      path: what a user gave.
      flag: where, for the error.

    Raises:
      UserError: if it is empty: Python would take it for the working folder.
    """
    if isinstance(path, str) and not path.strip():
        raise UserError(
            f"{flag} is empty, perhaps from a shell variable that is not set; give a path, or "
            f"leave {flag} out."
        )
    return path


def literal_path(path: str | Path, flag: str) -> Path:
    """A path of or to checkpoints that TensorFlow takes as it stands, with ~ expanded.

    Args:
      path: what a user gave.
      flag: where, for the error.

    Raises:
      UserError: if it is empty or TensorFlow would take it for a pattern of other paths.
    """
    found = Path(given_path(path, flag)).expanduser()
    character = next((each for each in _PATTERN if each in str(found)), None)
    if character:
        raise UserError(
            f"{flag}='{path}' has the character {character} in it, and TensorFlow takes checkpoint "
            "paths with [, *, ? or \\ for patterns of other names; give a folder of another name "
            "(what lies there stays whole: rename it with mv)."
        )
    return found
