"""Averages the weights of several checkpoints of one run (t2t-avg-all)."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from t2t_mm.errors import CheckpointError
from t2t_mm.runs.checkpoints import BEGINNING, LATEST
from t2t_mm.runs.run_record import FILE, RunRecord
from t2t_mm.runs.stored import StoredCheckpoint
from t2t_mm.runs.surgery.opened import Beginning
from t2t_mm.runs.surgery.transfer import Arrays
from t2t_mm.runs.trained_run import open_run


def average(checkpoints: Sequence[str]) -> Arrays:
    """The mean of every variable of real numbers; of others (random states) the last one's value.

    Sums are float64, one variable at a time.

    Args:
      checkpoints: paths, in order.

    Raises:
      CheckpointError: if they are not checkpoints of one model.
    """
    stored = [StoredCheckpoint(checkpoint) for checkpoint in checkpoints]
    first = stored[0]
    for other in stored[1:]:
        if other.variables != first.variables:
            raise CheckpointError(
                f"{first.checkpoint} and {other.checkpoint} hold other variables: they cannot be "
                "averaged; give checkpoints of one run."
            )
    return {path: _mean(path, stored) for path in first.variables}


def _mean(path: str, stored: Sequence[StoredCheckpoint]) -> np.ndarray:
    dtype = stored[0].dtype(path)
    if dtype.kind in "iub":
        return stored[-1].variable(path)
    total = np.zeros(stored[0].variables[path], np.float64)
    for one in stored:
        total += one.variable(path)
    return (total / len(stored)).astype(dtype)


def steps(folder: Path, prefix: str, min_steps: int = 0) -> dict[int, str]:
    """Step -> path of the complete checkpoints of a folder, in the order of steps.

    Args:
      folder: such as RUN/checkpoints.
      prefix: what their names begin with, e.g. "model-".
      min_steps: earlier ones are left out.
    """
    found = {}
    for index in folder.glob(f"{prefix}*.index"):
        number = index.stem.removeprefix(prefix)
        if number.isdigit() and int(number) >= min_steps:
            found[int(number)] = str(index.with_suffix(""))
    return dict(sorted(found.items()))


def windows(found: Sequence[int], n: int) -> dict[int, list[int]]:
    """Step of an average -> the steps that it is of: each step with the n - 1 before it.

    Where there are fewer than n in all, one average is of all of them.
    """
    n = min(n, len(found))
    return {found[i]: list(found[i - n + 1 : i + 1]) for i in range(max(n, 1) - 1, len(found))}


def write_average(
    output_dir: Path, model_dir: Path, step: int, checkpoints: Sequence[str], n: int | None = None
) -> str | None:
    """Adds an average to a run directory of averages, with run.json and vocabularies beside it.

    Args:
      output_dir: the directory of averages.
      model_dir: the run that the checkpoints are of.
      step: of the last of them.
      checkpoints: paths, in order.
      n: the number that was to be averaged; None: these checkpoints, by name.

    Returns:
      The average's path; None if it was there.

    Raises:
      CheckpointError: if output_dir is a run of another kind or holds other averages, or the
        checkpoints do not fit.
    """
    run = open_run(model_dir)
    record = run.record
    origin = {
        "tool": "average",
        "run": str(model_dir.resolve()),
        "n": n,
        "checkpoints": [os.path.abspath(one) for one in checkpoints],
    }
    if (output_dir / FILE).is_file():
        existing = RunRecord.read(output_dir)
        if existing.origin.get("tool") != "average" or existing.tasks != record.tasks:
            raise CheckpointError(
                f"{output_dir} holds another run; name a new folder for the averages in "
                "--output_dir."
            )
        _check_origin(existing.origin, origin, output_dir)
        if _average_exists(output_dir, step, origin):
            return None
    record = dataclasses.replace(record, origin=origin, devices=None)
    return Beginning(record, run.vocabularies, step, average(checkpoints), {}).write(output_dir)


def _check_origin(existing: Mapping[str, Any], wanted: Mapping[str, Any], output_dir: Path) -> None:
    """Refuses a directory of averages of another run, or of another number of checkpoints."""
    below = Path(wanted["run"]) in output_dir.resolve().parents  # a run may have been moved
    if existing.get("run") != wanted["run"] and not below:
        raise CheckpointError(
            f"{output_dir} holds averages of {existing.get('run')}; name a new folder for those of "
            f"{wanted['run']} in --output_dir."
        )
    if existing.get("n") != wanted["n"]:
        raise CheckpointError(
            f"{output_dir} holds averages of {_number(existing.get('n'))}; name a new folder for "
            f"those of {_number(wanted['n'])} in --output_dir."
        )


def _number(n: int | None) -> str:
    return "named --checkpoints" if n is None else f"--n={n}"


def _average_exists(output_dir: Path, step: int, wanted: Mapping[str, Any]) -> bool:
    """True if the average is there; of named checkpoints it has to be that of the same."""
    for index in output_dir.joinpath(LATEST).glob(f"*-{step}.index"):
        made = StoredCheckpoint(str(index.with_suffix(""))).state.get(BEGINNING, {})
        others = made.get("checkpoints", [])
        if wanted["n"] is None and others != wanted["checkpoints"]:
            raise CheckpointError(
                f"{index.with_suffix('')} is the average of {', '.join(others)}; name a new folder "
                "for the average of other --checkpoints in --output_dir."
            )
        return True
    return False
