"""Optimizers over flat vectors: what a gradient does to a group of variables.

A group is a modality, the body, the commands: variables that a step touches together or not at
all. flat_groups.py joins a group's gradients to one vector and adds the answer to its variables;
an optimizer sees vectors alone, so its slots are a few vectors per group instead of several per
variable (Keras's per-variable Adam made 19,000 of the 34,000 graph operations of a step).

To register one of your own, give `register_optimizer` a factory that takes the hparams and
returns an object with the two methods of `Optimizer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import tensorflow as tf

from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.runs.replicas import local


class Optimizer(Protocol):
    """What the training step asks of an optimizer."""

    def build(self, sizes: Mapping[str, int]) -> dict[str, tf.Variable]:
        """Makes the slots.

        Args:
          sizes: group -> number of parameters n.

        Returns:
          Name -> variable, everything that a checkpoint must hold.
        """

    def update(self, group: str, gradient: tf.Tensor, learning_rate: tf.Tensor) -> tf.Tensor:
        """Takes one step of one group; runs inside a tf.function, for finite gradients only.

        Args:
          group: whose step it is; groups that a step does not touch are not asked.
          gradient: float32 [n], clipped.
          learning_rate: float32 scalar.

        Returns:
          float32 [n], to be added to the group's variables.
        """


class Adam:
    """Adam (arXiv 1412.6980), each group counting its own steps for the bias correction.

    Decoupled weight decay is not here: flat_groups.py applies it, to matrices only.
    """

    def __init__(self, hparams: HParams):
        self._beta1 = fraction(hparams, "adam_beta1")
        self._beta2 = fraction(hparams, "adam_beta2")
        self._epsilon = hparams.adam_epsilon
        self._slots: dict[str, dict[str, tf.Variable]] = {}

    def build(self, sizes: Mapping[str, int]) -> dict[str, tf.Variable]:
        """Makes the moments m and v, float32 [n], and the count of steps, of each group."""
        for group, size in sizes.items():
            self._slots[group] = {
                "m": slot((size,)),
                "v": slot((size,)),
                "steps": slot((), tf.int64),
                "delta": slot((size,)),
            }
        return {
            f"{group}/{name}": variable
            for group, slots in self._slots.items()
            for name, variable in slots.items()
            if name != "delta"
        }

    def update(self, group: str, gradient: tf.Tensor, learning_rate: tf.Tensor) -> tf.Tensor:
        """-rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon), by TensorFlow's fused kernel.

        The kernel updates a variable in place; it is given zeros, so that they become the step.
        """
        slots = {name: local(variable) for name, variable in self._slots[group].items()}
        step = tf.cast(slots["steps"].assign_add(1, read_value=True), tf.float32)
        delta = slots["delta"]
        with tf.control_dependencies([delta.assign(tf.zeros_like(gradient), read_value=False)]):
            tf.raw_ops.ResourceApplyAdam(
                var=delta.handle,
                m=slots["m"].handle,
                v=slots["v"].handle,
                beta1_power=self._beta1**step,
                beta2_power=self._beta2**step,
                lr=learning_rate,
                beta1=self._beta1,
                beta2=self._beta2,
                epsilon=self._epsilon,
                grad=gradient,
            )
        return delta.read_value()


class Momentum:
    """-rate a, with a <- b a + gradient and b = adam_beta1; b = 0 is plain gradient descent."""

    def __init__(self, hparams: HParams):
        self._beta = fraction(hparams, "adam_beta1")
        self._slots: dict[str, tf.Variable] = {}

    def build(self, sizes: Mapping[str, int]) -> dict[str, tf.Variable]:
        """Makes the accumulated gradient a, float32 [n], of each group."""
        self._slots = {group: slot((size,)) for group, size in sizes.items()}
        return {f"{group}/a": variable for group, variable in self._slots.items()}

    def update(self, group: str, gradient: tf.Tensor, learning_rate: tf.Tensor) -> tf.Tensor:
        a = local(self._slots[group])
        return -learning_rate * a.assign(self._beta * a + gradient, read_value=True)


def slot(shape: tuple[int, ...], dtype: tf.DType = tf.float32) -> tf.Variable:
    """A variable of zeros that no gradient flows to."""
    return tf.Variable(tf.zeros(shape, dtype), trainable=False)


def fraction(hparams: HParams, name: str) -> float:
    """An hparam that must lie in [0, 1).

    Raises:
      HParamError: if it does not.
    """
    value = getattr(hparams, name)
    if not 0.0 <= value < 1.0:
        raise HParamError(f"hparam '{name}' must be at least 0 and below 1, got {value}.")
    return value
