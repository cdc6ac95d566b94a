"""Flags that name a trained run, checked against its run.json."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from t2t_mm.errors import CheckpointError, UserError, unknown
from t2t_mm.runs.run_record import RunRecord


def check_run(output_dir: str | Path, model: str | None, hparams_set: str | None) -> RunRecord:
    """The run's record, if no flag contradicts it.

    Args:
      output_dir: the run directory.
      model: --model, or None.
      hparams_set: --hparams_set, or None.

    Raises:
      CheckpointError: if there is no run, or the run has another model or set.
    """
    record = RunRecord.read(Path(output_dir).expanduser())
    for name, value in (("model", model), ("hparams_set", hparams_set)):
        own = getattr(record, name)
        if value not in (None, own):
            raise CheckpointError(
                f"--{name}={value} contradicts the run in {output_dir}, which was trained with "
                f"--{name}={own}; leave --{name} out."
            )
    return record


def problem_list(
    text: str | None, known: Collection[str], flag: str = "--problems"
) -> list[str] | None:
    """The problems that a flag names among the run's; None if it is not given.

    Raises:
      UserError: for an unknown name, with the nearest of the run's, or an empty list.
    """
    if text is None:
        return None
    parts = [part.strip() for part in re.split(r"[,\-]" if "-" in text else ",", text)]
    names: list[str] = []
    for part in filter(None, parts):
        found = [name for name in known if _matches(name, part)]
        if not found:
            raise unknown("problem of this model", part, known, flag)
        names += found
    if not names:
        raise UserError(f"{flag} is empty; this model has {', '.join(sorted(known))}.")
    return sorted(set(names))


def _matches(name: str, part: str) -> bool:
    return name.startswith(part[:-1]) if part.endswith("*") else name == part


def one_problem(text: str | None, known: Collection[str]) -> str:
    """The one problem that --problem names; the run's only one if it is not given.

    Raises:
      UserError: if it names none or several.
    """
    names = problem_list(text, known, "--problem") or sorted(known)
    if len(names) != 1:
        raise UserError(
            f"choose one problem with --problem; this model has {', '.join(sorted(known))}."
        )
    return names[0]
