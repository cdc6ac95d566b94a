"""Buffers that decoding reads and writes one position at a time, and weights packed for its loop.

A buffer keeps its shape from step to step and is written in place: nothing here copies what earlier
positions left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from t2t_mm.tensor import Size, Tensor

# Weights of at most this many numbers are stacked; of larger ones the copy would cost more than the
# few microseconds that a loop takes to carry one more tensor.
SMALL = 2**16


def read(weight: Tensor, dtype: str | None = None) -> Tensor:
    """A variable as a tensor, in a dtype of its own or in another."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        weight = tf.convert_to_tensor(weight)  # Keras's own function gives the variable back
    weight = ops.convert_to_tensor(weight)
    return weight if dtype is None else ops.cast(weight, dtype)


def take(x: Tensor, indices: Tensor) -> Tensor:
    """Takes rows of x [N, ...] at indices [...], none of them negative -> [..., ...]."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.gather(x, indices)  # ops.take spends five operations on negative indices
    return ops.take(x, indices, axis=0)


def empty(shape: tuple[Size, ...], dtype: str) -> Tensor:
    """A buffer of zeros, shared with no other one: the graph optimizer merges equal constants."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.raw_ops.Empty(shape=tf.stack(shape), dtype=dtype, init=True)
    return ops.zeros(shape, dtype)


def put(buffer: Tensor, indices: Tensor, values: Tensor, after: Sequence[Tensor] = ()) -> Tensor:
    """Writes rows into a buffer, in a TensorFlow graph in place: the buffer given is used up.

    `tensor_scatter_nd_update` copies the whole buffer, in a loop as elsewhere.

    Args:
      buffer: [N, ...], from `empty` or `put`.
      indices: int32 [M].
      values: [M, ...].
      after: what was read from the buffer and must not see the new rows.

    Returns:
      The buffer with the new rows.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if not tf.executing_eagerly():
            with tf.control_dependencies(after):
                return tf.raw_ops.InplaceUpdate(x=buffer, i=indices, v=values)
    return ops.scatter_update(buffer, indices[:, None], values)


def split(x: Tensor, sizes: Sequence[Size] | Tensor, count: int, axis: int = 0) -> list[Tensor]:
    """Splits x into `count` parts along an axis; the sizes may be known at run time alone."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.split(x, sizes, axis, num=count)  # ops.split works on the sizes in the graph
    ends = [sum(sizes[:index]) for index in range(1, count)]
    return ops.split(x, ends, axis)


class Packed(NamedTuple):
    """Tensors, those of one shape and dtype stacked.

    Attributes:
      stacks: the stacks, [n, ...] each, and tensors that are alone.
      places: for each tensor which stack it is in and where; -1: it is alone.
    """

    stacks: list[Tensor]
    places: list[tuple[int, int]]


def pack(tensors: list[Tensor]) -> Packed:
    """Stacks small tensors, so that a loop carries few instead of many."""
    kinds: dict[Any, list[Tensor]] = {}
    places = []
    for number, tensor in enumerate(tensors):
        shape = tuple(tensor.shape)
        small = None not in shape and math.prod(shape) <= SMALL
        kind = (shape, keras.backend.standardize_dtype(tensor.dtype)) if small else number
        stack = kinds.setdefault(kind, [])
        places.append((list(kinds).index(kind), len(stack) if small else -1))
        stack.append(tensor)
    stacks = [
        ops.stack(stack) if isinstance(kind, tuple) else stack[0] for kind, stack in kinds.items()
    ]
    return Packed(stacks, places)


def unpack(packed: Packed) -> list[Tensor]:
    """The tensors, in their order; taking a stack apart along its first axis copies nothing."""
    apart = {
        number: ops.unstack(packed.stacks[number]) for number, index in packed.places if index == 0
    }
    return [
        packed.stacks[number] if index < 0 else apart[number][index]
        for number, index in packed.places
    ]
