"""Hparams sets of the Transformer (arXiv 1706.03762), the task-specific baseline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from t2t_mm.hparam import HParams, undivided
from t2t_mm.registry import register_hparams
from t2t_mm.value_range import Count, Count0


@dataclass(frozen=True)
class TransformerHParams(HParams):
    """The hparams of the Transformer's body besides the common fields."""

    filter_size: Count = 2048  # hidden units of the feed-forward network
    num_heads: Count = 8  # attention heads
    encoder_layers: Count0 = 6
    decoder_layers: Count0 = 6

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


@register_hparams
def transformer_base_v1() -> TransformerHParams:
    """T2T's first transformer_base: 4000 steps of warm-up, no dropout of attention.

    Source: T2T 1.15 transformer_base_v1. Differs: pre-norm, as every Transformer here. Not trained
    by us.
    """
    return transformer_base().replace(attention_dropout=0.0, learning_rate_warmup_steps=4000)


@register_hparams
def transformer_base_v2() -> TransformerHParams:
    """transformer_base with the double rate.

    Source: T2T 1.15 transformer_base_v2. Not trained by us.
    """
    return transformer_base().replace(learning_rate=0.2)


@register_hparams
def transformer_base_v3() -> TransformerHParams:
    """transformer_base with T2T's later schedule and Adam's beta2 of 0.997.

    Source: T2T 1.15 transformer_base_v3, there also called transformer_base. Not trained by us.
    """
    return transformer_base_v2().replace(
        adam_beta2=0.997,
        learning_rate_schedule="constant*linear_warmup*rsqrt_decay*rsqrt_hidden_size",
        learning_rate_constant=2.0,
    )


@register_hparams
def transformer_base_single_gpu() -> TransformerHParams:
    """transformer_base_v3 for one GPU: a batch of 1024 tokens, a lower rate, a longer warm-up.

    Source: T2T 1.15 transformer_base_single_gpu. Not trained by us.
    """
    return transformer_base_v3().replace(
        batch_size=1024,
        learning_rate_schedule="constant*linear_warmup*rsqrt_decay",
        learning_rate_constant=0.1,
        learning_rate_warmup_steps=16_000,
    )


@register_hparams
def transformer_big() -> TransformerHParams:
    """The Transformer at width 1024 with 16 heads.

    Source: T2T 1.15 transformer_big (arXiv 1706.03762 table 3 "big"). Differs: dropout of 0.3 acts
    wherever the hparam `dropout` does. Not trained by us.
    """
    return transformer_base_v3().replace(
        hidden_size=1024, filter_size=4096, num_heads=16, batch_size=2048, dropout=0.3
    )


@register_hparams
def transformer_big_single_gpu() -> TransformerHParams:
    """transformer_big for one GPU: less dropout and a longer warm-up.

    Source: T2T 1.15 transformer_big_single_gpu. Not trained by us.
    """
    return transformer_big().replace(dropout=0.1, learning_rate_warmup_steps=16_000)


@register_hparams
def transformer_small() -> TransformerHParams:
    """The Transformer at width 256, two layers each way.

    Source: T2T 1.15 transformer_small. Not trained by us.
    """
    return transformer_base_v3().replace(
        hidden_size=256, filter_size=1024, num_heads=4, encoder_layers=2, decoder_layers=2
    )
