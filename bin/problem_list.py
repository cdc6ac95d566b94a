"""The text of `t2t-datagen --list`."""

from __future__ import annotations

from pathlib import Path

from t2t_mm.console.table import markdown
from t2t_mm.errors import unknown
from t2t_mm.lookup import find_problem, find_problems, split_suffixes
from t2t_mm.provenance import DataAccess
from t2t_mm.registry import MIXTURES, PROBLEMS

FORMATS = ("text", "markdown")
_HEADING = """# Problems

Made by `t2t-datagen --list --format=markdown > docs/problems.md`; do not edit it by hand.
Examples are those of train / dev / test, about. `NAME_rev` exists for every problem from text to
text. How raw data are found: [data_sources.md](data_sources.md).
"""


def problem_list(which: str, form: str, data_dir: Path, tmp_dir: Path, access: DataAccess) -> str:
    """Lists problems.

    Args:
      which: "all", a mixture's name, or the beginning of problems' names.
      form: one of FORMATS.
      data_dir, tmp_dir, access: where their data are looked for.

    Raises:
      UnknownNameError: if no problem's name begins so.
    """
    from t2t_mm.data.sources import catalogue

    pairs = [(find_problem(name), PROBLEMS.entry(name).summary) for name in _names(which)]
    if form == "markdown":
        return f"{_HEADING}\n{catalogue.as_markdown(catalogue.entries(pairs))}\n\n{_mixtures()}"
    return catalogue.as_text(catalogue.entries(pairs, data_dir, tmp_dir, access))


def _names(which: str) -> list[str]:
    if which in MIXTURES:
        members = find_problems(which, "--list")
        return sorted({split_suffixes(problem.name)[0] for problem in members})
    names = PROBLEMS.names("" if which == "all" else which.rstrip("*"))
    if not names:
        raise unknown("problem", which, PROBLEMS, "--list")
    return names


def _mixtures() -> str:
    rows = []
    for name in MIXTURES:
        mixture = MIXTURES.get(name)
        members = ", ".join(f"`{member}`" for member in mixture.problems)
        vocabulary = f"`{mixture.vocabulary}`" if mixture.vocabulary else "each problem's own"
        rows.append((f"`{name}`<br>{mixture.summary}", members, vocabulary))
    return f"## Mixtures\n\n{markdown(('mixture', 'problems', 'vocabulary'), rows)}"
