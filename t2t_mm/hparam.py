"""Hyperparameters: closed, typed, frozen records, changed only by `replace` and `override`.

The sets themselves live in hparams/; model families extend `HParams` with their own fields there.
"""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from t2t_mm.errors import HParamError, unknown

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


@dataclass(frozen=True)
class HParams:
    """The fields that every model shares. Each line names its unit."""

    # The representation.
    hidden_size: int = 128  # channels of the unified representation

    # Batches and lengths.
    batch_size: int = 512  # tokens a step: examples times the longer of source and target
    batch_images: int = 32  # pictures a step
    batch_audio_seconds: float = 48.0  # seconds of sound a step
    max_length: int = 256  # tokens; what is longer follows long_examples
    max_audio_seconds: float = 20.0  # seconds; what is longer follows long_examples
    long_examples: str = (
        "drop"  # drop | trim, in training; evaluation keeps all up to eval_max_length
    )
    eval_max_length: int = 512  # tokens; a longer evaluation example is left out and counted

    # Which problem is trained at a step.
    problem_choice: str = "adaptive"  # uniform | proportional | adaptive | round_robin | schedule
    mixing_temperature: float = 1.0  # proportional: size ** (1 / temperature); adaptive: softness
    mixing_weights: str = ""  # "problem:factor;..." on the chosen proportions; 1 where not named
    mixing_schedule: str = ""  # "@0 a:1;b:1 @1000 a:1;b:3": proportions from that step on
    loss_weights: str = ""  # "problem:factor;..." on the problems' losses

    # Optimization.
    train_steps: int = 250_000  # steps in all, unless --train_steps says otherwise
    optimizer: str = "adam"
    learning_rate: float = 0.1  # factor on the schedule
    learning_rate_schedule: str = "noam"  # noam | exp | rsqrt | cosine | constant
    learning_rate_warmup_steps: int = 4000  # steps
    learning_rate_decay_steps: int = (
        500_000  # steps: exp's rate and cosine's length (0: train_steps)
    )
    adam_beta1: float = 0.85
    adam_beta2: float = 0.997
    adam_epsilon: float = 1e-6
    clip_norm: float = 2.0  # global norm of the gradient; 0 = no clipping
    weight_decay: float = 0.0  # decoupled, per step and unit of learning rate, matrices only
    label_smoothing: float = 0.1  # probability mass spread over the other classes
    precision: str = "float32"  # float32 | mixed_bfloat16 | mixed_float16

    # Regularisation of every body.
    dropout: float = 0.1  # probability
    attention_dropout: float = 0.1  # probability

    # Evaluation inside training.
    keep_best_metric: str = "loss"  # mean over problems; the best checkpoint is kept apart
    early_stopping_evals: int = 0  # evaluations without a better metric before the end; 0 = never

    # Modalities.
    shared_embedding_and_softmax: bool = False  # tie the text embedding and its softmax
    image_small_stride: int = 2  # of image_small's first convolution
    image_small_blocks: int = 1  # ConvRes blocks of image_small, each halves the sides
    image_augment: bool = True  # random shift and flip in training, where the problem allows it
    audio_mel_bins: int = 80  # frequencies of audio_spectral
    audio_frame_ms: float = 25.0  # milliseconds
    audio_step_ms: float = 10.0  # milliseconds
    audio_blocks: int = 8  # ConvRes blocks of the audio entrances, each halves the time
    audio_min_filters: int = 2  # the i-th block has max(2 ** i, this) filters
    audio_frequency: str = "keep"  # keep (paper) | merge the frequencies into the channels
    class_exit_filters: tuple[int, ...] = (1536, 2048)  # the two last widths of the class exit

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed; unknown names and wrong types raise HParamError."""
        kinds = self.types()
        for name, value in changes.items():
            if name not in kinds:
                raise unknown("hparam", name, kinds, "--hparams")
            _check(name, value, kinds[name])
        return dataclasses.replace(self, **changes)

    def override(self, text: str, flag: str = "--hparams") -> Self:
        """Applies "a=1,b=2.5,c=[1,2]", each value parsed to its field's type.

        Raises:
          HParamError: for text that is no assignment, or a value of another type.
          UnknownNameError: for an unknown field, with the nearest one.
        """
        kinds = self.types()
        changes: dict[str, Any] = {}
        for item in _split(text):
            name, equals, value = (part.strip() for part in item.partition("="))
            if not equals:
                raise HParamError(f"{flag} got '{item}'; write it as name=value.")
            if name not in kinds:
                raise unknown("hparam", name, kinds, flag)
            changes[name] = _parse(name, value, kinds[name], flag)
        return self.replace(**changes)

    @classmethod
    def types(cls) -> dict[str, Any]:
        """Field name -> type."""
        hints = typing.get_type_hints(cls)
        return {field.name: hints[field.name] for field in dataclasses.fields(cls)}

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping; tuples become lists."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        kinds = cls.types()
        fixed = {}
        for name, value in values.items():
            if name not in kinds:
                raise unknown("hparam", name, kinds)
            fixed[name] = tuple(value) if isinstance(value, list) else value
        return cls().replace(**fixed)

    def differences(self, other: HParams) -> dict[str, tuple[Any, Any]]:
        """Field name -> (own value, the other's value) where the two differ."""
        mine, theirs = self.to_dict(), other.to_dict()
        names = sorted(mine.keys() | theirs.keys())
        return {n: (mine.get(n), theirs.get(n)) for n in names if mine.get(n) != theirs.get(n)}


def _split(text: str) -> list[str]:
    """Splits at commas outside brackets."""
    return [item for item in re.split(r",(?![^\[]*\])", text) if item.strip()]


def _parse(name: str, text: str, kind: Any, flag: str) -> Any:
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        items = [item.strip() for item in text.strip("[]()").split(",") if item.strip()]
        return tuple(_parse(name, item, inner, flag) for item in items)
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        if kind is int:
            return int(text.replace("_", ""))
        return kind(text)
    except (ValueError, KeyError):
        raise _wrong_type(name, text, kind, flag) from None


def _check(name: str, value: Any, kind: Any) -> None:
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        right = isinstance(value, tuple) and all(_is(item, inner) for item in value)
    else:
        right = _is(value, kind)
    if not right:
        raise _wrong_type(name, value, kind, "--hparams")


def _is(value: Any, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _wrong_type(name: str, value: Any, kind: Any, flag: str) -> HParamError:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    wanted = words.get(kind, "a list such as [1,2]")
    return HParamError(f"hparam '{name}' must be {wanted}, got '{value}'; change it in {flag}.")


class RangedHParams:
    """The ranges in which a tuner looks for values, as Tensor2Tensor's sets declared them.

    A registered ranged set is a function of one `RangedHParams` that calls the setters.
    """

    LINEAR, LOG = "linear", "log"

    def __init__(self) -> None:
        self.ranges: dict[str, Mapping[str, Any]] = {}

    def set_float(self, name: str, low: float, high: float, scale: str = LINEAR) -> None:
        """A real number in [low, high]."""
        self._set(name, kind="float", low=low, high=high, scale=scale)

    def set_int(self, name: str, low: int, high: int, scale: str = LINEAR) -> None:
        """A whole number in [low, high]."""
        self._set(name, kind="int", low=low, high=high, scale=scale)

    def set_discrete(self, name: str, values: list[float]) -> None:
        """One of some numbers."""
        self._set(name, kind="discrete", values=tuple(values))

    def set_categorical(self, name: str, values: list[str]) -> None:
        """One of some words."""
        self._set(name, kind="categorical", values=tuple(values))

    def _set(self, name: str, **what: Any) -> None:
        if name in self.ranges:
            raise HParamError(f"the range of hparam '{name}' is set twice.")
        self.ranges[name] = types.MappingProxyType(what)
