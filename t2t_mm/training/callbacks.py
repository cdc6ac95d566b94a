"""Lets Keras callbacks watch a run: a step is their batch, an evaluation the end of their epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras

from t2t_mm.models.joint import JointModel


class Callbacks:
    """Passes a run's events to `keras.callbacks.Callback` objects.

    A callback that sets `model.stop_training` ends the run after the step. Those that change the
    optimizer of `fit` (LearningRateScheduler, ReduceLROnPlateau) find none here.

    Args:
      callbacks: the user's; none costs nothing.
      model: the model that they are given.
      train_steps: steps in all.
    """

    def __init__(
        self, callbacks: Sequence[keras.callbacks.Callback], model: JointModel, train_steps: int
    ):
        self._list = None
        self._evaluations = 0
        self._model = model
        if callbacks:
            model.stop_training = False
            self._list = keras.callbacks.CallbackList(
                list(callbacks), model=model, steps=train_steps, epochs=1, verbose=0
            )
            self._list.on_train_begin()

    def step(self, step: int, problem: str, loss: float) -> bool:
        """Reports a step; True if a callback wants to stop."""
        if self._list is None:
            return False
        self._list.on_train_batch_end(step - 1, {"loss": loss, f"{problem}/loss": loss})
        return self._stopping()

    def evaluation(self, metrics: Mapping[str, Mapping[str, float]]) -> bool:
        """Reports an evaluation; True if a callback wants to stop."""
        if self._list is None:
            return False
        logs = {
            f"val_{problem}/{name}": value
            for problem, values in metrics.items()
            for name, value in values.items()
        }
        logs["val_loss"] = sum(values["loss"] for values in metrics.values()) / len(metrics)
        self._list.on_epoch_end(self._evaluations, logs)
        self._evaluations += 1
        return self._stopping()

    def end(self) -> None:
        """Reports the end of training."""
        if self._list is not None:
            self._list.on_train_end()

    def _stopping(self) -> bool:
        return bool(getattr(self._model, "stop_training", False))
