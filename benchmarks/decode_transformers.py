"""Hugging Face's generate at the sizes and lengths of decode.py, for comparison on one machine.

    pip install torch transformers sentencepiece    # in an environment of its own
    python benchmarks/decode_transformers.py

Marian models of random weights, 16 sentences of 32 tokens, 8,192 pieces, 32 output tokens, as
PyTorch runs them by default.
"""

from __future__ import annotations

import statistics
import time

import torch
from transformers import MarianConfig, MarianMTModel

BATCH, LENGTH, SECONDS = 16, 32, 5.0
SIZES = {"tiny": (128, 2, 4, 512), "base": (512, 6, 8, 2048)}  # width, layers, heads, filter


def random_model(width: int, layers: int, heads: int, hidden: int) -> MarianMTModel:
    """A model that never ends by itself: see `tokens_a_second`."""
    config = MarianConfig(
        vocab_size=8192,
        max_position_embeddings=64,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=hidden,
        decoder_ffn_dim=hidden,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
        forced_eos_token_id=None,
    )
    return MarianMTModel(config).eval()


def tokens_a_second(model: MarianMTModel, beams: int) -> float:
    """Output tokens a second: the median of whole calls, after a first one."""
    ids = torch.randint(3, 8192, (BATCH, LENGTH))

    def call() -> torch.Tensor:
        return model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            num_beams=beams,
            do_sample=False,
            min_new_tokens=LENGTH,
            max_new_tokens=LENGTH,
        )

    assert call().shape == (BATCH, LENGTH + 1)
    times, end = [], time.perf_counter() + SECONDS
    while time.perf_counter() < end or not times:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return BATCH * LENGTH / statistics.median(times)


def main() -> None:
    """Prints a row per size and search."""
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    for name, size in SIZES.items():
        model = random_model(*size)
        for beams in (1, 4):
            print(
                f"{name:5} beam {beams} {tokens_a_second(model, beams):9.0f} tokens/s", flush=True
            )


if __name__ == "__main__":
    main()
