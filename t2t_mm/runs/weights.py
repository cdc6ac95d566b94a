"""The weights that a checkpoint is used for: the moving average where it has one, else its own.

A run with the hparam ema_decay keeps, beside the weights that it trains, their moving average: in
the same checkpoints, by variable. best/ holds variables alone: what was evaluated, hence the
average. A frozen variable has no average: it is used as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Task
from t2t_mm.runs.checkpoints import by_path, load_variables
from t2t_mm.runs.groups import Groups, variable_groups
from t2t_mm.runs.slots import stored_slots
from t2t_mm.runs.stored import StoredCheckpoint

# A variable's slots: the average itself, and the number of its updates, int64 [].
AVERAGE, UPDATES = "sliding_average", "sliding_average_steps"

# Appended to the name of a checkpoint, it asks for the weights that are not averaged.
RAW = ":raw"


def has_average(stored: StoredCheckpoint) -> bool:
    """True if a checkpoint holds the moving average of its weights."""
    return any(name.endswith(f"/{AVERAGE}") for name in stored.slots)


def load_weights(
    checkpoint: str, model: JointModel, tasks: Sequence[Task], averaged: bool = True
) -> None:
    """Restores a model's variables.

    Args:
      checkpoint: its path.
      model: built.
      tasks: that the checkpoint's run was made for; read for a checkpoint of t2t_mm 0.1, whose
        averages lie in groups that depend on them.
      averaged: take the moving average where the checkpoint has one.

    Raises:
      CheckpointError: if the checkpoint lacks a variable, or has it in another shape.
    """
    variables = by_path(model.variables)
    load_variables(checkpoint, variables)
    if averaged and has_average(stored := StoredCheckpoint(checkpoint)):
        for path, value in average_by_path(stored, variable_groups(model, tasks)).items():
            variables[path].assign(value)


def average_by_path(stored: StoredCheckpoint, groups: Groups) -> dict[str, np.ndarray]:
    """Path -> moving average of every variable that has one.

    Args:
      stored: the checkpoint.
      groups: see `slots.stored_slots`.
    """
    slots, end = stored_slots(stored, groups), f"/{AVERAGE}"
    return {name.removesuffix(end): slots[name] for name in slots if name.endswith(end)}


def without_raw(checkpoint: str | Path | None) -> tuple[str | None, bool]:
    """Splits what a user calls a checkpoint, e.g. "latest" or "RUN/checkpoints/model-100:raw".

    Returns:
      The checkpoint without RAW ("" becomes None, the latest), and True if the moving average is
      wanted.
    """
    text = str(checkpoint or "")
    return text.removesuffix(RAW) or None, not text.endswith(RAW)
