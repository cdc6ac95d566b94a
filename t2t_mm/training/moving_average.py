"""The moving average of the weights during training (hparam ema_decay).

After every step the average of each group that the step touched moves towards the group's weights:

    average <- d average + (1 - d) weights,   d = min(ema_decay, (1 + t) / (10 + t)),

where t counts the group's own earlier updates. The average begins as the weights themselves, and
the smaller d at the start, as TensorFlow's ExponentialMovingAverage has it with num_updates,
forgets those initial values soon: no further correction of a bias is needed. A group that a step
leaves alone keeps its average, and a frozen variable has none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping

import tensorflow as tf

from t2t_mm.runs.groups import Groups, sizes
from t2t_mm.runs.replicas import local
from t2t_mm.runs.slots import Slot, count_slot, vector_slot
from t2t_mm.runs.weights import AVERAGE, UPDATES
from t2t_mm.training import flat_groups


class ExponentialMovingAverage:
    """One flat vector for each group, of the size of its variables; stored by variable.

    Args:
      decay: the most that an average keeps of itself at an update; 0: there are no averages, which
        costs nothing.
      groups: part -> variables.
    """

    def __init__(self, decay: float, groups: Groups):
        self._decay = decay
        self._groups = {name: groups[name] for name in sizes(groups)} if decay else {}
        self._vectors = {
            name: vector_slot(AVERAGE, variables) for name, variables in self._groups.items()
        }
        # A group with something new counts anew: its average soon forgets initial values.
        self._counts = {
            name: count_slot(UPDATES, variables, min) for name, variables in self._groups.items()
        }

    @property
    def slots(self) -> list[Slot]:
        """Everything that a checkpoint must hold."""
        return [*self._vectors.values(), *self._counts.values()]

    def start(self, only: Collection[str] | None = None) -> None:
        """Begins with the present weights.

        Args:
          only: names of slots that a checkpoint lacked: the averages that begin; None: all do.
        """
        for name, group in self._groups.items():
            if only is None:
                self._vectors[name].variable.assign(flat_groups.flat(group))
                self._counts[name].variable.assign(0)
                continue
            weights = {f"{variable.path}/{AVERAGE}": variable for variable in group}
            self._vectors[name].assign({n: weights[n].numpy() for n in weights.keys() & set(only)})

    def update(self, name: str, mask: tf.Tensor | None = None) -> None:
        """Moves one group's average towards its weights; runs inside a tf.function.

        Args:
          name: the group.
          mask: 0 where the average stays, float32 [n].
        """
        if not self._decay:
            return
        vector, count = (local(slots[name].variable) for slots in (self._vectors, self._counts))
        steps = tf.cast(count.read_value(), tf.float32)
        decay = tf.minimum(self._decay, (1.0 + steps) / (10.0 + steps))
        difference = vector.read_value() - flat_groups.flat(self._groups[name])
        if mask is not None:
            difference *= mask
        vector.assign_sub((1.0 - decay) * difference, read_value=False)
        count.assign_add(1, read_value=False)

    @contextlib.contextmanager
    def swapped(self) -> Iterator[None]:
        """Gives the model the averaged weights in a context; afterwards its own, bit for bit."""
        own = {name: flat_groups.flat(group) for name, group in self._groups.items()}
        self._put({name: slot.variable.read_value() for name, slot in self._vectors.items()})
        try:
            yield
        finally:
            self._put(own)

    def _put(self, vectors: Mapping[str, tf.Tensor]) -> None:
        for name, vector in vectors.items():
            group = self._groups[name]
            for variable, piece in zip(group, flat_groups.split(group, vector), strict=True):
                variable.value.assign(piece)
