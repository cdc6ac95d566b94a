"""A block of GPT: attention and feed-forward network, each pre-norm, with biases everywhere."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from t2t_mm.layers.dropout import Dropout
from t2t_mm.layers.feed_forward import FeedForward
from t2t_mm.layers.normalization import LayerNorm
from t2t_mm.layers.prefix_attention import DEVIATION, PrefixAttention, PrefixMemory, normal
from t2t_mm.layers.seeds import fold_in
from t2t_mm.tensor import Shape, Size, Tensor


class GeluNetwork(FeedForward):
    """The network W2 GELU(W1 x + b1) + b2, with GELU's tanh form (GPT-2, model.py: mlp).

    Args:
      filter_size: hidden width.
      depth_scale: factor on W2's start, see `PrefixAttention`.
      seed: of the initial values.
    """

    def __init__(
        self, filter_size: int, depth_scale: float = 1.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(filter_size, **kwargs)
        self.depth_scale = depth_scale
        self.seed = seed

    def _kernel(self, name: str, fan_in: int, fan_out: int) -> Tensor:
        scale = self.depth_scale if name == "kernel_out" else 1.0
        return self.add_weight(
            (fan_in, fan_out), normal(DEVIATION * scale, self.seed, name), name=name
        )

    def activate(self, x: Tensor) -> Tensor:
        return ops.gelu(x, approximate=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "depth_scale": self.depth_scale, "seed": self.seed}


class GPTBlockMemory(NamedTuple):
    """Tensors that a block needs at every position."""

    attention: PrefixMemory
    feed_forward: list[Tensor]
    norms: list[tuple[Tensor, Tensor]]


class GPTBlock(keras.layers.Layer):
    """A pre-norm block: x + dropout(attention(LN(x))), then x + dropout(network(LN(x))).

    Args:
      filter_size: hidden width of the network.
      num_heads: of the attention.
      depth: blocks of the model; output kernels start smaller by 1 / sqrt(2 depth).
      dropout: on both branches.
      attention_dropout: on attention weights.
      seed_generator: the owner's random generator.
      seed: of the initial values.
    """

    def __init__(
        self,
        filter_size: int,
        num_heads: int,
        depth: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        seed_generator: keras.random.SeedGenerator | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filter_size = filter_size
        self.num_heads = num_heads
        self.depth = depth
        self.dropout_rate = dropout
        self.attention_dropout = attention_dropout
        self.seed = seed
        policy, scale = self.dtype_policy, (2 * depth) ** -0.5
        self.dropout = Dropout(dropout, seed_generator, name="dropout", dtype=policy)
        self.attention = PrefixAttention(
            num_heads,
            attention_dropout,
            seed_generator,
            scale,
            fold_in(seed, "attention"),
            name="attention",
            dtype=policy,
        )
        self.feed_forward = GeluNetwork(
            filter_size,
            scale,
            fold_in(seed, "feed_forward"),
            seed_generator=seed_generator,
            name="feed_forward",
            dtype=policy,
        )
        self.attention_norm = LayerNorm(1e-5, name="attention_norm", dtype=policy)
        self.feed_forward_norm = LayerNorm(1e-5, name="feed_forward_norm", dtype=policy)

    def build(self, input_shape: Shape) -> None:
        for layer in (
            self.attention, self.attention_norm, self.feed_forward, self.feed_forward_norm
        ):  # fmt: skip
            layer.build(input_shape)

    def call(
        self, x: Tensor, bias: Tensor, training: bool = False
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Maps x [B, L, D], bias [B or 1, 1, L, L] -> [B, L, D]; gives keys and values too."""
        branch, *memory = self.attention(self.attention_norm(x), bias, training=training)
        x = x + self.dropout(branch, training=training)
        branch = self.feed_forward(self.feed_forward_norm(x), training=training)
        return x + self.dropout(branch, training=training), tuple(memory)

    def start(
        self, x: Tensor, bias: Tensor, rows: Size, beams: int, length: Size
    ) -> tuple[Tensor, GPTBlockMemory, tuple[Tensor, Tensor]]:
        """Runs over a prefix x [B, S, D]; see `Body.start`.

        Returns:
          The block's output [B, S, D], and memory and state of what comes after the prefix.
        """
        x, prefix = self(x, bias)
        attention, state = self.attention.start_after(prefix, rows, beams, length)
        norms = [norm.prepare() for norm in (self.attention_norm, self.feed_forward_norm)]
        return x, GPTBlockMemory(attention, self.feed_forward.prepare(), norms), state

    def step(
        self,
        memory: GPTBlockMemory,
        state: tuple[Tensor, Tensor],
        x: Tensor,
        position: Tensor,
        biases: tuple[Tensor, Tensor],
        beams: int,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One position of every hypothesis, x [R, D]; see `PrefixAttention.step_after`."""
        first, last = memory.norms
        branch, state = self.attention.step_after(
            memory.attention, state, self.attention_norm.step(first, x), position, biases, beams
        )
        x = x + branch
        normal_x = self.feed_forward_norm.step(last, x)
        return x + self.feed_forward.step(memory.feed_forward, normal_x), state

    def get_config(self) -> dict[str, Any]:
        fields = ("filter_size", "num_heads", "depth", "attention_dropout", "seed")
        own = {field: getattr(self, field) for field in fields}
        return {**super().get_config(), **own, "dropout": self.dropout_rate}
