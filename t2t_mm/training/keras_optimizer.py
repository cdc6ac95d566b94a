"""Optimizers of Keras: `optimizer=keras.Adafactor`, or any other class of keras.optimizers.

Each variable has an optimizer object of its own, so a step leaves the slots and the count of
iterations of what it does not touch alone, and slots are a variable's. That takes far more graph
operations than flat vectors do: adam and momentum are faster.

The learning rate, clipping, accumulation, weight decay and the average of the weights are the
training step's, so the constructor's arguments for these are not offered.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import keras
import tensorflow as tf

from t2t_mm.errors import unknown
from t2t_mm.runs.groups import Groups
from t2t_mm.runs.replicas import local
from t2t_mm.runs.slots import Slot, one_slot
from t2t_mm.training import flat_groups
from t2t_mm.training.optimizer import Optimizer
from t2t_mm.training.optimizer_hparams import OptimizerHParams
from t2t_mm.value_range import Count, Count0, Least0, Positive, Range, Share

PREFIX = "keras."

# Arguments that the training step stands in for, and those that mean nothing here.
_OURS = frozenset(
    {
        *("learning_rate", "weight_decay", "adam_weight_decay", "exclude_layers", "name"),
        *("clipnorm", "clipvalue", "global_clipnorm", "loss_scale_factor"),
        *("use_ema", "ema_momentum", "ema_overwrite_frequency", "gradient_accumulation_steps"),
    }
)

# What arguments allow, by the names that Keras gives them in every class; others: finite numbers.
_RANGES: Mapping[str, Any] = {
    **dict.fromkeys(("beta_1", "beta_2", "adam_beta_1", "adam_beta_2", "rho", "momentum"), Share),
    **dict.fromkeys(("epsilon", "epsilon_1", "epsilon_2", "clip_threshold"), Positive),
    **dict.fromkeys(("initial_accumulator_value", "beta", "adam_lr_ratio", "rms_rate"), Least0),
    "l1_regularization_strength": Least0,
    "l2_regularization_strength": Least0,
    "l2_shrinkage_regularization_strength": Least0,
    "learning_rate_power": Annotated[float, Range(high=0)],
    "warmup_steps": Count0,
    "ns_steps": Count,
}
# They wrap other optimizers, or train other weights than they are evaluated with.
_LEFT_OUT = frozenset({"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "ScheduleFreeAdamW"})


def keras_optimizers() -> dict[str, type[keras.optimizers.Optimizer]]:
    """ "keras.NAME" -> class, of those that there are."""
    return {
        f"{PREFIX}{name}": value
        for name, value in vars(keras.optimizers).items()
        if inspect.isclass(value)
        and issubclass(value, keras.optimizers.Optimizer)
        and name not in _LEFT_OUT
    }


def keras_optimizer(name: str) -> type[KerasOptimizer]:
    """The optimizer of a name such as "keras.Lion"; its hparams are the constructor's arguments.

    Raises:
      UnknownNameError: if Keras has none of that name.
    """
    known = keras_optimizers()
    if name not in known:
        raise unknown("optimizer", name, known, "the hparam optimizer")
    wrapped = known[name]
    attributes = {"wrapped": wrapped, "hparams_class": _record(wrapped)}
    return type(f"Keras{wrapped.__name__}", (KerasOptimizer,), attributes)


def _record(wrapped: type[keras.optimizers.Optimizer]) -> type[OptimizerHParams]:
    """A record with a field for every argument that is a number, a truth value or a text."""
    fields = []
    for argument in inspect.signature(wrapped.__init__).parameters.values():
        default = argument.default
        if argument.name in _OURS or not isinstance(default, (bool, int, float, str, type(None))):
            continue
        # An int such as adam_lr_ratio=1 may be meant as a number; None stands for one too.
        counts = argument.name.endswith("steps") or isinstance(default, (bool, str))
        kind = type(default) if counts else float
        kind = _RANGES.get(argument.name, kind)
        fields.append((argument.name, kind, dataclasses.field(default=default)))
    return dataclasses.make_dataclass(
        f"{wrapped.__name__}HParams", fields, bases=(OptimizerHParams,), frozen=True
    )


class KerasOptimizer(Optimizer):
    """One object of a class of Keras's for each variable.

    Weight decay is decoupled, taken off before the step, as Keras does it, and of matrices alone.
    """

    wrapped: ClassVar[type[keras.optimizers.Optimizer]]

    def build(self, groups: Groups) -> list[Slot]:
        """Makes an optimizer of each variable; its slots and its count of iterations are stored."""
        base_fields = {field.name for field in dataclasses.fields(OptimizerHParams)}
        arguments = {
            name: value
            for name in self.hparams.types()
            if name not in base_fields and (value := getattr(self.hparams, name)) is not None
        }
        kind = type(self.wrapped.__name__, (self.wrapped, _Direct), {})
        self._optimizers: dict[str, Any] = {}
        slots: list[Slot] = []
        for variable in (variable for group in groups.values() for variable in group):
            optimizer = kind(learning_rate=1.0, **arguments)
            optimizer.build([variable])
            self._optimizers[variable.path] = optimizer
            slots += _slots(variable, optimizer)
        return slots

    def apply(
        self,
        group: str,
        variables: Sequence[keras.Variable],
        gradient: tf.Tensor,
        learning_rate: tf.Tensor,
        factors: Sequence[float],
    ) -> None:
        pieces = flat_groups.split(variables, gradient)
        for variable, piece, factor in zip(variables, pieces, factors, strict=True):
            own, rate = local(variable.value), learning_rate * factor
            if self.decays(variable):
                if self.hparams.l2:
                    piece += self.hparams.l2 * own
                if self.hparams.weight_decay:
                    own.assign_sub(rate * self.hparams.weight_decay * own, read_value=False)
            optimizer = self._optimizers[variable.path]
            optimizer._backend_update_step([piece], [variable], rate)
            optimizer.assign_add(optimizer.iterations, 1)


class _Direct(keras.optimizers.Optimizer):
    """Assigns to the variable itself: inside a replica, Keras would ask all of them to agree."""

    def _backend_update_step(
        self, grads: Any, trainable_variables: Any, learning_rate: Any
    ) -> None:
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            self.update_step(gradient, variable, learning_rate)

    def assign(self, variable: Any, value: Any) -> None:
        own = _own(variable)
        own.assign(tf.cast(value, own.dtype), read_value=False)

    def assign_add(self, variable: Any, value: Any) -> None:
        own = _own(variable)
        own.assign_add(tf.cast(value, own.dtype), read_value=False)

    def assign_sub(self, variable: Any, value: Any) -> None:
        own = _own(variable)
        own.assign_sub(tf.cast(value, own.dtype), read_value=False)


def _own(variable: Any) -> tf.Variable:
    return local(variable.value if isinstance(variable, keras.Variable) else variable)


def _slots(variable: keras.Variable, optimizer: Any) -> list[Slot]:
    """The slots of one variable's optimizer that a checkpoint must hold, by Keras's names."""
    prefix, skipped = variable.path.replace("/", "_") + "_", (optimizer._learning_rate,)
    found: dict[str, tf.Variable] = {}
    for number, slot in enumerate(optimizer.variables):
        if any(slot is other for other in skipped):
            continue
        name = "iterations" if slot is optimizer._iterations else slot.name.removeprefix(prefix)
        if name in found or name == slot.name:
            name = f"slot_{number}"
        found[name] = slot.value
    return [one_slot(f"{variable.path}/{name}", value) for name, value in found.items()]
