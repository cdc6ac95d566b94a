"""MultiModel's attention block: earlier outputs, through convolutions, look at the inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from t2t_mm.layers.attention import MultiHeadAttention, SelfAttention, SelfMemory, SourceMemory
from t2t_mm.layers.buffers import take
from t2t_mm.layers.conv import ConvBlock, ConvStep
from t2t_mm.layers.normalization import LayerNorm
from t2t_mm.layers.timing import add_timing, timing_signal
from t2t_mm.tensor import Shape, Size, Tensor


class BlockMemory(NamedTuple):
    """Tensors that an attention block needs at every position.

    Attributes:
      timing: [length, D].
      own, source: of the two attentions.
      norm: the normalization's weights.
    """

    timing: Tensor
    own: SelfMemory
    norm: tuple[Tensor, Tensor]
    source: SourceMemory


class AttentionBlock(keras.layers.Layer):
    """MultiModel's attention block of a target over a source (arXiv 1706.05137, section 2.2).

    The target plus the timing signal goes through two causal ConvBlocks and a causal self-
    attention, which give the queries; the source gives keys and values.

    A deviation: the self-attention is joined to its input by a residual and a layer normalization.
    Alone, it would average the convolutions' outputs away.

    Args:
      num_heads: heads of both attentions.
      short_kernel, long_kernel, dilation, dropout: of the ConvBlocks.
      attention_dropout: on the attention weights.
      seed_generator: the owner's random generator.
    """

    def __init__(
        self,
        num_heads: int,
        short_kernel: int = 3,
        long_kernel: int = 15,
        dilation: int = 8,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.short_kernel = short_kernel
        self.long_kernel = long_kernel
        self.dilation = dilation
        self.dropout_rate = dropout
        self.attention_dropout = attention_dropout
        self.blocks = [
            ConvBlock(
                short_kernel,
                long_kernel,
                dilation,
                "causal",
                dropout,
                seed_generator,
                name=f"block_{index}",
                dtype=self.dtype_policy,
            )
            for index in (1, 2)
        ]
        attention = (num_heads, attention_dropout, seed_generator)
        self.self_attention = SelfAttention(*attention, name="self", dtype=self.dtype_policy)
        self.norm = LayerNorm(name="norm", dtype=self.dtype_policy)
        self.source_attention = MultiHeadAttention(
            *attention, name="source", dtype=self.dtype_policy
        )

    def build(self, input_shape: Shape, *_: Any) -> None:
        rest = (self.self_attention, self.norm, self.source_attention)
        layers: list[keras.layers.Layer] = [*self.blocks, *rest]
        for layer in layers:
            layer.build(input_shape)

    def call(
        self,
        target: Tensor,
        source: Tensor,
        source_penalty: Tensor,
        target_penalty: Tensor,
        training: bool = False,
    ) -> Tensor:
        """Attends from the target to the source.

        Args:
          target: [B, T, D].
          source: [B, S, D].
          source_penalty: [B, 1, 1, S], from `padding_bias`.
          target_penalty: [1, 1, T, T], from `causal_bias`.
          training: True turns dropout on.

        Returns:
          [B, T, D]; position t depends on the target up to t alone.
        """
        h = add_timing(target)
        for block in self.blocks:
            h = block(h, training=training)
        h = self.norm(h + self.self_attention(h, target_penalty, training=training))
        return self.source_attention(h, source, source_penalty, training=training)

    def start(
        self, source: Tensor, beams: int, length: Size
    ) -> tuple[BlockMemory, tuple[Tensor, Tensor]]:
        """Memory and state for `step`, without those of the ConvSteps.

        Args:
          source: [B, S, D].
          beams: hypotheses of each input, K.
          length: positions at most.
        """
        rows = ops.shape(source)[0] * beams
        own, state = self.self_attention.start(rows, beams, length)
        timing = ops.cast(timing_signal(length, source.shape[-1]), self.compute_dtype)
        memory = BlockMemory(
            timing, own, self.norm.prepare(), self.source_attention.start(source, beams)
        )
        return memory, state

    def step(
        self,
        memory: BlockMemory,
        state: tuple[Tensor, Tensor],
        target: Tensor,
        position: Tensor,
        at: Callable[[ConvStep, Tensor], Tensor],
        biases: tuple[Tensor, Tensor],
        beams: int,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One position of every hypothesis.

        Args:
          memory, state: from `start`.
          target: [R, D].
          position: int32 scalar.
          at: gives a ConvStep's output at this position (`CausalConvs.at`).
          biases: of the source [B, 1, 1, S] and of earlier positions, see `SelfAttention.step`.
          beams: K.

        Returns:
          [R, D] and the next state.
        """
        h = target + take(memory.timing, position)
        for block in self.blocks:
            h = block.step(at, h)
        own, state = self.self_attention.step(memory.own, state, h, position, biases[1], beams)
        h = self.norm.step(memory.norm, h + own)
        return self.source_attention.step(memory.source, h, biases[0], beams), state

    def compute_output_shape(self, input_shape: Shape, *_: Any) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "short_kernel": self.short_kernel,
            "long_kernel": self.long_kernel,
            "dilation": self.dilation,
            "dropout": self.dropout_rate,
            "attention_dropout": self.attention_dropout,
        }
