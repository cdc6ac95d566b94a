"""Gradients summed over several batches of one problem before they are applied.

n batches of a problem equal one batch n times as large: every batch counts by its target
positions. The body's own losses (balance of experts) are means over the batches, weighted likewise;
over one large batch they would be computed of the whole.

The sums are nothing that a checkpoint must hold: a step begins and ends with none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from t2t_mm.runs.groups import Groups, sizes
from t2t_mm.runs.replicas import local
from t2t_mm.runs.slots import zeros
from t2t_mm.training.update import Update


class Accumulation:
    """The sums of a step's gradients so far, one flat vector for each group.

    Args:
      groups: part -> variables that are trained.
      update: applies the mean.
    """

    def __init__(self, groups: Groups, update: Update):
        self._sums = {name: zeros((size,)) for name, size in sizes(groups).items()}
        self._positions, self._loss = zeros(()), zeros(())
        self._update = update

    def add(
        self, joined: Mapping[str, tf.Tensor], loss: tf.Tensor, positions: tf.Tensor
    ) -> tf.Tensor:
        """Adds one batch; runs inside a tf.function, on every replica.

        Args:
          joined: group -> this replica's gradient of the scaled loss, float32 [n].
          loss: this replica's.
          positions: target positions of all replicas.

        Returns:
          0, the norm to report: the step's is known at its end.
        """
        for name, gradient in joined.items():
            local(self._sums[name]).assign_add(positions * gradient, read_value=False)
        local(self._loss).assign_add(positions * loss, read_value=False)
        local(self._positions).assign_add(positions, read_value=False)
        return tf.zeros(())

    def end(
        self, groups: Groups, learning_rate: tf.Tensor, before: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """Applies the mean and forgets it; see `Update.__call__`."""
        inverse = 1.0 / tf.maximum(local(self._positions).read_value(), 1.0)
        sums = {name: local(self._sums[name]) for name in groups}
        joined = {name: inverse * total.read_value() for name, total in sums.items()}
        loss = inverse * local(self._loss).read_value()
        norm = self._update(groups, joined, loss, learning_rate, before)
        with tf.control_dependencies([norm]):
            for total in (*sums.values(), local(self._positions), local(self._loss)):
                total.assign(tf.zeros_like(total), read_value=False)
        return norm
