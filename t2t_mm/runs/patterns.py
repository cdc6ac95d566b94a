"""Patterns over the paths of a model's variables: what hparams such as `freeze` name.

A pattern is a shell's (Python's fnmatch, which knows the capitals apart): "*" stands for any
characters, "/" included, "?" for one, "[ab]" for one of these. Several are separated by ";". One
that matches nothing is an error.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from fnmatch import fnmatchcase

from t2t_mm.errors import HParamError
from t2t_mm.models.joint import JointModel


def matchable_paths(model: JointModel) -> list[str]:
    """The paths that a pattern may match: variables, and "joint/commands/NAME", a command's row."""
    commands = model.commands
    rows = [] if commands is None else [f"{commands.path}/{name}" for name in model.command_names]
    return [variable.path for variable in model.variables] + rows


def matching(text: str, paths: Collection[str], hparam: str) -> set[str]:
    """The paths that some pattern of a text matches.

    Args:
      text: patterns separated by ";".
      paths: see `matchable_paths`.
      hparam: whose value the text is, for the error.

    Raises:
      HParamError: for a pattern that matches nothing, with the nearest paths.
    """
    found: set[str] = set()
    for pattern in split(text):
        matched = {path for path in paths if fnmatchcase(path, pattern)}
        if not matched:
            near = difflib.get_close_matches(pattern, paths, 3, 0.0)
            raise HParamError(
                f"hparam '{hparam}' has the pattern '{pattern}', which matches no variable of this "
                f"model; the nearest are {', '.join(near)}."
            )
        found |= matched
    return found


def split(text: str) -> list[str]:
    """The patterns of a text."""
    return [pattern.strip() for pattern in text.split(";") if pattern.strip()]


def drop_unmatched(text: str, paths: Collection[str]) -> str:
    """The patterns of a text that match something; what follows a ":" is no part of them."""
    kept = [
        part
        for part in split(text)
        if any(fnmatchcase(path, part.rpartition(":")[0] or part) for path in paths)
    ]
    return ";".join(kept)


def escape(path: str) -> str:
    """The pattern that matches this path; "*" stays."""
    return re.sub(r"([?\[])", r"[\1]", path)
