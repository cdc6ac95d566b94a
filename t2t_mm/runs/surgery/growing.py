"""Grows a trained joint model by new problems: a new run directory, to be trained on.

What the old problems use keeps its values, so their answers do not change; what the new ones need
besides (a vocabulary's embedding, a class label's exit, a command) begins as in a fresh model of
all of these problems, of the run's seed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from t2t_mm.data.binding import bind, load_vocabularies
from t2t_mm.data.vocabularies.building import vocabulary_path
from t2t_mm.errors import CheckpointError, HParamError, UserError
from t2t_mm.hparam import HParams
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Problem, Task
from t2t_mm.runs.data_digests import training_digests
from t2t_mm.runs.groups import variable_groups
from t2t_mm.runs.run_record import VOCABULARIES
from t2t_mm.runs.surgery.opened import Beginning, OpenedRun, fresh_model, origin
from t2t_mm.runs.surgery.parts import Part, model_parts, parts_of
from t2t_mm.runs.surgery.transfer import Side, Transfer

# Hparams that say how the variables are shaped or used; others may change at growth.
_TRAINING = (
    "adam_",
    "batch_",
    "early_",
    "ema_",
    "eval_",
    "image_augment",
    "keep_",
    "label_smoothing",
    "learning_",
    "long_",
    "loss_",
    "max_",
    "mixing_",
    "problem_choice",
    "train_steps",
    "weight_decay",
    "clip_norm",
    "dropout",
    "attention_dropout",
)


@dataclass(frozen=True)
class Growth:
    """What a growth adds.

    Attributes:
      run: what grows.
      added: the new problems, bound to their data.
      hparams: of the new run.
      data_dir: where the new problems' data are.
    """

    run: OpenedRun
    added: list[Task]
    hparams: HParams
    data_dir: Path

    @cached_property
    def tasks(self) -> list[Task]:
        """Old and new, sorted by name."""
        return sorted([*self.run.tasks.values(), *self.added], key=lambda task: task.name)

    @cached_property
    def model(self) -> JointModel:
        """The new model, at its initial values."""
        return fresh_model(self.run.record, self.tasks, self.hparams)

    @cached_property
    def vocabularies(self) -> dict[str, Vocabulary]:
        """Those of the old run and of the new problems.

        Raises:
          CheckpointError: if a new problem's data were made with another vocabulary of a name
            that the old run has too.
        """
        old = self.run.vocabularies
        new = load_vocabularies(self.added, self.data_dir)
        for name in sorted(old.keys() & new.keys()):
            if old[name].digest != new[name].digest:
                raise CheckpointError(
                    f"the vocabulary '{name}' in {self.data_dir} is not the one that the model was "
                    "trained with (its checksum differs), so its embedding stands for other "
                    f"words: copy {vocabulary_path(name, self.run.output_dir / VOCABULARIES)} to "
                    "a new --data_dir and generate the new problems' data there."
                )
        return {**old, **new}

    def before(self) -> list[Part]:
        """The parts of the model that grows."""
        return model_parts(self.run.stored, list(self.run.tasks.values()), self.run.hparams)

    def write(self, to: Path) -> list[Part]:
        """Writes the new run directory; gives the parts of its model."""
        vocabularies, stored, old = self.vocabularies, self.run.stored, self.run.model()
        transfer = Transfer(
            Side(old, variable_groups(old, list(self.run.tasks.values()))),
            Side(self.model, variable_groups(self.model, self.tasks)),
        )
        values = {path: stored.variable(path) for path in stored.variables}
        weights = transfer.weights(values, self.run.record.seed)
        slots = transfer.slots(stored, weights)
        record = dataclasses.replace(
            self.run.record,
            hparams=self.hparams.to_dict(),
            tasks={task.name: task.to_dict() for task in self.tasks},
            vocabularies={name: vocabulary.digest for name, vocabulary in vocabularies.items()},
            data={**self.run.record.data, **training_digests(self.added, self.data_dir)},
            origin=origin(
                "grow",
                self.run,
                old_problems=sorted(self.run.tasks),
                new_problems=sorted(task.name for task in self.added),
            ),
        )
        Beginning(record, vocabularies, 0, weights, slots).write(to)
        shapes = {path: value.shape for path, value in weights.items()}
        dtypes = {path: value.dtype for path, value in weights.items()}
        return parts_of(shapes, dtypes, self.tasks, self.hparams)


def grow(
    run: OpenedRun, problems: Sequence[Problem], data_dir: str | Path, hparams: str = ""
) -> Growth:
    """What a run grows to.

    Args:
      run: the run.
      problems: the new ones; the run's own may be named too, and stay in any case.
      data_dir: where the data of the new ones are.
      hparams: changes of what concerns training, "learning_rate=0.01,mixing_weights=old:0".

    Raises:
      UserError: if no problem is new, data are missing, or an hparam would change the model.
    """
    data_dir = Path(data_dir).expanduser()
    new = [problem for problem in problems if problem.name not in run.tasks]
    if not new:
        raise UserError(
            "--problems names no problem that this model lacks; it has "
            f"{', '.join(sorted(run.tasks))}. To train on these, run t2t-trainer."
        )
    changed = run.hparams.override(hparams)
    for name in changed.differences(run.hparams):
        if not name.startswith(_TRAINING):
            raise HParamError(
                f"hparam '{name}' is part of the trained model and cannot change as it grows; "
                "leave it out of --hparams."
            )
    return Growth(run, [bind(problem, data_dir) for problem in new], changed, data_dir)


def only(old: Iterable[str]) -> str:
    """The hparam mixing_weights that gives the old problems no step."""
    return ";".join(f"{name}:0" for name in sorted(old))
