"""Hyperparameters: the fields that every model shares, and ranges for tuners.

The sets themselves live in hparams/; model families extend `HParams` with their own fields there.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from t2t_mm.errors import HParamError
from t2t_mm.typed_record import TypedRecord

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


@dataclass(frozen=True)
class HParams(TypedRecord):
    """The fields that every model shares. Each line names its unit."""

    NOUN: ClassVar[str] = "hparam"
    FLAG: ClassVar[str] = "--hparams"
    NESTED: ClassVar[Mapping[str, str]] = {"optimizer": "optimizer_hparams"}
    ALIASES: ClassVar[Mapping[str, str]] = {  # Tensor2Tensor's names
        "clip_grad_norm": "clip_norm",
        "optimizer_adam_beta1": "adam_beta1",
        "optimizer_adam_beta2": "adam_beta2",
        "optimizer_adam_epsilon": "adam_epsilon",
        "optimizer_momentum_momentum": "optimizer.momentum",
        "optimizer_momentum_nesterov": "optimizer.nesterov",
        "optimizer_multistep_accumulate_steps": "accumulate_steps",
    }

    # The representation.
    hidden_size: int = 128  # channels of the unified representation

    # Batches and lengths.
    batch_size: int = 512  # tokens per step: examples times the longer of source and target
    batch_images: int = 32  # images per step
    batch_audio_seconds: float = 48.0  # seconds of sound per step
    max_length: int = 256  # tokens; what is longer follows long_examples
    max_audio_seconds: float = 20.0  # seconds; what is longer follows long_examples
    long_examples: str = (
        "drop"  # drop | trim, in training; evaluation keeps all up to eval_max_length
    )
    eval_max_length: int = 512  # tokens; a longer evaluation example is left out and counted

    # Which problem is trained at a step.
    # A registered mixing policy: uniform | proportional | adaptive | round_robin | schedule | ...
    problem_choice: str = "adaptive"
    mixing_temperature: float = 1.0  # proportional: size ** (1 / temperature); adaptive: softness
    mixing_weights: str = ""  # "problem:factor;..." on the chosen proportions; 1 where not named
    mixing_schedule: str = ""  # "@0 a:1;b:1 @1000 a:1;b:3": proportions from that step on
    loss_weights: str = ""  # "problem:factor;..." on the problems' losses

    # Optimization.
    train_steps: int = 250_000  # steps in all, unless --train_steps says otherwise
    optimizer: str = "adam"  # adam | momentum | keras.CLASS, e.g. keras.Lion
    optimizer_hparams: tuple[str, ...] = ()  # "name=value" of the optimizer: optimizer.name=value
    learning_rate: float = 0.1  # factor on the schedule; products of factors do not read it
    learning_rate_schedule: str = "noam"  # a registered name, or factors: constant*rsqrt_decay
    learning_rate_warmup_steps: int = 4000  # steps
    learning_rate_decay_steps: int = (
        500_000  # steps: exp's rate and cosine's length (0: train_steps)
    )
    learning_rate_constant: float = 1.0  # the factor "constant" of products
    learning_rate_decay_rate: float = 0.1  # factor of step at each boundary, and of exp_decay
    learning_rate_boundaries: tuple[float, ...] = (0.5, 0.75)  # step: below 1 shares of the run
    learning_rate_multiples: tuple[float, ...] = ()  # step: factors from each boundary on
    learning_rate_multipliers: str = ""  # "pattern:factor;...", of paths of variables
    adam_beta1: float = 0.85  # as optimizer.beta1 of adam; likewise the next two
    adam_beta2: float = 0.997
    adam_epsilon: float = 1e-6
    accumulate_steps: int = 1  # batches whose gradients make one step
    batch_shares: int = 0  # shares of a batch, a core computes each; 0: as many as pay, see docs
    freeze: str = ""  # "pattern;...": paths of variables that training leaves as they are
    clip_norm: float = 2.0  # global norm of the gradient; 0 = no clipping
    weight_decay: float = 0.0  # decoupled, per step and unit of learning rate, matrices only
    ema_decay: float = 0.0  # of the weights' moving average, e.g. 0.999; 0 = none is kept
    label_smoothing: float = 0.1  # probability mass spread over the other classes
    precision: str = "float32"  # float32 | mixed_bfloat16 | mixed_float16

    # Regularization of every body.
    dropout: float = 0.1  # probability
    attention_dropout: float = 0.1  # probability

    # Evaluation inside training.
    # A metric (mean over problems), decoded ones too, or PROBLEM/METRIC; the best is kept apart.
    keep_best_metric: str = "loss"
    early_stopping_evals: int = 0  # evaluations without a better metric before the end; 0 = never

    # Which network reads or writes a kind of data; "": the model's own, else the kind's own.
    text_modality: str = ""
    image_modality: str = ""  # e.g. image (large images) | image_small
    audio_modality: str = ""  # e.g. audio_spectral (log-mel) | audio (waveform)
    label_modality: str = ""
    number_modality: str = ""
    tags_modality: str = ""
    modalities: str = ""  # the model's own, "kind:modality;..."; filled in when a run begins

    # Modalities.
    shared_embedding_and_softmax: bool = False  # tie the text embedding and its softmax
    image_small_stride: int = 2  # of image_small's first convolution
    image_small_blocks: int = 1  # ConvRes blocks of image_small, each halves the sides
    image_augment: bool = True  # random shift and flip in training, where the problem allows it
    audio_mel_bins: int = 80  # frequencies of audio_spectral
    audio_frame_ms: float = 25.0  # milliseconds
    audio_step_ms: float = 10.0  # milliseconds
    audio_blocks: int = 8  # ConvRes blocks of the audio modalities, each halves the time
    audio_min_filters: int = 2  # the i-th block has max(2 ** i, this) filters
    audio_frequency: str = "keep"  # keep (paper) | merge the frequencies into the channels
    class_exit_filters: tuple[int, ...] = (1536, 2048)  # the two last widths of the class exit

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; in t2t_mm 0.1 momentum was called adam_beta1."""
        old = "optimizer_hparams" not in values and "adam_beta1" in values
        if old and values.get("optimizer") == "momentum":
            values = {**values, "optimizer_hparams": [f"momentum={values['adam_beta1']}"]}
        return super().from_dict(values)


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
