"""Buffers that decoding reads and writes one position at a time, and weights packed for its loop.

A buffer keeps its shape from step to step and is written in place where TensorFlow's loop allows
it: nothing here copies what earlier positions left.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import keras
from keras import ops

# Weights of at most so many numbers are stacked; of larger ones the copy would cost more than the
# few microseconds that a loop takes to carry one more tensor.
SMALL = 2**16


def read(weight: Any, dtype: str | None = None) -> Any:
    """A variable as a tensor, in a dtype of its own or in another."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        weight = tf.convert_to_tensor(weight)  # Keras's own function gives the variable back
    weight = ops.convert_to_tensor(weight)
    return weight if dtype is None else ops.cast(weight, dtype)


def take(x: Any, indices: Any) -> Any:
    """x [N, ...] at indices [...], none of them negative -> [..., ...]."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.gather(x, indices)  # ops.take spends five operations on negative indices
    return ops.take(x, indices, axis=0)


def put(buffer: Any, index: Any, value: Any) -> Any:
    """buffer [N, M, ...] with value [...] at the index [n], of as many axes as it has numbers."""
    return ops.scatter_update(buffer, index[None], value[None])


def split(x: Any, sizes: Any, count: int, axis: int = 0) -> list[Any]:
    """x in `count` parts along an axis; the sizes may be known at run time alone."""
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

    stacks: list[Any]
    places: list[tuple[int, int]]


def pack(tensors: list[Any]) -> Packed:
    """Stacks small tensors, so that a loop carries few instead of many."""
    kinds: dict[Any, list[Any]] = {}
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


def unpack(packed: Packed) -> list[Any]:
    """The tensors, in their order; taking a stack apart along its first axis copies nothing."""
    apart = {
        number: ops.unstack(packed.stacks[number]) for number, index in packed.places if index == 0
    }
    return [
        packed.stacks[number] if index < 0 else apart[number][index]
        for number, index in packed.places
    ]
