"""The contract of optimizers, and those over flat vectors: the fast path.

A group is a modality, a stage of the body, the commands: variables that a step touches together or
not at all. A `FlatOptimizer` sees a group as one vector, so its slots are a few vectors per group
instead of several per variable (Keras's per-variable Adam made 19,000 of the 34,000 graph
operations of a step). Any other `Optimizer` sees variables with their shapes; keras_optimizer.py
has those of Keras.

To register one of your own, give `register_optimizer` a subclass of either.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import tensorflow as tf

from t2t_mm.runs.groups import Groups
from t2t_mm.runs.replicas import local
from t2t_mm.runs.slots import Slot, count_slot, vector_slot
from t2t_mm.training import flat_groups
from t2t_mm.training.optimizer_hparams import AdamHParams, MomentumHParams, OptimizerHParams


class Optimizer(abc.ABC):
    """The contract between the training step and an optimizer.

    Args:
      hparams: of the optimizer's own kind.

    Attributes:
      hparams_class: that kind.
    """

    hparams_class: ClassVar[type[OptimizerHParams]] = OptimizerHParams

    def __init__(self, hparams: OptimizerHParams):
        self.hparams: Any = hparams

    @abc.abstractmethod
    def build(self, groups: Groups) -> list[Slot]:
        """Makes the slots.

        Args:
          groups: group -> variables, each with its path and shape.

        Returns:
          Everything that a checkpoint must hold.
        """

    @abc.abstractmethod
    def apply(
        self,
        group: str,
        variables: Sequence[keras.Variable],
        gradient: tf.Tensor,
        learning_rate: tf.Tensor,
        factors: Sequence[float],
    ) -> None:
        """Takes one step of one group; runs inside a tf.function, for finite gradients only.

        Args:
          group: whose step it is; groups that a step does not touch are not asked.
          variables: the group's.
          gradient: float32 [n], theirs one after another, clipped; see `flat_groups.split`.
          learning_rate: float32 scalar.
          factors: on the learning rate, of each variable.
        """

    def decays(self, variable: keras.Variable) -> bool:
        """True if weight decay and L2 act on a variable: matrices only, unless decay_vectors."""
        return self.hparams.decay_vectors or len(variable.shape) > 1


class FlatOptimizer(Optimizer):
    """An optimizer to which a group is one vector: it says what to add to it.

    The step must be proportional to the learning rate: variables have factors of their own on it.
    """

    @abc.abstractmethod
    def build(self, groups: Groups) -> list[Slot]: ...

    @abc.abstractmethod
    def update(self, group: str, gradient: tf.Tensor, learning_rate: tf.Tensor) -> tf.Tensor:
        """One step of one group.

        Args:
          group: whose step it is.
          gradient: float32 [n].
          learning_rate: float32 scalar.

        Returns:
          float32 [n], to be added to the group's variables.
        """

    def apply(
        self,
        group: str,
        variables: Sequence[keras.Variable],
        gradient: tf.Tensor,
        learning_rate: tf.Tensor,
        factors: Sequence[float],
    ) -> None:
        if self.hparams.l2:
            gradient += self._l2(variables)
        delta = self.update(group, gradient, learning_rate)
        decays = [self.hparams.weight_decay * self.decays(variable) for variable in variables]
        flat_groups.add(variables, delta, learning_rate, decays, factors)

    def _l2(self, variables: Sequence[keras.Variable]) -> tf.Tensor:
        """The gradient of l2 / 2 |w|^2, float32 [n]."""
        pieces = [
            self.hparams.l2 * flat_groups.flat([variable])
            if self.decays(variable)
            else tf.zeros([variable.shape.num_elements()])
            for variable in variables
        ]
        return tf.concat(pieces, 0)


class Adam(FlatOptimizer):
    """Adam (arXiv 1412.6980), each group counting its own steps for the bias correction."""

    hparams_class = AdamHParams

    def build(self, groups: Groups) -> list[Slot]:
        """Makes the moments m and v and the count of steps of each group."""
        self._slots: dict[str, dict[str, Slot]] = {}
        self._scratch: dict[str, tf.Variable] = {}
        for group, variables in _not_empty(groups).items():
            self._slots[group] = {
                "m": vector_slot("m", variables),
                "v": vector_slot("v", variables),
                "steps": count_slot("steps", variables),
            }
            self._scratch[group] = tf.Variable(
                tf.zeros([0]), shape=tf.TensorShape([None]), trainable=False
            )
        return [slot for slots in self._slots.values() for slot in slots.values()]

    def update(self, group: str, gradient: tf.Tensor, learning_rate: tf.Tensor) -> tf.Tensor:
        """-rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon), by TensorFlow's fused kernel.

        The kernel updates a variable in place; it is given zeros, so that they become the step.
        That variable is empty between the steps. `Empty` and not tf.zeros: zeros of a known shape
        would be folded into a constant as large as the group, kept by every trace.
        """
        slots = {name: local(slot.variable) for name, slot in self._slots[group].items()}
        scratch = local(self._scratch[group])
        step = tf.cast(slots["steps"].assign_add(1, read_value=True), tf.float32)
        zeros = tf.raw_ops.Empty(shape=tf.shape(gradient), dtype=tf.float32, init=True)
        with tf.control_dependencies([scratch.assign(zeros, read_value=False)]):
            applied = tf.raw_ops.ResourceApplyAdam(
                var=scratch.handle,
                m=slots["m"].handle,
                v=slots["v"].handle,
                beta1_power=self.hparams.beta1**step,
                beta2_power=self.hparams.beta2**step,
                lr=learning_rate,
                beta1=self.hparams.beta1,
                beta2=self.hparams.beta2,
                epsilon=self.hparams.epsilon,
                grad=gradient,
            )
        with tf.control_dependencies([applied] if applied is not None else []):
            delta = tf.ensure_shape(scratch.read_value(), gradient.shape)
        with tf.control_dependencies([delta]):
            scratch.assign(tf.zeros([0]), read_value=False)
        return delta


class Momentum(FlatOptimizer):
    """Gradient descent with momentum b: a <- b a + gradient, and a step of -rate a.

    With `nesterov` the step is -rate (gradient + b a), as TensorFlow's and PyTorch's; b = 0 is
    plain gradient descent.
    """

    hparams_class = MomentumHParams

    def build(self, groups: Groups) -> list[Slot]:
        """Makes the accumulated gradient a of each group."""
        self._slots = {
            group: vector_slot("a", variables) for group, variables in _not_empty(groups).items()
        }
        return list(self._slots.values())

    def update(self, group: str, gradient: tf.Tensor, learning_rate: tf.Tensor) -> tf.Tensor:
        a, momentum = local(self._slots[group].variable), self.hparams.momentum
        a = a.assign(momentum * a + gradient, read_value=True)
        return -learning_rate * (gradient + momentum * a if self.hparams.nesterov else a)


def _not_empty(groups: Groups) -> Groups:
    return {name: group for name, group in groups.items() if group}
