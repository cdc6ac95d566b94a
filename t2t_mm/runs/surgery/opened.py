"""A run directory opened for surgery, and the beginning of another one written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from t2t_mm.data.vocabularies.building import vocabulary_path
from t2t_mm.errors import UserError
from t2t_mm.files.paths import literal_path
from t2t_mm.files.writing import write_atomically
from t2t_mm.hparam import HParams
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Task
from t2t_mm.runs import checkpoints
from t2t_mm.runs.model_making import make_model
from t2t_mm.runs.replicas import Replicas
from t2t_mm.runs.run_record import VOCABULARIES, RunRecord
from t2t_mm.runs.stored import StoredCheckpoint
from t2t_mm.runs.trained_run import TrainedRun, open_run


@dataclass(frozen=True)
class OpenedRun(TrainedRun):
    """A run and one of its checkpoints.

    Attributes:
      stored: the checkpoint.
    """

    stored: StoredCheckpoint

    @property
    def step(self) -> int:
        """Training steps of the checkpoint."""
        return int(self.stored.state["step"])

    def model(self) -> JointModel:
        """The run's model, at initial values."""
        return fresh_model(self.record, list(self.tasks.values()), self.hparams)

    def named(self, problems: Iterable[str]) -> list[Task]:
        """The tasks of these names, sorted.

        Raises:
          UnknownNameError: for one that is not the run's.
        """
        return [self.task(name, "--problems") for name in sorted(set(problems))]


def open_checkpoint(output_dir: str | Path, checkpoint: str | None = None) -> OpenedRun:
    """Opens a run directory and one of its checkpoints.

    Args:
      output_dir: the run directory.
      checkpoint: None or "latest"; "best"; or the path of one.

    Raises:
      CheckpointError: if the directory or the checkpoint is missing, or of another version.
    """
    run = open_run(output_dir)
    stored = StoredCheckpoint(checkpoints.resolve_checkpoint(run.output_dir, checkpoint))
    return OpenedRun(run.output_dir, run.record, run.tasks, run.hparams, stored)


def fresh_model(record: RunRecord, tasks: list[Task], hparams: HParams) -> JointModel:
    """A model of the record's kind and seed, at its initial values."""
    return make_model(record.model, tasks, hparams, record.seed, Replicas())


@dataclass(frozen=True)
class Beginning:
    """The contents of a new run directory.

    Attributes:
      record: its run.json.
      vocabularies: by name.
      step: where its training begins to count.
      variables: path -> value.
      slots: name -> value, of the optimizer and the moving average; those left out begin as in a
        fresh run.
    """

    record: RunRecord
    vocabularies: Mapping[str, Vocabulary]
    step: int
    variables: Mapping[str, np.ndarray]
    slots: Mapping[str, np.ndarray]

    def write(self, output_dir: Path) -> str:
        """Writes the directory, run.json last, and returns the checkpoint's path."""
        path = checkpoints.write_beginning(
            output_dir, self.step, self.variables, self.slots, self.record.origin
        )
        folder = output_dir / VOCABULARIES
        folder.mkdir(parents=True, exist_ok=True)
        for name, vocabulary in self.vocabularies.items():
            write_atomically(vocabulary_path(name, folder), vocabulary.model)
        self.record.write(output_dir)
        return path


def new_folder(to: str | Path) -> Path:
    """Checks that a new run directory may be written at a path.

    Raises:
      UserError: if something is there, or TensorFlow would take the path for a pattern.
    """
    folder = literal_path(to, "--to")
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise UserError(f"--to={to} exists and is not empty; name a new folder.")
    return folder


def origin(tool: str, run: OpenedRun, **more: Any) -> dict[str, Any]:
    """The origin of a run, as run.json has it."""
    return {
        "tool": tool,
        "checkpoint": run.stored.checkpoint,
        "step": run.step,
        "command": run.record.command,
        **more,
    }
