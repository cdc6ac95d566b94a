"""Slots: what an optimizer or a moving average remembers of variables.

In memory several variables' slots may lie in one flat vector, or share one count; in a checkpoint
each is stored by its variable: "joint/commands/m". So decoding, surgery and warm starts know
nothing of the layout in memory, and another layout reads the same checkpoint.

Checkpoints of t2t_mm 0.1 hold the flat vectors themselves, "GROUP/m"; `stored_slots` takes them
apart when they are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from t2t_mm.errors import CheckpointError
from t2t_mm.runs.groups import Groups, sizes
from t2t_mm.runs.stored import StoredCheckpoint

Shapes = Mapping[str, Sequence[int]]

# Slots of the run as a whole, of no variable.
LOSS_SCALE = "loss_scale/"


@dataclass(frozen=True)
class Slot:
    """One variable of TensorFlow's, and what of it is stored under which name.

    Attributes:
      variable: what is in memory.
      shapes: name in a checkpoint -> shape of its piece, in the order in which the pieces lie.
      merge: of a count, which all of the names share: chooses one where they differ; None:
        the variable is the pieces one after another.
    """

    variable: tf.Variable
    shapes: Shapes
    merge: Callable[[Collection[int]], int] | None = None

    def pieces(self) -> dict[str, np.ndarray]:
        """Name -> value, as it is stored."""
        value = np.asarray(self.variable.read_value())
        if self.merge:
            return dict.fromkeys(self.shapes, value)
        ends = np.cumsum([math.prod(shape) for shape in self.shapes.values()])
        split = np.split(value.reshape(-1), ends[:-1])
        return {
            name: piece.reshape(shape)
            for (name, shape), piece in zip(self.shapes.items(), split, strict=True)
        }

    def assign(self, values: Mapping[str, np.ndarray]) -> list[str]:
        """Takes over the values that there are.

        Args:
          values: name -> value; it may hold more, or lack some.

        Returns:
          The names that are not among the values, or there in another shape. Their pieces stay as
          they are; a count that is the least takes them for 0.
        """
        known = {
            name: values[name]
            for name, shape in self.shapes.items()
            if name in values and np.shape(values[name]) == tuple(shape)
        }
        missing = [name for name in self.shapes if name not in known]
        if self.merge and known:
            counts = [int(value) for value in known.values()]
            self.variable.assign(self.merge(counts + [0] * (self.merge is min and bool(missing))))
        elif known:
            pieces = {**self.pieces(), **known} if missing else known
            flat = [np.reshape(pieces[name], -1) for name in self.shapes]
            whole = np.concatenate(flat) if len(flat) > 1 else flat[0]
            self.variable.assign(whole.reshape(self.variable.shape))
        return missing


def zeros(shape: Sequence[int], dtype: tf.DType = tf.float32) -> tf.Variable:
    """A variable of zeros that no gradient flows to."""
    return tf.Variable(tf.zeros(shape, dtype), trainable=False)


def vector_slot(kind: str, variables: Sequence[keras.Variable]) -> Slot:
    """One flat vector of zeros for several variables, float32 [n]."""
    shapes = {f"{variable.path}/{kind}": tuple(variable.shape) for variable in variables}
    return Slot(zeros((sum(math.prod(shape) for shape in shapes.values()),)), shapes)


def count_slot(
    kind: str,
    variables: Sequence[keras.Variable],
    merge: Callable[[Collection[int]], int] = max,
) -> Slot:
    """One count, int64 [], that several variables share."""
    return Slot(zeros((), tf.int64), {f"{v.path}/{kind}": () for v in variables}, merge)


def one_slot(name: str, variable: tf.Variable) -> Slot:
    """A variable that is stored as it is."""
    return Slot(variable, {name: tuple(variable.shape)})


def is_grouped(stored: StoredCheckpoint) -> bool:
    """True if a checkpoint's slots are the flat vectors of t2t_mm 0.1."""
    owners = {name.rpartition("/")[0] for name in stored.slots if not name.startswith(LOSS_SCALE)}
    return bool(owners - stored.variables.keys())


def stored_slots(stored: StoredCheckpoint, groups: Groups) -> Mapping[str, np.ndarray]:
    """Name -> value of a checkpoint's slots, by variable, whichever version wrote it.

    Args:
      stored: the checkpoint.
      groups: of its run's model, see `groups.variable_groups`; read for one of t2t_mm 0.1 alone.

    Raises:
      CheckpointError: if a checkpoint of t2t_mm 0.1 has other groups.
    """
    return _split_groups(stored, groups) if is_grouped(stored) else _SlotsByVariable(stored)


class _SlotsByVariable(Mapping[str, np.ndarray]):
    """Reads a slot when it is asked for."""

    def __init__(self, stored: StoredCheckpoint):
        self._stored = stored

    def __getitem__(self, name: str) -> np.ndarray:
        return self._stored.slot(name)

    def __contains__(self, name: object) -> bool:
        return name in self._stored.slots

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored.slots)

    def __len__(self) -> int:
        return len(self._stored.slots)


def _split_groups(stored: StoredCheckpoint, groups: Groups) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    known = sizes(groups)
    for name, shape in stored.slots.items():
        group, _, kind = name.rpartition("/")
        if name.startswith(LOSS_SCALE):
            found[name] = stored.slot(name)
        elif shape == (known.get(group),):
            pieces = split_by_path(stored.slot(name), groups[group])
            found |= {f"{path}/{kind}": piece for path, piece in pieces.items()}
        elif group in known and shape == ():
            found |= {f"{v.path}/{kind}": stored.slot(name) for v in groups[group]}
        else:
            raise CheckpointError(
                f"the checkpoint {stored.checkpoint} was written by t2t_mm 0.1, and its slot "
                f"'{name}' of shape {shape} fits no group of this model; load its weights alone: "
                f"t2t-trainer --warm_start_from={stored.checkpoint} with another --output_dir."
            )
    return found


def split_by_path(vector: np.ndarray, group: Sequence[keras.Variable]) -> dict[str, np.ndarray]:
    """Path -> the piece of a group's flat vector that belongs to the variable, in its shape."""
    ends = np.cumsum([math.prod(variable.shape) for variable in group])
    pieces = np.split(vector, ends[:-1])
    return {
        variable.path: piece.reshape(variable.shape)
        for variable, piece in zip(group, pieces, strict=True)
    }
