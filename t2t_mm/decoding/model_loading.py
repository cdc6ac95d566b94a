"""A trained model from its run directory alone: no data, no problem's code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from t2t_mm.data.binding import load_vocabularies
from t2t_mm.data.vocabulary import Vocabulary
from t2t_mm.data.vocabulary_building import vocabulary_path
from t2t_mm.decoding.decoder import Decoded, Decoder
from t2t_mm.errors import CheckpointError, DataError, UserError, unknown
from t2t_mm.hparam import HParams
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Task
from t2t_mm.runs import checkpoints
from t2t_mm.runs.model_making import make_model
from t2t_mm.runs.replicas import Replicas
from t2t_mm.runs.run_record import VOCABULARIES, RunRecord

if TYPE_CHECKING:
    from t2t_mm.decoding.inputs import Raw


@dataclass(frozen=True)
class LoadedModel:
    """A trained model and what it takes to use it.

    Attributes:
      model: with its trained weights.
      tasks: its problems, by name.
      vocabularies: by name.
      hparams: that it was trained with.
      record: the contents of run.json.
      checkpoint: the path that the weights come from.
    """

    model: JointModel
    tasks: dict[str, Task]
    vocabularies: dict[str, Vocabulary]
    hparams: HParams
    record: RunRecord
    checkpoint: str

    @property
    def step(self) -> int:
        """Training steps of the weights; -1 if the checkpoint's name does not tell."""
        found = re.search(r"-(\d+)$", self.checkpoint)
        return int(found.group(1)) if found else -1

    @cached_property
    def decoder(self) -> Decoder:
        """One for all calls, so that each path is traced once."""
        return Decoder(self.model, self.hparams, self.vocabularies)

    def task(self, problem: str, flag: str = "--problem") -> Task:
        """The task of that name.

        Raises:
          UnknownNameError: if the model was not trained on it.
        """
        if problem not in self.tasks:
            raise unknown("problem of this model", problem, self.tasks, flag)
        return self.tasks[problem]

    def decode(self, problem: str, inputs: Sequence[Raw]) -> list[Decoded]:
        """Answers each input; see `decoding.api.decode`."""
        from t2t_mm.decoding.api import decode

        return decode(self, problem, inputs)


def load(output_dir: str | Path, checkpoint: str | Path | None = None) -> LoadedModel:
    """Restores the model of a run directory.

    Args:
      output_dir: what t2t-trainer wrote; its data are not needed.
      checkpoint: None or "latest"; "best"; or the path of one, such as RUN/checkpoints/model-1000.

    Raises:
      CheckpointError: if the directory or the checkpoint is missing, incomplete, or of another
        model.
    """
    output_dir = Path(output_dir).expanduser()
    record = RunRecord.read(output_dir)
    path = find_checkpoint(output_dir, checkpoint)
    tasks, hparams = _bound(output_dir, record)
    vocabularies = _vocabularies(output_dir, record, tasks)
    model = make_model(record.model, tasks, hparams, record.seed, Replicas())
    checkpoints.load_variables(path, checkpoints.by_path(model.variables))
    return LoadedModel(
        model, {task.name: task for task in tasks}, vocabularies, hparams, record, path
    )


def find_checkpoint(output_dir: Path, checkpoint: str | Path | None) -> str:
    """The path of the checkpoint that is meant; see `load`."""
    if checkpoint in (None, "", "latest"):
        return checkpoints.find(output_dir)
    if checkpoint == "best":
        return checkpoints.find(output_dir / checkpoints.BEST)
    return checkpoints.find(checkpoint)


def _bound(output_dir: Path, record: RunRecord) -> tuple[list[Task], HParams]:
    try:
        return record.bound_tasks(), record.bound_hparams()
    except (UserError, KeyError, TypeError) as cause:
        raise CheckpointError(
            f"{output_dir}/run.json does not fit this t2t_mm ({cause}); load it with the version "
            f"that wrote it ({record.versions.get('t2t_mm')}), its --t2t_usr_dir included."
        ) from cause


def _vocabularies(output_dir: Path, record: RunRecord, tasks: list[Task]) -> dict[str, Vocabulary]:
    folder = output_dir / VOCABULARIES
    missing = [n for n in record.vocabularies if not vocabulary_path(n, folder).is_file()]
    if missing:
        raise CheckpointError(
            f"the run directory {output_dir} is incomplete: {vocabulary_path(missing[0], folder)} "
            "is missing; copy it there from the --data_dir of the training."
        )
    try:
        found = load_vocabularies(tasks, folder)
    except DataError as cause:
        raise CheckpointError(f"the run directory {output_dir} is damaged: {cause}") from cause
    for name, vocabulary in found.items():
        if record.vocabularies.get(name) != vocabulary.digest:
            raise CheckpointError(
                f"the vocabulary '{name}' in {folder} is not the one that the model was trained "
                "with (its checksum differs); put the original file back."
            )
    return found
