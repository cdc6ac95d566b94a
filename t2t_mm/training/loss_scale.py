"""Dynamic loss scaling, which float16 needs lest small gradients vanish (arXiv 1710.03740)."""

from __future__ import annotations

import tensorflow as tf

from t2t_mm.runs.replicas import local
from t2t_mm.runs.slots import LOSS_SCALE, Slot, one_slot, zeros

_FIRST = 2.0**15
_PATIENCE = 2000  # finite steps before the scale is doubled
_LEAST = 1.0


class LossScale:
    """A factor on the loss: halved when a gradient overflows, doubled when long none has.

    Args:
      active: False costs nothing and changes nothing.
    """

    def __init__(self, active: bool):
        names = ("log2", "good_steps") if active else ()
        self._variables = {name: zeros(()) for name in names}

    @property
    def slots(self) -> list[Slot]:
        """Everything that a checkpoint must hold."""
        return [one_slot(f"{LOSS_SCALE}{name}", v) for name, v in self._variables.items()]

    def _factor(self) -> tf.Tensor:
        # Kept relative to the first scale, so that a slot of zeros is the right beginning.
        return _FIRST * 2.0 ** local(self._variables["log2"])

    def multiply(self, loss: tf.Tensor) -> tf.Tensor:
        """The scaled loss."""
        return loss * self._factor() if self._variables else loss

    def inverse(self) -> tf.Tensor:
        """The factor that takes the scale off gradients."""
        return 1.0 / self._factor() if self._variables else tf.constant(1.0)

    def adapt(self, finite: tf.Tensor, norm: tf.Tensor) -> tf.Tensor:
        """Changes the scale after a step.

        Args:
          finite: True if the step's gradient was finite.
          norm: the gradient's norm.

        Returns:
          The norm to report: an overflow that a smaller scale may cure is reported as 0; one at
          the least scale stays as it is and stops the run.
        """
        if not self._variables:
            return norm
        log2, good = (local(self._variables[name]) for name in ("log2", "good_steps"))
        can_shrink = self._factor() > _LEAST
        count = tf.where(finite, good + 1.0, 0.0)
        grown = count >= _PATIENCE
        change = tf.where(finite, tf.where(grown, 1.0, 0.0), tf.where(can_shrink, -1.0, 0.0))
        good.assign(tf.where(grown, 0.0, count))
        log2.assign_add(change)
        return tf.where(finite | ~can_shrink, norm, 0.0)
