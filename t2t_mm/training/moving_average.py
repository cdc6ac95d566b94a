"""The sliding average of the weights during training (hparam ema_decay).

After every step the average of each group that the step touched moves towards the group's weights:

    average <- d average + (1 - d) weights,   d = min(ema_decay, (1 + t) / (10 + t)),

where t counts the group's own earlier updates. The average begins as the weights themselves, and
the smaller d at the start, as TensorFlow's ExponentialMovingAverage has it with num_updates,
forgets those initial values soon: no further correction of a bias is needed. A group that a step
leaves alone keeps its average.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import tensorflow as tf

from t2t_mm.runs.groups import Groups, sizes
from t2t_mm.runs.replicas import local
from t2t_mm.runs.weights import AVERAGE, UPDATES
from t2t_mm.training import flat_groups
from t2t_mm.training.optimizer import slot


class ExponentialMovingAverage:
    """One flat vector for each group, of the size of its variables.

    Args:
      decay: the most that an average keeps of itself at an update; 0: there are no averages, which
        costs nothing.
      groups: part -> variables.
    """

    def __init__(self, decay: float, groups: Groups):
        self._decay = decay
        self._groups = {name: groups[name] for name in sizes(groups)} if decay else {}
        self._vectors = {name: slot((size,)) for name, size in sizes(self._groups).items()}
        self._counts = {name: slot((), tf.int64) for name in self._groups}

    @property
    def slots(self) -> dict[str, tf.Variable]:
        """Name -> variable, everything that a checkpoint must hold."""
        found = {f"{name}/{AVERAGE}": vector for name, vector in self._vectors.items()}
        return found | {f"{name}/{UPDATES}": count for name, count in self._counts.items()}

    def start(self) -> None:
        """Begins with the present weights."""
        for name, group in self._groups.items():
            self._vectors[name].assign(flat_groups.flat(group))
            self._counts[name].assign(0)

    def update(self, name: str) -> None:
        """Moves one group's average towards its weights; runs inside a tf.function."""
        if not self._decay:
            return
        vector, count = local(self._vectors[name]), local(self._counts[name])
        steps = tf.cast(count.read_value(), tf.float32)
        decay = tf.minimum(self._decay, (1.0 + steps) / (10.0 + steps))
        difference = vector.read_value() - flat_groups.flat(self._groups[name])
        vector.assign_sub((1.0 - decay) * difference, read_value=False)
        count.assign_add(1, read_value=False)

    @contextlib.contextmanager
    def swapped(self) -> Iterator[None]:
        """Inside of it the model has the averaged weights; afterwards its own, bit for bit."""
        own = {name: flat_groups.flat(group) for name, group in self._groups.items()}
        self._put({name: vector.read_value() for name, vector in self._vectors.items()})
        try:
            yield
        finally:
            self._put(own)

    def _put(self, vectors: Mapping[str, tf.Tensor]) -> None:
        for name, vector in vectors.items():
            group = self._groups[name]
            for variable, piece in zip(group, flat_groups.split(group, vector), strict=True):
                variable.value.assign(piece)
