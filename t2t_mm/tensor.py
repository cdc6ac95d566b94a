"""Names for what Keras has no class of its own for: tensors, nested states, sizes and shapes.

Keras 3 gives every backend's own tensors (tf.Tensor, jax.Array, numpy.ndarray), which have no
class in common, and Keras and TensorFlow ship no types that a checker could read. So the first
three names are `Any` to a checker; they tell a reader which `Any` is meant. Importing this imports
nothing.
"""

from __future__ import annotations

from typing import Any, TypeAlias

# A backend's tensor, or a keras.Variable where one serves as a tensor.
Tensor: TypeAlias = Any

# Nested tuples, lists, dicts and named tuples of tensors, as tf.nest and keras.tree walk them.
State: TypeAlias = Any

# An extent: a Python int, or an int32 scalar tensor where only the run tells.
Size: TypeAlias = Any

# A static shape as Keras hands it to `build`; None where an extent is not known.
Shape: TypeAlias = tuple[int | None, ...]


def channels_of(shape: Shape) -> int:
    """The last extent of a shape, which kernels are made for.

    Raises:
      ValueError: if it is not known.
    """
    if (channels := shape[-1]) is None:
        raise ValueError(f"the last axis must be known to build a layer, got shape {shape}")
    return channels
