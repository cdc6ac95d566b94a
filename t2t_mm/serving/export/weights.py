"""A model's weights as an export stores them: float32, float16 or int8.

What is stored is made float32 again inside the graph, once a call and outside of the decoding
loop, so that the loop costs the same for all of them. Only variables that a trace reads are
stored: an export of some problems has neither the modalities nor the commands of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from t2t_mm.errors import UserError

FLOAT32, FLOAT16, INT8 = KINDS = ("float32", "float16", "int8")

_LEAST_VALUES = 256  # a smaller matrix is not worth its scales
_STEPS = 127.0  # int8 levels either side of 0


class StoredWeights(tf.Module):
    """Variables to be tracked by what is saved, made when a trace first reads them.

    Args:
      kind: "float32", "float16" or "int8".
      replaced: values that stand in for a variable's own, by the variable's id(); the shapes
        may differ from the variable's.

    Raises:
      UserError: for an unknown kind.
    """

    def __init__(self, kind: str = FLOAT32, replaced: Mapping[int, Any] | None = None):
        super().__init__()
        if kind not in KINDS:
            raise UserError(f"--weights must be one of {', '.join(KINDS)}, got '{kind}'.")
        self.kind = kind
        self._replaced = dict(replaced or {})
        self._places: dict[int, int] = {}
        self.stored: list[list[tf.Variable]] = []

    @property
    def bytes(self) -> int:
        """The size of all stored variables."""
        parts = [part for parts in self.stored for part in parts]
        return sum(part.dtype.size * part.shape.num_elements() for part in parts)

    def scope(self) -> keras.StatelessScope:
        """Inside of it, and of the function that is traced, Keras variables have stored values."""
        return _Scope(self)

    def tensor(self, variable: keras.Variable) -> tf.Tensor:
        """The stored value of a variable, float32, as operations of the current graph."""
        place = self._places.get(id(variable))
        if place is None:
            with tf.init_scope():
                parts = self._store(variable)
            place = self._places[id(variable)] = len(self.stored)
            self.stored.append(parts)
        values, *scales = self.stored[place]
        floats = tf.cast(values, tf.float32) if values.dtype != tf.float32 else values.value()
        return floats * scales[0] if scales else floats

    def _store(self, variable: keras.Variable) -> list[tf.Variable]:
        value = np.asarray(self._replaced.get(id(variable), variable._value), np.float32)
        large = value.ndim > 1 and value.size >= _LEAST_VALUES and np.isfinite(value).all()
        if self.kind == INT8 and large:
            parts = quantize(value, _output_axes(variable.name, value.ndim))
        elif self.kind == FLOAT16 and np.abs(value).max(initial=0) <= np.finfo(np.float16).max:
            parts = [value.astype(np.float16)]
        else:
            parts = [value]
        return [tf.Variable(part, trainable=False, name=variable.path) for part in parts]


def quantize(value: np.ndarray, axes: tuple[int, ...]) -> list[np.ndarray]:
    """Symmetric int8 values and their float32 scales; value = int8 * scale, to half a scale.

    Args:
      value: float32.
      axes: those that have a scale for each index.
    """
    others = tuple(axis for axis in range(value.ndim) if axis not in axes)
    scales = np.abs(value).max(axis=others, keepdims=True) / _STEPS
    levels = np.rint(value / np.where(scales > 0, scales, 1))
    return [levels.astype(np.int8), scales.astype(np.float32)]


def _output_axes(name: str, rank: int) -> tuple[int, ...]:
    """A kernel's outputs are its last axis, and experts have kernels of their own.

    An embedding [V, D] is looked up by rows: each has its own scale.
    """
    if name == "embedding":
        return (0,)
    return (0, rank - 1) if name.startswith("expert_") else (rank - 1,)


class _Scope(keras.StatelessScope):
    """Reads a variable where the function begins, whatever loop or branch asks for it first."""

    def __init__(self, weights: StoredWeights):
        super().__init__(initialize_variables=False)
        self._weights = weights
        self._graph = tf.compat.v1.get_default_graph()
        self._read: dict[int, tf.Tensor] = {}

    def get_current_value(self, variable: keras.Variable) -> tf.Tensor:
        if id(variable) not in self._read:
            with self._graph.as_default():
                self._read[id(variable)] = self._weights.tensor(variable)
        return self._read[id(variable)]
