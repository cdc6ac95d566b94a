"""The type of a batch: what a step is traced for."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

Batch = Mapping[str, tf.Tensor]


def batch_spec(batch: Batch) -> dict[str, tf.TensorSpec]:
    """The type of such batches with any number of examples and any length.

    An image keeps its sides, a spectrogram its frequencies: they belong to the route.
    """

    def relaxed(tensor: tf.Tensor) -> tf.TensorSpec:
        rank = len(tensor.shape)
        free = 1 if rank == 4 else 2
        return tf.TensorSpec([None] * min(free, rank) + tensor.shape[free:], tensor.dtype)

    return {name: relaxed(tensor) for name, tensor in batch.items()}
