"""Several devices: each takes its own batch of the same problem, gradients are summed.

With one device nothing of tf.distribute is touched. With several, variables are made under a
MirroredStrategy; inside a replica, `local` gives the copy that lives on its device. Every replica
applies the same summed gradient to its own copy, so the copies stay equal without being sent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf


def local(variable: tf.Variable) -> tf.Variable:
    """The current replica's own copy of a variable."""
    if not isinstance(variable, tf.distribute.DistributedValues):
        return variable
    copies = tf.distribute.get_strategy().experimental_local_results(variable)
    return copies[replica_id()]


def replica_id() -> int:
    """The number of the current replica, from 0; 0 where there is one only."""
    context = tf.distribute.get_replica_context()
    return int(tf.get_static_value(context.replica_id_in_sync_group)) if context else 0


class Replicas:
    """The devices that a step runs on.

    Args:
      devices: names such as "GPU:0"; one name, or none, means no distribution.
    """

    def __init__(self, devices: Sequence[str] = ()):
        self.strategy = tf.distribute.MirroredStrategy(list(devices)) if len(devices) > 1 else None
        self.count = max(1, len(devices))

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """The context in which variables must be made."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def run(self, step: Callable[..., Any], batches: Sequence[Any], *args: Any) -> Any:
        """Calls step(batch, *args) on every device with its own batch; gives replica 0's answer."""
        if self.strategy is None:
            return step(batches[0], *args)
        answers = self.strategy.run(lambda *rest: step(batches[replica_id()], *rest), args=args)
        return tf.nest.map_structure(
            lambda value: self.strategy.experimental_local_results(value)[0], answers
        )

    def sum(self, values: Any) -> Any:
        """The sum over replicas of tensors or lists of them; called inside `run`."""
        if self.strategy is None:
            return values
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def visible_devices() -> list[str]:
    """The GPUs, if there are several; no name otherwise."""
    gpus = tf.config.list_logical_devices("GPU")
    return [gpu.name for gpu in gpus] if len(gpus) > 1 else []


class ReplicaSeeds(keras.random.SeedGenerator):
    """Random states for several replicas: one counter, other numbers on each replica."""

    def next(self, ordered: bool = True) -> tf.Tensor:
        """The seed [2] of the next random operation on this replica."""
        state = local(self.state.value)
        seed = state.read_value() + tf.constant([replica_id(), 0], state.dtype)
        state.assign_add(tf.constant([0, 1], state.dtype), read_value=False)
        return seed
