"""Cuts a trained joint model down to some of its problems: a new run directory."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from t2t_mm.errors import CheckpointError
from t2t_mm.hparam import HParams
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Task
from t2t_mm.runs.checkpoints import by_path
from t2t_mm.runs.groups import variable_groups
from t2t_mm.runs.patterns import drop_unmatched, matchable_paths
from t2t_mm.runs.slots import stored_slots
from t2t_mm.runs.surgery.opened import Beginning, OpenedRun, fresh_model, origin
from t2t_mm.runs.surgery.parts import Part, decoding_paths, model_parts, parts_of
from t2t_mm.runs.surgery.transfer import Arrays, Transfer
from t2t_mm.runs.weights import average_by_path, has_average

Experts = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Cut:
    """The parts of a run that a cut keeps.

    Attributes:
      run: the run that is cut.
      tasks: the problems that stay.
      kept_experts: mixture -> its experts that stay; a mixture that is not named keeps all.
    """

    run: OpenedRun
    tasks: list[Task]
    kept_experts: Experts

    @cached_property
    def hparams(self) -> HParams:
        """The hparams of the new run: the sizes of cut mixtures differ."""
        sizes = {hparam_of(name): len(kept) for name, kept in self.kept_experts.items()}
        missing = sorted(sizes.keys() - self.run.hparams.types().keys())
        if missing:
            raise CheckpointError(
                f"the hparams set {self.run.record.hparams_set} has no hparam '{missing[0]}', so "
                "this model's mixtures cannot be cut; leave --expert_threshold out."
            )
        hparams = self.run.hparams.replace(**sizes)
        if not (hparams.freeze or hparams.learning_rate_multipliers):
            return hparams
        paths = matchable_paths(fresh_model(self.run.record, self.tasks, hparams))
        return hparams.replace(  # a pattern of what is cut off would match nothing
            freeze=drop_unmatched(hparams.freeze, paths),
            learning_rate_multipliers=drop_unmatched(hparams.learning_rate_multipliers, paths),
        )

    @cached_property
    def model(self) -> JointModel:
        """The new model, at initial values."""
        return fresh_model(self.run.record, self.tasks, self.hparams)

    def before(self) -> list[Part]:
        """The parts of the model that is cut."""
        return model_parts(self.run)

    def after(self) -> list[Part]:
        """The parts that the new checkpoint will have; nothing is read or written for it."""
        variables = by_path(self.model.variables)
        shapes = {path: tuple(v.shape) for path, v in variables.items()}
        dtypes = {path: np.dtype(v.dtype.as_numpy_dtype) for path, v in variables.items()}
        return parts_of(shapes, dtypes, self.tasks, self.hparams, decoding_paths(self.model))

    def write(self, to: Path, keep_optimizer: bool = False) -> str:
        """Writes the new run directory.

        Args:
          to: the new folder.
          keep_optimizer: keep the optimizer's slots and the moving average too. Without them the
            variables are those that the run is used with: averaged, where it has an average.

        Returns:
          The checkpoint's path.
        """
        stored, old = self.run.stored, self.run.model()
        groups = variable_groups(old, list(self.run.tasks.values()))
        transfer = Transfer(old, self.model, self.kept_experts)
        values: Arrays = {path: stored.variable(path) for path in stored.variables}
        if has_average(stored) and not keep_optimizer:
            values |= average_by_path(stored, groups)
        weights = transfer.weights(values, self.run.record.seed)
        slots = transfer.slots(stored_slots(stored, groups), weights) if keep_optimizer else {}
        return self._beginning(weights, slots).write(to)

    def _beginning(self, weights: Arrays, slots: Arrays) -> Beginning:
        run, record = self.run, self.run.record
        names = {kind.text_vocabulary for task in self.tasks for kind in task.kinds.values()}
        vocabularies = {n: one for n, one in run.vocabularies.items() if n in names}
        data = {task.data_name for task in self.tasks}
        record = dataclasses.replace(
            record,
            hparams=self.hparams.to_dict(),
            tasks={task.name: task.to_dict() for task in self.tasks},
            vocabularies={name: record.vocabularies[name] for name in vocabularies},
            data={name: digest for name, digest in record.data.items() if name in data},
            devices=None,
            origin=origin(
                "cut",
                run,
                left_out=sorted(run.tasks.keys() - {task.name for task in self.tasks}),
                kept_experts={name: list(kept) for name, kept in self.kept_experts.items()},
            ),
        )
        return Beginning(record, vocabularies, run.step, weights, slots)


def hparam_of(mixture: str) -> str:
    """The hparam that holds a mixture's number of experts: "encoder_experts"."""
    return mixture.replace("_mixture", "_experts")
