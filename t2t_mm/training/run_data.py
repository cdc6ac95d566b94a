"""The data of a run: bound problems, vocabularies, and the record of both that run.json keeps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from t2t_mm.data.binding import bind, load_vocabularies
from t2t_mm.data.vocabularies.building import vocabulary_path
from t2t_mm.data.vocabularies.one_vocabulary import check_tasks_agree
from t2t_mm.evaluation.metrics import find_metric
from t2t_mm.files.writing import write_atomically
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import Task
from t2t_mm.runs.data_digests import training_digests
from t2t_mm.runs.run_record import FILE, VOCABULARIES, RunRecord
from t2t_mm.training.settings import Settings


@dataclass(frozen=True)
class RunData:
    """The data of a run.

    Attributes:
      tasks: the bound problems, sorted by name.
      vocabularies: by name.
      record: the contents of run.json.
    """

    tasks: list[Task]
    vocabularies: dict[str, Vocabulary]
    record: RunRecord

    def on(self, devices: int) -> RunData:
        """The same, for a run on so many devices."""
        return replace(self, record=replace(self.record, devices=devices))

    def write(self, output_dir: Path) -> None:
        """Writes run.json, and copies of the vocabularies, so that decoding needs no data."""
        folder = output_dir / VOCABULARIES
        folder.mkdir(parents=True, exist_ok=True)
        for name, vocabulary in self.vocabularies.items():
            write_atomically(vocabulary_path(name, folder), vocabulary.model)
        replace(self.record, origin=_origin(output_dir)).write(output_dir)


def open_data(settings: Settings) -> RunData:
    """Binds the problems to their data.

    Raises:
      DataError: if data are missing or not complete, or those of a mixture are on several
        vocabularies.
      UnknownNameError: for a problem's metric that is not registered.
    """
    tasks = [bind(problem, settings.data_dir) for problem in settings.problems]
    for task in tasks:  # now, not when the run is over
        for name in task.metrics:
            find_metric(name, f"the metrics of problem '{task.name}'")
    check_tasks_agree(settings.problems, tasks, settings.data_dir)
    vocabularies = load_vocabularies(tasks, settings.data_dir)
    record = RunRecord(
        model=settings.model,
        hparams_set=settings.hparams_set,
        hparams=settings.hparams.to_dict(),
        tasks={task.name: task.to_dict() for task in tasks},
        seed=settings.random_seed,
        vocabularies={name: vocabulary.digest for name, vocabulary in vocabularies.items()},
        train_steps=settings.total_steps,
        data=training_digests(tasks, settings.data_dir),
        reported=0,
    )
    return RunData(tasks, vocabularies, record)


def _origin(output_dir: Path) -> dict[str, Any]:
    """The record of the run that this one was cut or grown from; further training keeps it."""
    return RunRecord.read(output_dir).origin if (output_dir / FILE).is_file() else {}
