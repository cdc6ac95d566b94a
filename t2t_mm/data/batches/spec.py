"""The type of a batch: what a step is traced for."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

Batch = Mapping[str, tf.Tensor]

# What a model reads of a batch; evaluation batches hold more.
FEATURES = ("inputs", "inputs_length", "targets")


def batch_spec(batch: Batch) -> dict[str, tf.TensorSpec]:
    """The type of such batches with any number of examples and any length.

    A picture keeps its sides, a spectrogram its frequencies: they belong to the signature.
    """

    def loosen(tensor: tf.Tensor) -> tf.TensorSpec:
        rank = len(tensor.shape)
        free = 1 if rank == 4 else 2
        return tf.TensorSpec([None] * min(free, rank) + tensor.shape[free:], tensor.dtype)

    return {name: loosen(tensor) for name, tensor in batch.items()}
