"""Numbers: regression by the exit flow; a number that is read is one position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from t2t_mm.kinds.kind import Found
from t2t_mm.layers.rep import Rep
from t2t_mm.modalities.exit_flow import ExitFlow
from t2t_mm.modalities.loss import Sums, weighted_sum
from t2t_mm.modalities.modality import INPUT, TARGET
from t2t_mm.tensor import Shape, Tensor

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.kinds import Number as Kind


class Number(ExitFlow):
    """A real number: the exit flow with one output, on a scale where low is -1 and high is 1.

    The loss is the squared error on that scale, the negative logarithm of a normal distribution of
    variance 1/2 up to a constant. A number that is read is its value times a learned vector, plus
    another one.

    Args:
      low, high: the kind's range.
      exit_filters: see `ExitFlow`.
    """

    kinds = frozenset({"number"})
    metric_names = frozenset({"mse", "mae"})

    def __init__(self, low: float, high: float, **kwargs: Any) -> None:
        super().__init__(num_outputs=1, **{k: v for k, v in kwargs.items() if k != "num_outputs"})
        self.low = low
        self.high = high

    @classmethod
    def sharing_key(cls, name: str, kind: Kind, hparams: HParams) -> str:
        return f"{name}.{kind.low:g}.{kind.high:g}.{hparams.hidden_size}"

    @classmethod
    def arguments(cls, kind: Kind, hparams: HParams) -> dict[str, Any]:
        return {"low": kind.low, "high": kind.high, "exit_filters": cls.filters_of(hparams)}

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the exit flow for a target, `line` [2, D] for an input."""
        self.line: keras.Variable = None  # an input's alone
        if TARGET in self.roles:
            super().build(input_shape)
        if INPUT in self.roles:
            start = keras.initializers.RandomNormal(0.0, 1.0, self._seed("line"))
            shape = (2, self.hidden_size)
            self.line = self.add_weight(shape=shape, initializer=start, name="line")

    def positions(self, values: Tensor) -> Tensor:
        return ops.shape(values)[0]

    def bottom(self, values: Tensor, lengths: Tensor | None = None, training: bool = False) -> Rep:
        """Maps numbers [B] to one position each."""
        scaled = self._scaled(values)[:, None, None]
        x = ops.cast(scaled * self.line[0] + self.line[1], self.compute_dtype)
        return Rep(x, ops.ones(ops.shape(x)[:2], "float32"))

    def _scaled(self, values: Tensor) -> Tensor:
        middle, half = (self.high + self.low) / 2, (self.high - self.low) / 2
        return (ops.cast(values, "float32") - middle) / half

    def _values(self, outputs: Tensor) -> Tensor:
        middle, half = (self.high + self.low) / 2, (self.high - self.low) / 2
        return middle + half * ops.cast(outputs, "float32")

    def _errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return ops.cast(outputs[:, 0], "float32") - self._scaled(targets)

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Sums:
        """Summed squared error of outputs [B, 1] against targets [B], on the inner scale, and B."""
        errors = self._errors(outputs, targets)
        return weighted_sum(ops.square(errors), ops.ones_like(errors))

    def hits(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The number of predictions that are off by less than a twentieth of the range."""
        return ops.sum(ops.cast(ops.abs(self._errors(outputs, targets)) < 0.1, "float32"))

    def step_metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, Sums]:
        """The mean squared and absolute errors, on the numbers' own scale."""
        errors = self._values(outputs[:, 0]) - ops.cast(targets, "float32")
        ones = ops.ones_like(errors)
        return {
            "mse": weighted_sum(ops.square(errors), ones),
            "mae": weighted_sum(ops.abs(errors), ones),
        }

    def found(self, outputs: Tensor, count: int) -> Found:
        """The number, float32 [B, 1]; there is no probability beside it."""
        return Found(self._values(outputs), ops.zeros_like(ops.cast(outputs, "float32")))

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The logarithm of a normal density of variance 1/2 on the inner scale, [B, 1]."""
        half_log_pi = 0.5723649429247001
        return -(ops.square(self._errors(outputs, targets)) + half_log_pi)[:, None]

    def role_variables(self, role: str) -> list[keras.Variable]:
        own = [v for v in self.trainable_variables if v is not self.line]
        return own if role == TARGET else [self.line]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "low": self.low, "high": self.high}
