"""Random states for the shares of a batch, which are computed at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf


class ShareSeeds(keras.random.SeedGenerator):
    """One counter for all shares: the n-th operation of share i draws from (seed + i, count + n).

    So numbers depend on the share, never on which share comes first. Where a batch is whole it is
    Keras's own generator.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._share: tf.Tensor | None = None
        self._draws = 0

    @contextmanager
    def drawing(self, share: tf.Tensor) -> Iterator[None]:
        """A graph traced in this context draws for a share and leaves the counter as it is.

        Args:
          share: its number, int32 scalar.
        """
        self._share, self._draws = share, 0
        try:
            yield
        finally:
            self._share = None

    @property
    def draws(self) -> int:
        """How often the latest graph of `drawing` draws: what the counter is to be advanced by."""
        return self._draws

    def advance(self, draws: int) -> None:
        """Moves the counter past the draws of a batch's shares."""
        state = self.state.value
        state.assign_add(tf.constant([0, draws], state.dtype), read_value=False)

    def next(self, ordered: bool = True) -> tf.Tensor:
        """The seed [2] of the next random operation."""
        if self._share is None:
            return super().next(ordered)
        state = self.state.value.read_value()
        seed = state + tf.stack([tf.cast(self._share, state.dtype), self._draws])
        self._draws += 1
        return seed
