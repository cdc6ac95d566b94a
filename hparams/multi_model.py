"""Hparams sets of the MultiModel (arXiv 1706.05137).

Tensor2Tensor's values are in its own units: there the Adam rate is learning_rate / 500; here
`learning_rate` multiplies the schedule as it stands, and noam has the same peak.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from t2t_mm.hparam import HParams, RangedHParams, undivided
from t2t_mm.registry import register_hparams, register_ranged_hparams
from t2t_mm.value_range import Count, Count0, Least0, Range


@dataclass(frozen=True)
class MultiModelHParams(HParams):
    """The hparams of the MultiModel's body besides the common fields."""

    filter_size: Count = 512  # hidden units of an expert
    num_heads: Count = 8  # attention heads
    encoder_blocks: Count0 = 6  # ConvBlocks of the encoder, the mixture in their middle
    decoder_blocks: Count0 = 4  # ConvBlock + attention pairs of the decoder, likewise
    mixer_blocks: Count0 = 2  # ConvBlocks of the input/output mixer, after its merge
    conv_short_kernel: Count = 3  # positions
    conv_long_kernel: Count = 15  # positions
    conv_dilation: Count = 8  # positions between the taps of the last ConvStep of a block
    use_moe: bool = True  # False: no mixture of experts (paper, table 4)
    use_attention: bool = True  # False: no attention block (paper, table 4)
    num_experts: Count = 30  # experts of each mixture
    encoder_experts: Count0 = 0  # experts of the encoder's; 0: num_experts
    decoder_experts: Count0 = 0  # experts of the decoder's; 0: num_experts
    moe_k: Count = 2  # experts that a position uses
    moe_loss_coef: Least0 = 0.01  # weight of the balance losses
    patent_figures: bool = False  # the patent's second attention, second convolution and plain sums
    # self-attention over several inputs; -1: 3 layers where there are any
    fusion_layers: Annotated[int, Range(-1)] = -1

    def misfits(self) -> Iterator[str]:
        yield from undivided(self, "num_heads")
        for name in ("encoder_experts", "decoder_experts"):
            experts = getattr(self, name) or self.num_experts
            if self.use_moe and self.moe_k > experts:
                of = name if getattr(self, name) else "num_experts"
                yield f"hparam 'moe_k' must be at most {of} ({experts}), got {self.moe_k}"


@register_hparams
def multimodel_base() -> MultiModelHParams:
    """The MultiModel at width 512 with 30 experts.

    Source: T2T 1.9 multimodel_base (width, experts, optimizer, schedule). Differs: the body is
    the paper's (6 encoder and 4 decoder blocks), not T2T's later rewrite. Not trained to the end by
    us: 1,030 target tokens a second on two cores (docs/performance.md).
    """
    return MultiModelHParams(
        hidden_size=512,
        filter_size=2048,
        batch_size=2048,
        learning_rate=0.1,
        learning_rate_schedule="noam",
        learning_rate_warmup_steps=4000,
        audio_blocks=4,
        audio_min_filters=32,
        audio_frequency="merge",
    )


@register_hparams
def multimodel_tiny() -> MultiModelHParams:
    """The MultiModel at width 128 with 10 experts: a laptop trains shapes8 in minutes.

    Source: T2T 1.9 multimodel_tiny. Differs: a peak rate of 8.8e-4 after 400 steps and 0.05
    dropout, for a run of minutes instead of days (T2T's 1.4e-3 learns no images so soon); a
    shorter audio entrance and a narrower class exit.

    Command: t2t-trainer --problems=shapes8 --hparams_set=multimodel_tiny --generate_data.
    Hardware and time: two CPU cores, 11 minutes. Reached, on the test split: translations and
    trees 100 % exact, image class 100 %, captions 92.8 % exact, speech 1.2 % word error rate.
    """
    return MultiModelHParams(
        hidden_size=128,
        filter_size=512,
        encoder_blocks=2,
        decoder_blocks=2,
        mixer_blocks=2,
        num_experts=10,
        batch_size=512,
        dropout=0.05,
        attention_dropout=0.05,
        train_steps=6000,
        learning_rate=0.02,
        learning_rate_schedule="noam",
        learning_rate_warmup_steps=400,
        adam_beta1=0.9,
        adam_beta2=0.98,
        audio_mel_bins=40,
        audio_blocks=3,
        audio_min_filters=32,
        audio_frequency="merge",
        class_exit_filters=(192, 256),
    )


@register_hparams
def multimodel_paper() -> MultiModelHParams:
    """The paper's joint model of eight problems: width 1024, 240 experts, dropout 0.4.

    Source: arXiv 1706.05137 sections 2 and 3. Not trained by us: it needs many accelerators.
    """
    return MultiModelHParams(
        hidden_size=1024,
        filter_size=2048,
        num_experts=240,
        batch_size=2048,
        dropout=0.4,
        learning_rate=1e-4,
        learning_rate_schedule="exp",
        learning_rate_warmup_steps=3000,
    )


@register_hparams
def multimodel_paper_single() -> MultiModelHParams:
    """The paper's model of one problem: as multimodel_paper with 60 experts."""
    return multimodel_paper().replace(num_experts=60)


@register_hparams
def multimodel_1p8() -> MultiModelHParams:
    """T2T's first and largest MultiModel: width 1536 with 120 experts.

    Source: T2T 1.0 multimodel_1p8: its rate of 0.05 is 1e-4 in the units used here, exp500k.
    Differs: the body is the paper's. Not trained by us: it needs many accelerators.
    """
    return MultiModelHParams(
        hidden_size=1536,
        filter_size=1536,
        num_experts=120,
        batch_size=1024,
        learning_rate=1e-4,
        learning_rate_schedule="exp",
        learning_rate_warmup_steps=3000,
    )


@register_hparams
def multimodel1p8() -> MultiModelHParams:
    """multimodel_1p8, by its older name. Source: T2T of June 2017."""
    return multimodel_1p8()


@register_ranged_hparams
def multimodel_range(ranged: RangedHParams) -> None:
    """The ranges to search when tuning a MultiModel."""
    ranged.set_float("learning_rate", 0.01, 1.0, RangedHParams.LOG)
    ranged.set_float("dropout", 0.0, 0.5)
    ranged.set_discrete("hidden_size", [128, 256, 512])
    ranged.set_int("num_experts", 4, 64, RangedHParams.LOG)
