"""Carries the values of one model over to another: weights, optimizer slots, sliding average.

A variable keeps its value under its Keras path. Two kinds change their shape: the table of
commands, whose rows go by the commands' names wherever those are sorted to; and the mixtures whose
experts are cut. Slots are flat vectors over groups of variables, and the groups of two models
differ (which variables a step touches together depends on the problems): they are taken apart by
variable, and put together anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import keras
import numpy as np

from t2t_mm.layers.seeds import fold_in
from t2t_mm.models.joint import COMMANDS, JointModel
from t2t_mm.runs.checkpoints import by_path
from t2t_mm.runs.groups import Groups, sizes
from t2t_mm.runs.stored import StoredCheckpoint
from t2t_mm.runs.weights import AVERAGE, UPDATES, split_by_path

Arrays = dict[str, np.ndarray]

# The axis of a mixture's variables that counts experts.
EXPERT_AXES = {"gate_kernel": 1, "noise_kernel": 1, "expert_in": 0, "expert_out": 0}


@dataclass(frozen=True)
class Side:
    """A model, at any values, and the groups that its run's training makes of its variables."""

    model: JointModel
    groups: Groups

    @property
    def commands(self) -> str:
        """The path of the table of commands; "" where there is none."""
        return "" if self.model.commands is None else self.model.commands.path


@dataclass(frozen=True)
class Transfer:
    """From an old model to a new one.

    Attributes:
      old, new: the two models.
      kept_experts: name of a mixture, e.g. "encoder_mixture" -> the experts that it keeps.
    """

    old: Side
    new: Side
    kept_experts: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def weights(self, values: Mapping[str, np.ndarray], seed: int) -> Arrays:
        """The new model's variables.

        Args:
          values: path -> value in the old model.
          seed: of the run, for new commands; other new variables have the new model's values.

        Returns:
          Path -> value.
        """
        fresh = {path: v.numpy() for path, v in by_path(self.new.model.variables).items()}
        if self.new.commands:
            fresh[self.new.commands] = fresh_commands(self.new.model, seed)
        return {path: self._value(path, values.get(path), fresh[path]) for path in fresh}

    def slots(self, stored: StoredCheckpoint, weights: Mapping[str, np.ndarray]) -> Arrays:
        """The new run's slots.

        A vector's new parts are zero, a sliding average's are the weights. A count of updates is
        the largest of the groups that a new one comes from; a group with something new begins its
        average's count again, so that its average soon forgets the initial values.

        Args:
          stored: the old run's checkpoint.
          weights: path -> value in the new model.

        Returns:
          Name -> value; nothing for a slot that the old run does not have.
        """
        vectors, counts, rest = _take_apart(stored, self.old.groups)
        source = {v.path: name for name, group in self.old.groups.items() for v in group}
        found = dict(rest)
        for name in sizes(self.new.groups):
            paths = [variable.path for variable in self.new.groups[name]]
            origins = {source[path] for path in paths if path in source}
            for kind, values in vectors.items():
                fill = {p: weights[p] if kind == AVERAGE else 0 * weights[p] for p in paths}
                pieces = [self._value(path, values.get(path), fill[path]) for path in paths]
                found[f"{name}/{kind}"] = np.concatenate([piece.reshape(-1) for piece in pieces])
            for kind, values in counts.items():
                known = [values[group] for group in origins if group in values]
                count = max(known, default=np.zeros((), next(iter(values.values())).dtype))
                whole = not self._new_paths.intersection(paths)
                found[f"{name}/{kind}"] = count if whole or kind != UPDATES else 0 * count
        return found

    @cached_property
    def _new_paths(self) -> set[str]:
        """Paths of what the old model lacks, in whole or (commands) in part."""
        old, new = self.old.model, self.new.model
        found = by_path(new.variables).keys() - by_path(old.variables).keys()
        return found | (
            {self.new.commands} if set(new.command_names) - set(old.command_names) else set()
        )

    def _value(self, path: str, old: np.ndarray | None, fill: np.ndarray) -> np.ndarray:
        """An old array in the new variable's shape; `fill` is where there is none."""
        if path == self.new.commands:
            return self._rows(old, fill)
        if old is None:
            return fill
        layer, _, leaf = path.rpartition("/")
        mixture = layer.rpartition("/")[2]
        if mixture in self.kept_experts and leaf in EXPERT_AXES:
            return np.take(old, list(self.kept_experts[mixture]), EXPERT_AXES[leaf])
        return old

    def _rows(self, old: np.ndarray | None, fill: np.ndarray) -> np.ndarray:
        rows, before = fill.copy(), self.old.model.command_names
        for row, command in enumerate(self.new.model.command_names):
            if old is not None and command in before:
                rows[row] = old[before.index(command)]
        return rows


def fresh_commands(model: JointModel, seed: int) -> np.ndarray:
    """New embeddings of a model's commands, drawn as a fresh model's, but each by its name.

    A fresh model draws the table as a whole, and a table of more rows begins with those of a
    smaller one: a new command could begin where an old one began.
    """
    start = fold_in(seed, COMMANDS)
    rows = [
        keras.initializers.RandomNormal(0.0, 1.0, fold_in(start, name))((model.hidden_size,))
        for name in model.command_names
    ]
    return np.stack([keras.ops.convert_to_numpy(row) for row in rows])


def _take_apart(
    stored: StoredCheckpoint, groups: Groups
) -> tuple[dict[str, Arrays], dict[str, Arrays], Arrays]:
    """Slots by kind: vectors by variable's path, counts by group, and what is of no group."""
    vectors: dict[str, Arrays] = {}
    counts: dict[str, Arrays] = {}
    rest: Arrays = {}
    known = sizes(groups)
    for name, shape in stored.slots.items():
        group, _, kind = name.rpartition("/")
        if shape == (known.get(group),):
            pieces = split_by_path(stored.slot(name), groups[group])
            vectors.setdefault(kind, {}).update(pieces)
        elif group in known and shape == ():
            counts.setdefault(kind, {})[group] = stored.slot(name)
        elif group not in known:
            rest[name] = stored.slot(name)
    return vectors, counts, rest
