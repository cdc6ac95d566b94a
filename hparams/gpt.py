"""Hparams sets of GPT (GPT-2's sizes; recipe of nanoGPT)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from t2t_mm.hparam import HParams, undivided
from t2t_mm.registry import register_hparams
from t2t_mm.value_range import Count, Count0, Positive


@dataclass(frozen=True)
class GPTHParams(HParams):
    """The hparams of GPT's body besides the common fields."""

    filter_size: Count = 3072  # hidden units of the feed-forward networks, 4 hidden_size in GPT
    num_heads: Count = 12  # attention heads
    num_hidden_layers: Count = 12  # blocks
    context_length: Count0 = 0  # positions of inputs and outputs; 0: twice the longest allowed side
    bidirectional_prefix: bool = False  # inputs see one another both ways; GPT: backwards alone
    # factor on embeddings, which the text modality gives as N(0, 1)
    embedding_scale: Positive = 0.02

    def misfits(self) -> Iterator[str]:
        yield from undivided(self, "num_heads")


@register_hparams
def gpt2_small() -> GPTHParams:
    """GPT-2 small: width 768, 12 blocks, context 1024, 124 M parameters with 50,257 tokens.

    Source: openai/gpt-2; AdamW (0.9, 0.95), decay 0.1 on matrices, peak rate 6e-4, cosine, clip 1,
    no dropout: nanoGPT's train_gpt2. Differs: the cosine falls to 0, not to a tenth; the positions
    are decayed too, as matrices. Not trained by us.
    """
    return GPTHParams(
        hidden_size=768,
        context_length=1024,
        max_length=1023,
        eval_max_length=1023,
        batch_size=491_520,
        train_steps=600_000,
        optimizer="adam",
        learning_rate=6e-4,
        learning_rate_schedule="cosine",
        learning_rate_warmup_steps=2000,
        learning_rate_decay_steps=600_000,
        adam_beta1=0.9,
        adam_beta2=0.95,
        adam_epsilon=1e-8,
        weight_decay=0.1,
        clip_norm=1.0,
        dropout=0.0,
        attention_dropout=0.0,
        label_smoothing=0.0,
        shared_embedding_and_softmax=True,
    )


@register_hparams
def gpt2_medium() -> GPTHParams:
    """GPT-2 medium: width 1024, 24 blocks, 355 M parameters. As gpt2_small, peak rate 3e-4."""
    return gpt2_small().replace(
        hidden_size=1024, filter_size=4096, num_heads=16, num_hidden_layers=24, learning_rate=3e-4
    )


@register_hparams
def gpt_tiny() -> GPTHParams:
    """GPT at width 128, four blocks: minutes on a laptop.

    Source: nanoGPT's small character model (4 blocks, 4 heads, 128 wide). Differs: a peak rate of
    1e-3 over the run's own length.

    Command: t2t-trainer --problems=translate_ende_shapes --model=gpt --hparams_set=gpt_tiny
    --generate_data --train_steps=500. Hardware and time: two busy CPU cores, 3 minutes. Reached,
    on the test split: 100 % exact (beam 4).
    """
    return gpt2_small().replace(
        hidden_size=128,
        filter_size=512,
        num_heads=4,
        num_hidden_layers=4,
        context_length=0,
        max_length=256,
        eval_max_length=256,
        batch_size=512,
        train_steps=4000,
        learning_rate=1e-3,
        learning_rate_warmup_steps=100,
        learning_rate_decay_steps=0,
        adam_beta2=0.99,
        audio_mel_bins=40,
        audio_blocks=3,
        audio_min_filters=32,
        audio_frequency="merge",
    )
