"""Hyperparameters: the fields that every model shares, and ranges for tuners.

The sets themselves live in hparams/; model families extend `HParams` with their own fields there.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from t2t_mm.errors import HParamError
from t2t_mm.typed_record import TypedRecord
from t2t_mm.value_range import (
    Choices,
    Count,
    Count0,
    Each,
    Least0,
    Named,
    Positive,
    Range,
    Share,
)

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

Factors = Annotated[str, Named("a factor for each of some problems")]
Patterns = Annotated[str, Named("patterns of paths of variables")]
Network = Annotated[str, Named("a registered modality")]


@dataclass(frozen=True)
class HParams(TypedRecord):
    """The fields that every model shares. Each line names its unit, each type what it allows."""

    NOUN: ClassVar[str] = "hparam"
    FLAG: ClassVar[str] = "--hparams"
    NESTED: ClassVar[Mapping[str, str]] = {"optimizer": "optimizer_hparams"}
    ALIASES: ClassVar[Mapping[str, str]] = {  # Tensor2Tensor's names
        "clip_grad_norm": "clip_norm",
        "shared_embedding_and_softmax_weights": "shared_embedding_and_softmax",
        "layer_prepostprocess_dropout": "dropout",
        "learning_rate_decay_scheme": "learning_rate_schedule",
        "moe_num_experts": "num_experts",
        "optimizer_adam_beta1": "adam_beta1",
        "optimizer_adam_beta2": "adam_beta2",
        "optimizer_adam_epsilon": "adam_epsilon",
        "optimizer_momentum_momentum": "optimizer.momentum",
        "optimizer_momentum_nesterov": "optimizer.nesterov",
        "optimizer_multistep_accumulate_steps": "accumulate_steps",
    }

    # The representation.
    hidden_size: Count = 128  # channels of the unified representation

    # Batches and lengths.
    batch_size: Count = 512  # tokens per step: examples times the longer of source and target
    batch_images: Count = 32  # images per step
    batch_audio_seconds: Positive = 48.0  # seconds of sound per step
    max_length: Count = 256  # tokens; what is longer follows long_examples
    max_audio_seconds: Positive = 20.0  # seconds; what is longer follows long_examples
    # In training; evaluation keeps all up to eval_max_length.
    long_examples: Annotated[str, Choices(("drop", "trim"))] = "drop"
    eval_max_length: Count = 512  # tokens; a longer evaluation example is left out and counted

    # Which problem is trained at a step.
    # A registered mixing policy: uniform | proportional | adaptive | round_robin | schedule | ...
    problem_choice: Annotated[str, Named("a registered mixing policy")] = "adaptive"
    # proportional: size ** (1 / temperature); adaptive: softness
    mixing_temperature: Positive = 1.0
    # "problem:factor;..." on the chosen proportions; 1 where not named
    mixing_weights: Factors = ""
    # "@0 a:1;b:1 @1000 a:1;b:3": proportions from that step on
    mixing_schedule: Annotated[str, Named("proportions by step")] = ""
    loss_weights: Factors = ""  # "problem:factor;..." on the problems' losses

    # Optimization.
    train_steps: Count = 250_000  # steps in all, unless --train_steps says otherwise
    # adam | momentum | keras.CLASS, e.g. keras.Lion
    optimizer: Annotated[str, Named("a registered optimizer, or keras.CLASS")] = "adam"
    # "name=value" of the optimizer: optimizer.name=value
    optimizer_hparams: Annotated[tuple[str, ...], Named("hparams of the optimizer")] = ()
    learning_rate: Least0 = 0.1  # factor on the schedule; products of factors do not read it
    # a registered name, or factors: constant*rsqrt_decay
    learning_rate_schedule: Annotated[str, Named("a registered schedule, or factors")] = "noam"
    learning_rate_warmup_steps: Count0 = 4000  # steps
    # steps: exp's rate and cosine's length (0: train_steps)
    learning_rate_decay_steps: Count0 = 500_000
    learning_rate_constant: Least0 = 1.0  # the factor "constant" of products
    learning_rate_decay_rate: Least0 = 0.1  # factor of step at each boundary, and of exp_decay
    # step: below 1 shares of the run
    learning_rate_boundaries: Annotated[tuple[float, ...], Each(Range(0))] = (0.5, 0.75)
    # step: factors from each boundary on
    learning_rate_multiples: Annotated[tuple[float, ...], Each(Range(0))] = ()
    learning_rate_multipliers: Patterns = ""  # "pattern:factor;...", of paths of variables
    adam_beta1: Share = 0.85  # as optimizer.beta1 of adam; likewise the next two
    adam_beta2: Share = 0.997
    adam_epsilon: Positive = 1e-6
    accumulate_steps: Count = 1  # batches whose gradients make one step
    # shares of a batch, which cores compute side by side; 0: as many as pay, see docs/optimizers.md
    batch_shares: Count0 = 1
    freeze: Patterns = ""  # "pattern;...": paths of variables that training leaves as they are
    clip_norm: Least0 = 2.0  # global norm of the gradient; 0 = no clipping
    weight_decay: Least0 = 0.0  # decoupled, per step and unit of learning rate, matrices only
    ema_decay: Share = 0.0  # of the weights' moving average, e.g. 0.999; 0 = none is kept
    label_smoothing: Share = 0.1  # probability mass spread over the other classes
    precision: Annotated[str, Choices(("float32", "mixed_bfloat16", "mixed_float16"))] = "float32"

    # Regularization of every body.
    dropout: Share = 0.1  # probability
    attention_dropout: Share = 0.1  # probability

    # Evaluation inside training.
    # A metric (mean over problems), decoded ones too, or PROBLEM/METRIC; the best is kept apart.
    keep_best_metric: Annotated[str, Named("a metric, or PROBLEM/METRIC")] = "loss"
    # evaluations without a better metric before the end; 0 = never
    early_stopping_evals: Count0 = 0
    early_stopping_delta: Least0 = 0.0  # in the metric's unit: better by no more is not better

    # Which network reads or writes a kind of data; "": the model's own, else the kind's own.
    text_modality: Network = ""
    image_modality: Network = ""  # e.g. image (large images) | image_small
    audio_modality: Network = ""  # e.g. audio_spectral (log-mel) | audio (waveform)
    label_modality: Network = ""
    number_modality: Network = ""
    tags_modality: Network = ""
    # the model's own, "kind:modality;..."; filled in when a run begins
    modalities: Annotated[str, Named("the networks of a model")] = ""

    # Modalities.
    shared_embedding_and_softmax: bool = False  # tie the text embedding and its softmax
    image_small_stride: Count = 2  # of image_small's first convolution
    image_small_blocks: Count0 = 1  # ConvRes blocks of image_small, each halves the sides
    image_augment: bool = True  # random shift and flip in training, where the problem allows it
    audio_mel_bins: Count = 80  # frequencies of audio_spectral
    audio_frame_ms: Annotated[float, Range(1, 1000)] = 25.0  # milliseconds
    audio_step_ms: Annotated[float, Range(1, 1000)] = 10.0  # milliseconds
    # ConvRes blocks of the audio modalities, each halves the time
    audio_blocks: Annotated[int, Range(1, 12)] = 8
    audio_min_filters: Count = 2  # the i-th block has max(2 ** i, this) filters
    # keep (paper) | merge the frequencies into the channels
    audio_frequency: Annotated[str, Choices(("keep", "merge"))] = "keep"
    # the two last widths of the class exit
    class_exit_filters: Annotated[tuple[int, ...], Each(Range(1), 2, 2)] = (1536, 2048)

    def misfits(self) -> Iterator[str]:
        """Says which fields do not fit one another, one sentence each."""
        yield from ()

    def check(self, names: Iterable[str] | None = None, flag: str | None = None) -> None:
        """Refuses values that their fields do not allow; of all fields, also misfits.

        Raises:
          HParamError: names the field and what it allows.
        """
        super().check(names, flag)
        if names is None:
            for misfit in self.misfits():
                raise HParamError(f"{misfit}; change it in {flag or self.FLAG}.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; in t2t_mm 0.1 momentum was called adam_beta1."""
        old = "optimizer_hparams" not in values and "adam_beta1" in values
        if old and values.get("optimizer") == "momentum":
            values = {**values, "optimizer_hparams": [f"momentum={values['adam_beta1']}"]}
        return super().from_dict(values)


def undivided(hparams: HParams, parts: str, whole: str = "hidden_size") -> Iterator[str]:
    """The misfit of a field that has to divide another, e.g. num_heads hidden_size."""
    divisor, number = getattr(hparams, parts), getattr(hparams, whole)
    if number % divisor:
        yield f"hparam '{parts}' must divide {whole} ({number}), got {divisor}"


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

    def _set(self, name: str, **spec: Any) -> None:
        if name in self.ranges:
            raise HParamError(f"the range of hparam '{name}' is set twice.")
        self.ranges[name] = types.MappingProxyType(spec)
