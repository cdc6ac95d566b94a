"""A run directory, opened: what it says of its model without the weights. No TensorFlow.

Everything that reads or resumes a run begins here: decoding checks inputs with it before a model is
loaded, which takes longer; training compares its settings; checkpoint tools add a checkpoint.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from t2t_mm.data.binding import load_vocabularies
from t2t_mm.data.vocabularies.building import vocabulary_path
from t2t_mm.errors import CheckpointError, DataError, UserError, unknown
from t2t_mm.files.locking import lock_or_refuse
from t2t_mm.hparam import HParams
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import Task
from t2t_mm.runs.run_record import VOCABULARIES, RunRecord

_LOCK = ".lock"


@dataclass(frozen=True)
class TrainedRun:
    """A run directory without its weights.

    Attributes:
      output_dir: where it is.
      record: the contents of run.json.
      tasks: its problems, by name.
      hparams: that it was trained with.
    """

    output_dir: Path
    record: RunRecord
    tasks: dict[str, Task]
    hparams: HParams

    @cached_property
    def vocabularies(self) -> dict[str, Vocabulary]:
        """The vocabularies by name; read and compared with run.json when first asked for.

        Raises:
          CheckpointError: if one is missing or is not the one of the training.
        """
        return _vocabularies(self.output_dir, self.record, self.tasks.values())

    def task(self, problem: str, flag: str = "--problem") -> Task:
        """The task of that name.

        Raises:
          UnknownNameError: if the model was not trained on it.
        """
        return task_named(self.tasks, problem, flag)


def task_named(tasks: Mapping[str, Task], problem: str, flag: str) -> Task:
    """A model's task by its problem's name; see `TrainedRun.task`."""
    if problem not in tasks:
        raise unknown("problem of this model", problem, tasks, flag)
    return tasks[problem]


def open_run(output_dir: str | Path) -> TrainedRun:
    """Opens a run directory.

    Raises:
      CheckpointError: if it is missing, incomplete, or of a t2t_mm that knows other fields.
    """
    output_dir = Path(output_dir).expanduser()
    record = RunRecord.read(output_dir)
    tasks, hparams = record.bound(output_dir)
    return TrainedRun(output_dir, record, {task.name: task for task in tasks}, hparams)


def _vocabularies(
    output_dir: Path, record: RunRecord, tasks: Iterable[Task]
) -> dict[str, Vocabulary]:
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


@contextlib.contextmanager
def held(output_dir: Path, say: Callable[[str], None] = print) -> Iterator[None]:
    """Holds a run directory for training: a second trainer would write over its checkpoints.

    Args:
      output_dir: made if it is not there.
      say: told where the disk has no file locks, so that nothing is held.

    Raises:
      UserError: if another process holds it, or it cannot be written to.
    """
    refusal = UserError(
        f"another process is training in {output_dir}; wait for it, or give another --output_dir."
    )
    lock = lock_or_refuse(output_dir / _LOCK, refusal, say)
    with contextlib.ExitStack() as stack:
        try:
            output_dir.mkdir(parents=True, exist_ok=True)
            stack.enter_context(lock)
        except OSError as cause:
            raise UserError(
                f"cannot write to {output_dir} ({cause.strerror}); give another --output_dir."
            ) from cause
        yield
