"""Grows a trained joint model by new problems: a new run directory, to be trained on.

What the old problems use keeps its values, so their answers do not change; what the new ones need
besides (a vocabulary's embedding, a class label's exit, a command) begins as in a fresh model of
all of these problems, of the run's seed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from t2t_mm.data.binding import bind, load_vocabularies
from t2t_mm.data.vocabularies.building import vocabulary_path
from t2t_mm.errors import CheckpointError, HParamError, UserError
from t2t_mm.hparam import HParams
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Problem, Task
from t2t_mm.runs.data_digests import training_digests
from t2t_mm.runs.groups import variable_groups
from t2t_mm.runs.patterns import escape, matchable_paths, matching
from t2t_mm.runs.run_record import VOCABULARIES
from t2t_mm.runs.slots import stored_slots
from t2t_mm.runs.surgery.opened import Beginning, OpenedRun, fresh_model, origin
from t2t_mm.runs.surgery.parts import Part, decoding_paths, model_parts, parts_of
from t2t_mm.runs.surgery.transfer import Arrays, Transfer
from t2t_mm.runs.weights import average_by_path, has_average

# Hparams that say how the variables are shaped or used; others may change at growth.
_TRAINING = (
    "accumulate_",
    "adam_",
    "batch_",
    "early_",
    "ema_",
    "eval_",
    "freeze",
    "image_augment",
    "keep_",
    "label_smoothing",
    "learning_",
    "long_",
    "loss_",
    "max_",
    "mixing_",
    "optimizer",
    "problem_choice",
    "train_steps",
    "weight_decay",
    "clip_norm",
    "dropout",
    "attention_dropout",
)


@dataclass(frozen=True)
class Growth:
    """The problems that a run grows by.

    Attributes:
      run: the run that grows.
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
        """The old and new problems, sorted by name."""
        return sorted([*self.run.tasks.values(), *self.added], key=lambda task: task.name)

    @cached_property
    def model(self) -> JointModel:
        """The new model, at its initial values."""
        return fresh_model(self.run.record, self.tasks, self.hparams)

    @cached_property
    def vocabularies(self) -> dict[str, Vocabulary]:
        """The vocabularies of the old run and of the new problems.

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
        return model_parts(self.run)

    def write(self, to: Path) -> list[Part]:
        """Writes the new run directory; gives the parts of its model."""
        vocabularies, stored, old = self.vocabularies, self.run.stored, self.run.model()
        groups = variable_groups(old, list(self.run.tasks.values()))
        transfer = Transfer(old, self.model)
        values = {path: stored.variable(path) for path in stored.variables}
        if self.hparams.freeze and has_average(stored):
            frozen = matching(self.hparams.freeze, matchable_paths(self.model), "freeze")
            _use_average(values, average_by_path(stored, groups), frozen, old)
        weights = transfer.weights(values, self.run.record.seed)
        slots = transfer.slots(stored_slots(stored, groups), weights)
        record = dataclasses.replace(
            self.run.record,
            hparams=self.hparams.to_dict(),
            tasks={task.name: task.to_dict() for task in self.tasks},
            vocabularies={name: vocabulary.digest for name, vocabulary in vocabularies.items()},
            data={**self.run.record.data, **training_digests(self.added, self.data_dir)},
            devices=None,
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
        return parts_of(shapes, dtypes, self.tasks, self.hparams, decoding_paths(self.model))


def grow(
    run: OpenedRun, problems: Sequence[Problem], data_dir: str | Path, hparams: str = ""
) -> Growth:
    """Plans how a run grows; writes nothing.

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


def _use_average(
    values: Arrays, averages: Mapping[str, np.ndarray], frozen: AbstractSet[str], old: JointModel
) -> None:
    """Gives frozen variables the weights that the old run was used with: they keep no average."""
    values |= {path: averages[path] for path in averages.keys() & frozen}
    if old.commands is not None:
        path = old.commands.path
        for row, name in enumerate(old.command_names):
            if f"{path}/{name}" in frozen:
                values[path][row] = averages[path][row]


def no_steps_for(old: Iterable[str]) -> str:
    """The hparam mixing_weights that gives the old problems no step."""
    return ";".join(f"{name}:0" for name in sorted(old))


def frozen_old(growth: Growth) -> str:
    """The hparam freeze that holds everything old fixed: its problems answer as before, to the bit.

    A whole modality, and the body, is one pattern where all of it is old.
    """
    old = set(growth.run.stored.variables)
    inside: dict[str, list[str]] = {}
    numbers = [v for v in growth.model.variables if v.dtype.startswith(("float", "bfloat"))]
    for variable in numbers:
        root, _, rest = variable.path.partition("/")
        inside.setdefault(f"{root}/{rest.partition('/')[0]}", []).append(variable.path)
    commands = "" if growth.model.commands is None else growth.model.commands.path
    before = {task.command for task in growth.run.tasks.values()}
    patterns = [f"{commands}/{name}" for name in growth.model.command_names if name in before]
    for begin, paths in sorted(inside.items()):
        if begin != commands and old.issuperset(paths):
            patterns.append(f"{begin}/*" if paths != [begin] else begin)
        elif begin != commands:
            patterns += sorted(old & set(paths))
    return ";".join(map(escape, patterns))
