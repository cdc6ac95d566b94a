"""Hparams sets of the Transformer (arXiv 1706.03762), the task-specific baseline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from t2t_mm.hparam import HParams, undivided
from t2t_mm.registry import register_hparams
from t2t_mm.value_range import Count


@dataclass(frozen=True)
class TransformerHParams(HParams):
    """The hparams of the Transformer's body besides the common fields."""

    filter_size: Count = 2048  # hidden units of the feed-forward network
    num_heads: Count = 8  # attention heads
    encoder_layers: Count = 6
    decoder_layers: Count = 6

    def misfits(self) -> Iterator[str]:
        yield from undivided(self, "num_heads")


@register_hparams
def transformer_base() -> TransformerHParams:
    """The Transformer at width 512, six layers each way.

    Source: arXiv 1706.03762 table 3 "base", in T2T's pre-norm form (transformer_base_v2).
    Not trained to the end by us: 1,103 target tokens a second on two cores (docs/performance.md).
    """
    return TransformerHParams(
        hidden_size=512,
        batch_size=4096,
        learning_rate=0.1,
        learning_rate_warmup_steps=8000,
        adam_beta1=0.9,
        adam_beta2=0.98,
        adam_epsilon=1e-9,
        clip_norm=0.0,
        shared_embedding_and_softmax=True,
        audio_blocks=4,
        audio_min_filters=32,
        audio_frequency="merge",
    )


@register_hparams
def transformer_tiny() -> TransformerHParams:
    """The Transformer at width 128, two layers each way.

    Source: T2T 1.15 transformer_tiny. Differs: a peak rate of 8.8e-4 after 400 steps, for runs of
    minutes. 14,393 target tokens a second on two cores (docs/performance.md).
    """
    return transformer_base().replace(
        hidden_size=128,
        filter_size=512,
        num_heads=4,
        encoder_layers=2,
        decoder_layers=2,
        batch_size=512,
        train_steps=6000,
        learning_rate=0.02,
        learning_rate_warmup_steps=400,
        audio_mel_bins=40,
        audio_blocks=3,
        class_exit_filters=(192, 256),
    )
