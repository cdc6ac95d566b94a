"""The hyperparameters of optimizers: a closed, typed, frozen record each.

`--hparams=optimizer.beta2=0.98` sets a field of the record of the optimizer that `optimizer` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from t2t_mm.hparam import HParams
from t2t_mm.typed_record import TypedRecord
from t2t_mm.value_range import Least0, Positive, Share

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


@dataclass(frozen=True)
class OptimizerHParams(TypedRecord):
    """The hyperparameters that every optimizer has.

    Attributes:
      FROM_HPARAMS: own field -> the field of HParams that gives its default.
    """

    NOUN: ClassVar[str] = "optimizer hparam"
    FLAG: ClassVar[str] = "--hparams=optimizer.NAME"
    FROM_HPARAMS: ClassVar[Mapping[str, str]] = {"weight_decay": "weight_decay"}

    weight_decay: Least0 = 0.0  # decoupled, per step and unit of learning rate
    l2: Least0 = 0.0  # coupled: this much of a weight is added to its clipped gradient
    decay_vectors: bool = False  # True: the two act on biases and norms too, not on matrices alone

    @classmethod
    def of(cls, hparams: HParams) -> Self:
        """The record that a run's hparams describe: their own fields, then `optimizer_hparams`.

        Raises:
          HParamError: for a value of a wrong type or out of range.
          UnknownNameError: for a field that this optimizer does not have.
        """
        inherited = {own: getattr(hparams, name) for own, name in cls.FROM_HPARAMS.items()}
        record = cls().replace(**inherited).override(",".join(hparams.optimizer_hparams))
        record.check()
        return record


@dataclass(frozen=True)
class AdamHParams(OptimizerHParams):
    """The hyperparameters of Adam; a set's adam_beta1, adam_beta2 and adam_epsilon are defaults."""

    FROM_HPARAMS: ClassVar[Mapping[str, str]] = {
        "weight_decay": "weight_decay",
        "beta1": "adam_beta1",
        "beta2": "adam_beta2",
        "epsilon": "adam_epsilon",
    }

    beta1: Share = 0.85  # what the first moment keeps of itself at a step
    beta2: Share = 0.997  # likewise the second moment
    epsilon: Positive = 1e-6  # added to the root of the second moment


@dataclass(frozen=True)
class MomentumHParams(OptimizerHParams):
    """The hyperparameters of gradient descent with momentum."""

    momentum: Share = 0.9  # what the accumulated gradient keeps of itself; 0: plain descent
    nesterov: bool = False  # look ahead by one step of momentum
