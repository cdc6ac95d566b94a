"""The optimizer that the hparams name: a registered one, or one of Keras's."""

from __future__ import annotations

from t2t_mm.hparam import HParams
from t2t_mm.registry import OPTIMIZERS
from t2t_mm.training.keras_optimizer import keras_optimizer
from t2t_mm.training.optimizer import Optimizer


def make_optimizer(hparams: HParams) -> Optimizer:
    """The optimizer that a run's hparams name, not built.

    Raises:
      UnknownNameError: for an unknown optimizer, or an hparam that it does not have.
      HParamError: for an hparam out of range.
    """
    if hparams.optimizer.startswith("keras."):
        kind = keras_optimizer(hparams.optimizer)
    else:
        kind = OPTIMIZERS.get(hparams.optimizer)
    return kind(kind.hparams_class.of(hparams))
