"""What a run directory says of its model: problems, hparams, vocabularies. No TensorFlow.

Inputs are checked with it before a model is loaded, which takes longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from t2t_mm.data.binding import load_vocabularies
from t2t_mm.data.vocabularies.building import vocabulary_path
from t2t_mm.errors import CheckpointError, DataError
from t2t_mm.hparam import HParams
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import Task
from t2t_mm.runs.run_record import VOCABULARIES, RunRecord


@dataclass(frozen=True)
class TrainedRun:
    """A run directory without its weights.

    Attributes:
      output_dir: where it is.
      record: the contents of run.json.
      tasks: its problems, by name.
      hparams: that it was trained with.
      vocabularies: by name.
    """

    output_dir: Path
    record: RunRecord
    tasks: dict[str, Task]
    hparams: HParams
    vocabularies: dict[str, Vocabulary]


def read_run(output_dir: str | Path) -> TrainedRun:
    """Reads a run directory.

    Raises:
      CheckpointError: if it is missing, incomplete, or of a t2t_mm that knows other fields.
    """
    output_dir = Path(output_dir).expanduser()
    record = RunRecord.read(output_dir)
    tasks, hparams = record.bound(output_dir)
    vocabularies = _vocabularies(output_dir, record, tasks)
    return TrainedRun(output_dir, record, {t.name: t for t in tasks}, hparams, vocabularies)


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
