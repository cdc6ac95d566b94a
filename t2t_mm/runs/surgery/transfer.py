"""Carries the values of one model over to another: weights, optimizer slots, moving average.

A variable keeps its value under its Keras path. Two kinds change their shape: the tables of
commands and of inputs' slots, whose rows go by their names wherever those are sorted to; and the
mixtures whose experts are cut. The optimizer's slots are stored by variable and follow theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import keras
import numpy as np

from t2t_mm.layers.seeds import fold_in
from t2t_mm.models.joint import JointModel
from t2t_mm.runs.checkpoints import by_path
from t2t_mm.runs.weights import AVERAGE, UPDATES

Arrays = dict[str, np.ndarray]

# The axis of a mixture's variables that counts experts.
EXPERT_AXES = {"gate_kernel": 1, "noise_kernel": 1, "expert_in": 0, "expert_out": 0}


class _Table(NamedTuple):
    """The names of a table's rows in the new model and in the old one."""

    new: Sequence[str]
    old: Sequence[str]


@dataclass(frozen=True)
class Transfer:
    """The transfer of values from an old model to a new one.

    Attributes:
      old, new: the two models.
      kept_experts: name of a mixture, e.g. "encoder_mixture" -> the experts that it keeps.
    """

    old: JointModel
    new: JointModel
    kept_experts: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def weights(self, values: Mapping[str, np.ndarray], seed: int) -> Arrays:
        """The new model's variables.

        Args:
          values: path -> value in the old model.
          seed: of the run, for new rows of tables; other new variables have the new model's values.

        Returns:
          Path -> value.
        """
        fresh = {path: v.numpy() for path, v in by_path(self.new.variables).items()}
        for path, table in self._tables.items():
            fresh[path] = fresh_rows(path, table.new, self.new.hidden_size, seed)
        return {path: self._value(path, values.get(path), fresh[path]) for path in fresh}

    def slots(self, stored: Mapping[str, np.ndarray], weights: Mapping[str, np.ndarray]) -> Arrays:
        """The new run's slots; what is left out begins as in a fresh run.

        Of rows that are new the moments are zero, the average is the embedding, and the count
        of the average's updates begins again. A slot of another shape than its variable's (the
        factors of Adafactor) is left out where the variable's shape changes.

        Args:
          stored: name -> value in the old run, see `runs.slots.stored_slots`.
          weights: path -> value in the new model.

        Returns:
          Name -> value.
        """
        new, old = (by_path(model.variables) for model in (self.new, self.old))
        tables = self._tables
        found: Arrays = {}
        for name in stored:
            path, _, kind = name.rpartition("/")
            if path not in old:  # of the run as a whole
                found[name] = stored[name]
            elif path in new:
                value, same = stored[name], old[path].shape == new[path].shape
                if value.shape == tuple(old[path].shape):
                    fill = weights[path] if kind == AVERAGE else 0 * weights[path]
                    found[name] = self._value(path, value, fill)
                elif value.shape == ():
                    again = kind == UPDATES and path in tables and self._has_new_rows(path)
                    found[name] = 0 * value if again else value
                elif same and path not in tables:
                    found[name] = value
        return found

    @property
    def _tables(self) -> dict[str, _Table]:
        """Path of a table of the new model -> the names of its rows."""
        new, old = self.new, self.old
        tables = (
            (new.commands, _Table(new.command_names, old.command_names)),
            (new.slots, _Table(new.slot_names, old.slot_names)),
        )
        return {variable.path: table for variable, table in tables if variable is not None}

    def _has_new_rows(self, path: str) -> bool:
        table = self._tables[path]
        return not set(table.new) <= set(table.old)

    def _value(self, path: str, old: np.ndarray | None, fill: np.ndarray) -> np.ndarray:
        """An old array in the new variable's shape; `fill` is where there is none."""
        table = self._tables.get(path)
        if table is not None:
            return _rows(table, old, fill)
        if old is None:
            return fill
        layer, _, leaf = path.rpartition("/")
        mixture = layer.rpartition("/")[2]
        if mixture in self.kept_experts and leaf in EXPERT_AXES:
            return np.take(old, list(self.kept_experts[mixture]), EXPERT_AXES[leaf])
        return old


def _rows(table: _Table, old: np.ndarray | None, fill: np.ndarray) -> np.ndarray:
    """The new table: old rows by their names, `fill` for those that are new."""
    rows = fill.copy()
    for row, name in enumerate(table.new):
        if old is not None and name in table.old:
            rows[row] = old[table.old.index(name)]
    return rows


def fresh_rows(path: str, names: Sequence[str], width: int, seed: int) -> np.ndarray:
    """New embeddings of a table, drawn as a fresh model's, but each by its name.

    A fresh model draws the table as a whole, and a table of more rows begins with those of a
    smaller one: a new row could begin where an old one began.
    """
    start = fold_in(seed, path.rpartition("/")[2])
    rows = [
        keras.initializers.RandomNormal(0.0, 1.0, fold_in(start, name))((width,)) for name in names
    ]
    return np.stack([keras.ops.convert_to_numpy(row) for row in rows])
