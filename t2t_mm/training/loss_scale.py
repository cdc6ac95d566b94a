"""Dynamic loss scaling, which float16 needs lest small gradients vanish (arXiv 1710.03740)."""

from __future__ import annotations

import tensorflow as tf

from t2t_mm.runs.replicas import local
from t2t_mm.training.optimizer import slot

_FIRST = 2.0**15
_PATIENCE = 2000  # finite steps before the scale is doubled
_LEAST = 1.0


class LossScale:
    """A factor on the loss: halved when a gradient overflows, doubled when long none has.

    Args:
      active: False costs nothing and changes nothing.
    """

    def __init__(self, active: bool):
        self.slots: dict[str, tf.Variable] = {}
        if active:
            self.slots = {
                "loss_scale/log2": slot(()),
                "loss_scale/good_steps": slot(()),
            }

    def _factor(self) -> tf.Tensor:
        # Kept relative to the first scale, so that a slot of zeros is the right beginning.
        return _FIRST * 2.0 ** local(self.slots["loss_scale/log2"])

    def multiply(self, loss: tf.Tensor) -> tf.Tensor:
        """The scaled loss."""
        return loss * self._factor() if self.slots else loss

    def inverse(self) -> tf.Tensor:
        """What the scaled gradients are to be multiplied by."""
        return 1.0 / self._factor() if self.slots else tf.constant(1.0)

    def adapt(self, finite: tf.Tensor, norm: tf.Tensor) -> tf.Tensor:
        """Changes the scale after a step.

        Args:
          finite: whether the step's gradient was.
          norm: the gradient's norm.

        Returns:
          The norm to report: an overflow that a smaller scale may cure is reported as 0; one at
          the least scale stays as it is and stops the run.
        """
        if not self.slots:
            return norm
        log2, good = (local(self.slots[f"loss_scale/{n}"]) for n in ("log2", "good_steps"))
        curable = self._factor() > _LEAST
        count = tf.where(finite, good + 1.0, 0.0)
        grown = count >= _PATIENCE
        change = tf.where(finite, tf.where(grown, 1.0, 0.0), tf.where(curable, -1.0, 0.0))
        good.assign(tf.where(grown, 0.0, count))
        log2.assign_add(change)
        return tf.where(finite | ~curable, norm, 0.0)
