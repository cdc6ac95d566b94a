"""A gradient's way into the model: summed over replicas, clipped, applied; or refused.

A gradient that is not finite changes nothing: neither weights nor slots, and the statistics of
batches that the forward pass moved (BatchNorm's means, say) go back to where they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from t2t_mm.runs.groups import Groups
from t2t_mm.runs.replicas import Replicas, local
from t2t_mm.training import flat_groups
from t2t_mm.training.loss_scale import LossScale
from t2t_mm.training.moving_average import ExponentialMovingAverage
from t2t_mm.training.optimizer import Optimizer
from t2t_mm.training.tuning import Tuning


class Update:
    """Applies the gradients of a step.

    Args:
      groups: part -> variables that are trained.
      optimizer: built over them.
      clip_norm: the largest global norm of a gradient; 0: any.
      replicas: the devices.
      loss_scale: which the gradients are scaled by.
      averages: follow the weights.
      tuning: what is frozen and how fast the rest is trained.
      model: whose statistics of batches move with an applied step alone.
    """

    def __init__(
        self,
        groups: Groups,
        optimizer: Optimizer,
        clip_norm: float,
        replicas: Replicas,
        loss_scale: LossScale,
        averages: ExponentialMovingAverage,
        tuning: Tuning,
        model: keras.layers.Layer,
    ):
        self._optimizer = optimizer
        self._clip_norm = clip_norm
        self._replicas = replicas
        self._loss_scale = loss_scale
        self._averages = averages
        self._factors = {
            name: [tuning.factor(variable) for variable in group] for name, group in groups.items()
        }
        self._masks = {name: flat_groups.mask(group, tuning.kept) for name, group in groups.items()}
        # Random states are whole numbers; they go on whatever becomes of a step.
        self._statistics = [
            v for v in model.non_trainable_variables if tf.as_dtype(v.dtype).is_floating
        ]
        self._is_frozen = [variable.path in tuning.frozen for variable in self._statistics]

    def statistics(self) -> list[tf.Tensor]:
        """The statistics of batches as they are before a step."""
        return [variable.value.read_value() for variable in self._statistics]

    def __call__(
        self,
        groups: Groups,
        joined: Mapping[str, tf.Tensor],
        loss: tf.Tensor,
        learning_rate: tf.Tensor,
        before: Sequence[tf.Tensor],
    ) -> tf.Tensor:
        """Takes one step; runs inside a tf.function, on every replica.

        Args:
          groups: those that the step touches.
          joined: group -> this replica's gradient of the scaled loss, float32 [n].
          loss: this replica's, not scaled.
          learning_rate: float32 scalar.
          before: see `statistics`.

        Returns:
          The gradient's norm before clipping, as it is to be reported.
        """
        masks = {name: self._masks[name] for name in joined if self._masks[name] is not None}
        joined = {n: v * masks[n] if n in masks else v for n, v in joined.items()}
        joined = dict(zip(joined, self._replicas.sum(list(joined.values())), strict=True))
        norm = flat_groups.global_norm(joined) * self._loss_scale.inverse()
        finite = tf.math.is_finite(norm) & tf.math.is_finite(self._replicas.sum(loss))
        tf.cond(
            finite,
            lambda: self._apply(groups, joined, norm, learning_rate, before),
            lambda: self._restore_statistics(before, [True] * len(before)),
        )
        return self._loss_scale.adapt(finite, norm)

    def _apply(
        self,
        groups: Groups,
        joined: Mapping[str, tf.Tensor],
        norm: tf.Tensor,
        learning_rate: tf.Tensor,
        before: Sequence[tf.Tensor],
    ) -> tf.Tensor:
        factor = self._loss_scale.inverse()
        if self._clip_norm:
            factor *= flat_groups.clip_factor(norm, self._clip_norm)
        for name, gradient in flat_groups.scale(joined, factor).items():
            group, mask = groups[name], self._masks[name]
            old = None if mask is None else flat_groups.flat(group)
            self._optimizer.apply(name, group, gradient, learning_rate, self._factors[name])
            if mask is not None:
                new = tf.where(mask > 0, flat_groups.flat(group), old)
                for variable, piece in zip(group, flat_groups.split(group, new), strict=True):
                    local(variable.value).assign(piece, read_value=False)
            self._averages.update(name, mask)
        return self._restore_statistics(before, self._is_frozen)

    def _restore_statistics(
        self, before: Sequence[tf.Tensor], restored: Sequence[bool]
    ) -> tf.Tensor:
        for variable, value, restore in zip(self._statistics, before, restored, strict=True):
            if restore:
                local(variable.value).assign(value, read_value=False)
        return tf.constant(True)
