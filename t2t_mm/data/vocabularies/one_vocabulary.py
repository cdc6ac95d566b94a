"""A mixture's text is on one vocabulary, whichever mixture made the data first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from t2t_mm.errors import DataError
from t2t_mm.problem import Problem, Task


def check_manifests_agree(
    problems: Mapping[str, Problem], stored: Mapping[str, Iterable[str]], data_dir: Path
) -> None:
    """Proves that the problems of a mixture are stored on one vocabulary.

    Data that another mixture made keep the vocabulary that they were made with.

    Args:
      problems: data name -> the problem.
      stored: data name -> vocabularies that its text is on, or is to be on.
      data_dir: where the data are.

    Raises:
      DataError: if problems that share a vocabulary are stored on several.
    """
    shared: dict[str, dict[str, set[str]]] = {}  # wanted -> stored -> data names
    for data_name, problem in problems.items():
        wanted = problem.text_vocabularies
        if not problem.shares_vocabulary or not wanted:
            continue
        groups = shared.setdefault(wanted[0], {})
        for name in stored[data_name]:
            groups.setdefault(name, set()).add(data_name)
    for wanted_name, groups in shared.items():
        if len(groups) > 1:
            found = " and ".join(
                f"{name} ({', '.join(sorted(groups[name]))})" for name in sorted(groups)
            )
            raise DataError(
                f"the problems that are to share the vocabulary {wanted_name} are on {found} in "
                f"{data_dir}; use another --data_dir, or make all of them again by t2t-datagen "
                "--overwrite."
            )


def check_tasks_agree(
    problems: Iterable[Problem], tasks: Iterable[Task], data_dir: str | Path
) -> None:
    """`check_manifests_agree`, for problems and the tasks that they are bound to, in order."""
    by_name, stored = {}, {}
    for problem, task in zip(problems, tasks, strict=True):
        by_name[task.name], stored[task.name] = problem, task.text_vocabularies
    check_manifests_agree(by_name, stored, Path(data_dir))
