"""Attributes of a keras.Model that Keras's callbacks want and the joint model, a layer, lacks.

It is lent to the model while it is trained: `stop_training`, an `optimizer` whose learning rate can
be read and set, `save_weights`, and `layers` for histograms.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from t2t_mm.errors import UserError
from t2t_mm.models.joint import JointModel
from t2t_mm.training.loop import Loop


class RunOptimizer:
    """Stands for the optimizer of `fit`: what callbacks read and set of one.

    The hparams' schedule goes on beneath: setting the rate sets a factor on the schedule, which
    stays until it is set again and is saved with the run. So a rate that is set at every epoch
    holds at its first step, and moves with the schedule until the next; under
    learning_rate_schedule=constant (after the warm-up) it stays as it was set.

    Args:
      loop: whose learning rate it is.
    """

    name = "optimizer"

    def __init__(self, loop: Loop):
        self._loop = loop

    @property
    def iterations(self) -> int:
        """Steps done."""
        return self._loop.state.step

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return self._loop.learning_rate(self._loop.state.step)

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        value, step = float(np.asarray(rate)), self._loop.state.step
        scheduled = self._loop.schedule(step)
        if not (math.isfinite(value) and value >= 0):
            raise UserError(
                f"a callback set the learning rate {value} at step {step}; it must be 0 or more."
            )
        if scheduled > 0:
            self._loop.state.rate_factor = value / scheduled
        elif value > 0:
            raise UserError(
                f"a callback set the learning rate {value} at step {step}, where the schedule's is "
                "0: it sets a factor on the schedule; take another hparam learning_rate_schedule, "
                "such as constant."
            )


@contextlib.contextmanager
def lent(model: JointModel, loop: Loop) -> Iterator[None]:
    """Gives the model these attributes, and takes them back at the end."""
    hidden = {"layers": [*model.modalities.values(), model.body]}

    def save_weights(filepath: Any, overwrite: bool = True) -> None:
        """`keras.Model.save_weights`; its `load_weights` reads them into a model of the run."""
        for name in hidden:  # else the file would have the layers at two places
            del model.__dict__[name]
        try:
            keras.Model.save_weights(model, filepath, overwrite=overwrite)
        finally:
            model.__dict__.update(hidden)

    attributes = {
        "stop_training": False,
        "optimizer": RunOptimizer(loop),
        "train_function": None,
        "save_weights": save_weights,
        **hidden,
    }
    model.__dict__.update(attributes)  # past Keras, which would take `layers` for new ones
    try:
        yield
    finally:
        for name in attributes:
            model.__dict__.pop(name, None)
