"""The text of --registry_help: everything that is registered, by kind, a line each."""

from __future__ import annotations

from t2t_mm.console.table import aligned
from t2t_mm.errors import unknown
from t2t_mm.lookup import find_problem, problem_names, split_suffixes
from t2t_mm.registry import ALL, PROBLEMS


def registry_help(which: str) -> str:
    """Lists the registry.

    Args:
      which: "all" or "" for every kind; "problems" for one; "problems:translate" for one kind's
        names that contain "translate".

    Raises:
      UnknownNameError: for an unknown kind.
    """
    kind, _, pattern = which.partition(":")
    if kind in ("", "all", "true"):
        kinds = list(ALL)
    elif kind in ALL:
        kinds = [kind]
    else:
        raise unknown("kind", kind, ALL, "--registry_help")
    return "\n".join(line for name in kinds for line in _section(name, pattern))


def _section(kind: str, pattern: str) -> list[str]:
    names = problem_names() if kind == "problems" else ALL[kind].names()
    rows = [(name, _summary(kind, name)) for name in names if pattern in name]
    lines = aligned(rows, left=(0, 1)).splitlines()
    return [f"{kind}:", *(f"  {line}" for line in lines), ""]


def _summary(kind: str, name: str) -> str:
    if kind != "problems":
        return ALL[kind].entry(name).summary
    base, suffixes = split_suffixes(name)
    if not suffixes:
        return PROBLEMS.entry(name).summary
    problem = find_problem(name)
    return f"{base} from targets to inputs, command {problem.command}."
