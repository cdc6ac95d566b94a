"""Multi-head dot-product attention: to oneself, to a memory, and MultiModel's attention block."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_mm.layers.conv import ConvBlock
from t2t_mm.layers.dropout import Dropout
from t2t_mm.layers.initialisers import uniform_fan
from t2t_mm.layers.normalisation import LayerNorm
from t2t_mm.layers.pointwise import pointwise
from t2t_mm.layers.recording import record_attention
from t2t_mm.layers.timing import add_timing

# What logits lose where not to look: enough for a weight of exactly 0, and a float16 number. It is
# subtracted, not added: of a product and an addition the graph optimiser makes one oneDNN call that
# takes 10 ms where the two take 0.1.
PENALTY = 3e4


def padding_penalty(mask: Any) -> Any:
    """mask [B, S], 1 = real -> [B, 1, 1, S] float32 to subtract from attention logits."""
    return (PENALTY - PENALTY * ops.cast(mask, "float32"))[:, None, None, :]


def causal_penalty(length: Any) -> Any:
    """[1, 1, T, T] float32 that keeps the query at t from the keys after t."""
    positions = ops.arange(length)
    future = positions[None, :] > positions[:, None]
    return PENALTY * ops.cast(future, "float32")[None, None]


class MultiHeadAttention(keras.layers.Layer):
    """Queries from x, keys and values from a memory: softmax(Q K^T / sqrt(D / H)) V per head.

    arXiv 1706.05137, section 2.2: the memory goes through two pointwise convolutions to keys and
    values, here one [D, 2 D] product. Logits and softmax are float32 under every dtype policy.

    Args:
      num_heads: H; must divide the width.
      dropout: on the attention weights.
      seed_generator: the owner's random generator.
    """

    def __init__(
        self,
        num_heads: int,
        dropout: float = 0.0,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout_rate = dropout
        self.dropout = Dropout(dropout, seed_generator, name="dropout", dtype=self.dtype_policy)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes kernels for queries [D, D], keys and values [D, 2 D], the output [D, D]."""
        depth = input_shape[-1]
        if depth % self.num_heads:
            raise ValueError(f"{self.num_heads} heads do not divide a width of {depth}")
        self.query_kernel = self._kernel("query_kernel", depth, 1)
        self.memory_kernel = self._kernel("memory_kernel", depth, 2)
        self.output_kernel = self._kernel("output_kernel", depth, 1)

    def _kernel(self, name: str, depth: int, parts: int) -> Any:
        return self.add_weight(
            shape=(depth, parts * depth), initializer=uniform_fan(depth, depth), name=name
        )

    def queries(self, x: Any) -> Any:
        """x [B, T, D] -> [B, H, T, D / H]."""
        return self._heads(pointwise(x, self.query_kernel), 1)[0]

    def memory(self, source: Any) -> tuple[Any, Any]:
        """source [B, S, D] -> keys and values, each [B, H, S, D / H]."""
        return self._heads(pointwise(source, self.memory_kernel), 2)

    def call(self, x: Any, source: Any, penalty: Any = None, training: bool = False) -> Any:
        """Attends from x to source.

        Args:
          x: [B, T, D].
          source: [B, S, D].
          penalty: [B or 1, 1, T or 1, S], subtracted from the logits; PENALTY where not
            to look.
          training: whether to drop weights.

        Returns:
          [B, T, D].
        """
        return self.attend(self.queries(x), *self.memory(source), penalty, training)

    def attend(self, queries: Any, keys: Any, values: Any, penalty: Any, training: bool) -> Any:
        """Queries [B, H, T, d], keys and values [B, H, S, d] -> [B, T, D]."""
        depth = self.num_heads * queries.shape[-1]
        queries = queries * (queries.shape[-1] ** -0.5)
        logits = ops.cast(_inner_products(queries, keys), "float32")
        if penalty is not None:
            logits = logits - ops.cast(penalty, "float32")
        weights = ops.softmax(logits)
        record_attention(self, weights)
        weights = self.dropout(ops.cast(weights, values.dtype), training=training)
        context = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))
        length = ops.shape(context)[1]
        return pointwise(ops.reshape(context, (-1, length, depth)), self.output_kernel)

    def _heads(self, x: Any, parts: int) -> tuple[Any, ...]:
        """[B, L, parts * D] -> `parts` times [B, H, L, D / H]."""
        head = x.shape[-1] // (parts * self.num_heads)
        x = ops.reshape(x, (-1, ops.shape(x)[1], parts, self.num_heads, head))
        x = ops.transpose(x, (2, 0, 3, 1, 4))
        return tuple(ops.unstack(x, parts))

    def compute_output_shape(self, input_shape: tuple[int | None, ...], *_: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "dropout": self.dropout_rate,
        }


def _inner_products(queries: Any, keys: Any) -> Any:
    """[B, H, T, d] and [B, H, S, d] -> [B, H, T, S]."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.matmul(queries, keys, transpose_b=True)  # without two transpositions of the keys
    return ops.matmul(queries, ops.swapaxes(keys, -1, -2))


class SelfAttention(MultiHeadAttention):
    """Multi-head attention of a sequence on itself: one product makes queries, keys and values."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the joint kernel [D, 3 D] and that of the output [D, D]."""
        depth = input_shape[-1]
        if depth % self.num_heads:
            raise ValueError(f"{self.num_heads} heads do not divide a width of {depth}")
        self.joint_kernel = self._kernel("joint_kernel", depth, 3)
        self.output_kernel = self._kernel("output_kernel", depth, 1)

    def project(self, x: Any) -> tuple[Any, Any, Any]:
        """x [B, L, D] -> queries, keys and values, each [B, H, L, D / H]."""
        return self._heads(pointwise(x, self.joint_kernel), 3)

    def call(self, x: Any, penalty: Any = None, training: bool = False) -> Any:
        """x [B, L, D], penalty [B or 1, 1, L or 1, L] -> [B, L, D]."""
        return self.attend(*self.project(x), penalty, training)


class AttentionBlock(keras.layers.Layer):
    """MultiModel's attention block of a target over a source (arXiv 1706.05137, section 2.2).

    The target plus the timing signal goes through two causal ConvBlocks and a causal self-
    attention, which give the queries; the source gives keys and values.

    A deviation: the self-attention is joined to its input by a residual and a layer normalisation.
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

    def build(self, input_shape: tuple[int | None, ...], *_: Any) -> None:
        for layer in (*self.blocks, self.self_attention, self.norm, self.source_attention):
            layer.build(input_shape)

    def call(
        self,
        target: Any,
        source: Any,
        source_penalty: Any,
        target_penalty: Any,
        training: bool = False,
    ) -> Any:
        """Attends from the target to the source.

        Args:
          target: [B, T, D].
          source: [B, S, D].
          source_penalty: [B, 1, 1, S], from `padding_penalty`.
          target_penalty: [1, 1, T, T], from `causal_penalty`.
          training: whether to drop.

        Returns:
          [B, T, D]; position t depends on the target up to t alone.
        """
        h = add_timing(target)
        for block in self.blocks:
            h = block(h, training=training)
        h = self.norm(h + self.self_attention(h, target_penalty, training=training))
        return self.source_attention(h, source, source_penalty, training=training)

    def compute_output_shape(self, input_shape: tuple[int | None, ...], *_: Any) -> Any:
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
