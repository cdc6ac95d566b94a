"""Multi-head dot-product attention: of a sequence on another one, and on itself."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from t2t_mm.layers.buffers import empty, put, read, split, take
from t2t_mm.layers.dropout import Dropout
from t2t_mm.layers.initializers import glorot_uniform
from t2t_mm.layers.pointwise import pointwise
from t2t_mm.layers.recording import record_attention
from t2t_mm.tensor import Shape, Size, Tensor, channels_of

# Subtracted from logits where attention must not look: enough for a weight of exactly 0, and a
# float16 number. It is subtracted, not added: of a product and an addition the graph optimizer
# makes one oneDNN call that takes 10 ms where the two take 0.1.
PENALTY = 3e4


def padding_bias(mask: Tensor) -> Tensor:
    """The bias [B, 1, 1, S] float32 to subtract from logits, of a mask [B, S], 1 = real."""
    return (PENALTY - PENALTY * ops.cast(mask, "float32"))[:, None, None, :]


def causal_bias(length: Size) -> Tensor:
    """The bias [1, 1, T, T] float32 that keeps the query at t from the keys after t."""
    positions = ops.arange(length)
    future = positions[None, :] > positions[:, None]
    return PENALTY * ops.cast(future, "float32")[None, None]


class SourceMemory(NamedTuple):
    """Tensors that attention on a source needs at every position.

    Attributes:
      query_kernel, output_kernel: [D, D].
      keys, values: [B, H, S, D / H]; the keys are scaled.
      order: see `HeadOrder`; None with one hypothesis per input.
    """

    query_kernel: Tensor
    output_kernel: Tensor
    keys: Tensor
    values: Tensor
    order: HeadOrder | None


class HeadOrder(NamedTuple):
    """The order that groups heads of K hypotheses by input: [B, K, H, d] <-> [B, H, K, d].

    Taking rows of d numbers takes a tenth of the time of TensorFlow's transposition on a CPU.

    Attributes:
      by_head: int32 [B * H * K].
      by_row: int32 [B * K * H].
    """

    by_head: Tensor
    by_row: Tensor

    @classmethod
    def of(cls, inputs: Size, beams: int, heads: int) -> HeadOrder | None:
        """The order of B inputs with K hypotheses and H heads."""
        if beams == 1:
            return None
        first = ops.arange(inputs, dtype="int32")[:, None, None] * (beams * heads)
        beam, head = ops.arange(beams, dtype="int32"), ops.arange(heads, dtype="int32")
        by_head = first + head[:, None] + beam * heads  # [B, H, K]
        by_row = first + beam[:, None] + head * beams  # [B, K, H]
        return cls(ops.reshape(by_head, (-1,)), ops.reshape(by_row, (-1,)))


class DotProductAttention(keras.layers.Layer):
    """Computes softmax(Q K^T / sqrt(D / H)) V per head; a subclass says what Q, K and V are of.

    Logits and softmax are float32 under every dtype policy.

    Args:
      num_heads: H; must divide the width.
      dropout: on the attention weights.
      seed_generator: the owner's random generator.
    """

    output_kernel: keras.Variable  # [D, D], from a subclass's `build`

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

    def _width(self, input_shape: Shape) -> int:
        """The width D; refuses one that the heads do not divide."""
        depth = channels_of(input_shape)
        if depth % self.num_heads:
            raise ValueError(f"{self.num_heads} heads do not divide a width of {depth}")
        return depth

    def _kernel(self, name: str, depth: int, parts: int) -> Tensor:
        return self.add_weight(
            shape=(depth, parts * depth), initializer=glorot_uniform(depth, depth), name=name
        )

    def attend(
        self, queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None, training: bool
    ) -> Tensor:
        """Attends with queries [B, H, T, d] to keys and values [B, H, S, d] -> [B, T, D]."""
        depth = self.num_heads * queries.shape[-1]
        queries = queries * (queries.shape[-1] ** -0.5)
        logits = ops.cast(inner_products(queries, keys), "float32")
        if bias is not None:
            logits = logits - ops.cast(bias, "float32")
        # Over one key every weight is 1, and Keras warns of a softmax over nothing.
        weights = ops.ones_like(logits) if logits.shape[-1] == 1 else ops.softmax(logits)
        record_attention(self, weights)
        weights = self.dropout(ops.cast(weights, values.dtype), training=training)
        context = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))  # [B, T, H, d]
        context = ops.reshape(context, (-1, ops.shape(context)[1], depth))  # [B, T, D]
        return pointwise(context, self.output_kernel)

    def _row_heads(self, x: Tensor, beams: int, order: HeadOrder | None) -> Tensor:
        """Groups rows [R, D] by input, which hypotheses share the keys of -> [B, H, K, D / H]."""
        head = x.shape[-1] // self.num_heads
        if order is not None:
            x = take(ops.reshape(x, (-1, head)), order.by_head)  # [B * H * K, D / H]
        return ops.reshape(x, (-1, self.num_heads, beams, head))

    def _context(
        self, queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor, order: HeadOrder | None
    ) -> Tensor:
        """Attends with scaled queries [B, H, K, d] to keys and values [B, H, S, d] -> [R, D]."""
        head = queries.shape[-1]
        logits = ops.cast(inner_products(queries, keys), "float32")
        weights = quick_softmax(logits - bias)
        context = ops.matmul(ops.cast(weights, values.dtype), values)
        if order is not None:
            context = take(ops.reshape(context, (-1, head)), order.by_row)  # [B * K * H, d]
        return ops.reshape(context, (-1, self.num_heads * head))

    def _heads(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """Splits x [B, L, parts * D] into `parts` tensors [B, H, L, D / H]."""
        head, length = x.shape[-1] // (parts * self.num_heads), ops.shape(x)[1]
        x = ops.reshape(x, (-1, length, parts, self.num_heads, head))  # [B, L, parts, H, d]
        x = ops.transpose(x, (2, 0, 3, 1, 4))  # [parts, B, H, L, d]
        return tuple(ops.unstack(x, parts))

    def compute_output_shape(self, input_shape: Shape, *_: Any) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "dropout": self.dropout_rate,
        }


class MultiHeadAttention(DotProductAttention):
    """Multi-head attention: queries from x, keys and values from a source.

    arXiv 1706.05137, section 2.2: the source goes through two pointwise convolutions to keys and
    values, here one [D, 2 D] product.

    Args:
      num_heads, dropout, seed_generator: as for `DotProductAttention`.
    """

    def build(self, input_shape: Shape) -> None:
        """Makes kernels for queries [D, D], keys and values [D, 2 D], the output [D, D]."""
        depth = self._width(input_shape)
        self.query_kernel = self._kernel("query_kernel", depth, 1)
        self.memory_kernel = self._kernel("memory_kernel", depth, 2)
        self.output_kernel = self._kernel("output_kernel", depth, 1)

    def queries(self, x: Tensor) -> Tensor:
        """Projects x [B, T, D] to queries [B, H, T, D / H]."""
        return self._heads(pointwise(x, self.query_kernel), 1)[0]

    def memory(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Projects a source [B, S, D] to keys and values, each [B, H, S, D / H]."""
        return self._heads(pointwise(source, self.memory_kernel), 2)

    def call(
        self, x: Tensor, source: Tensor, bias: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """Attends from x to source.

        Args:
          x: [B, T, D].
          source: [B, S, D].
          bias: [B or 1, 1, T or 1, S], subtracted from the logits; PENALTY where not
            to look.
          training: True drops weights.

        Returns:
          [B, T, D].
        """
        return self.attend(self.queries(x), *self.memory(source), bias, training)

    def start(self, source: Tensor, beams: int) -> SourceMemory:
        """Keys and values of the source [B, S, D], once for all positions and K hypotheses."""
        dtype = self.compute_dtype
        keys, values = self._heads(pointwise(source, read(self.memory_kernel, dtype)), 2)
        keys = keys * (keys.shape[-1] ** -0.5)
        kernels = read(self.query_kernel, dtype), read(self.output_kernel, dtype)
        order = HeadOrder.of(ops.shape(source)[0], beams, self.num_heads)
        return SourceMemory(*kernels, keys, values, order)

    def step(self, memory: SourceMemory, x: Tensor, bias: Tensor, beams: int) -> Tensor:
        """One position of every hypothesis.

        Args:
          memory: from `start`.
          x: [R, D], the K hypotheses of an input side by side.
          bias: [B, 1, 1, S], see `padding_bias`.
          beams: K.

        Returns:
          [R, D].
        """
        queries = self._row_heads(ops.matmul(x, memory.query_kernel), beams, memory.order)
        context = self._context(queries, memory.keys, memory.values, bias, memory.order)
        return ops.matmul(context, memory.output_kernel)


def inner_products(queries: Tensor, keys: Tensor) -> Tensor:
    """Multiplies queries [B, H, T, d] by keys [B, H, S, d] -> [B, H, T, S]."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.matmul(queries, keys, transpose_b=True)  # without two transpositions of the keys
    return ops.matmul(queries, ops.swapaxes(keys, -1, -2))  # by [B, H, d, S]


def quick_softmax(x: Tensor) -> Tensor:
    """Softmax of x [..., S]: for few numbers, in a tenth of the time of oneDNN's operation."""
    x = ops.exp(x - ops.max(x, axis=-1, keepdims=True))
    return x / ops.sum(x, axis=-1, keepdims=True)


class SelfMemory(NamedTuple):
    """Tensors that attention of a sequence on itself needs at every position.

    Attributes:
      joint_kernel, output_kernel: [D, 3 D], [D, D].
      first: int32 [B * K * H], where the heads of each hypothesis's first position are written.
      shape: of all keys and values, [B, H, length * K, D / H].
      order: see `HeadOrder`; None with one hypothesis per input.
    """

    joint_kernel: Tensor
    output_kernel: Tensor
    first: Tensor
    shape: tuple[int, ...] | Tensor
    order: HeadOrder | None


class SelfAttention(DotProductAttention):
    """Multi-head attention of a sequence on itself: one product makes queries, keys and values."""

    def build(self, input_shape: Shape) -> None:
        """Makes the joint kernel [D, 3 D] and that of the output [D, D]."""
        depth = self._width(input_shape)
        self.joint_kernel = self._kernel("joint_kernel", depth, 3)
        self.output_kernel = self._kernel("output_kernel", depth, 1)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Projects x [B, L, D] to queries, keys and values, each [B, H, L, D / H]."""
        return self._heads(pointwise(x, self.joint_kernel), 3)

    def call(self, x: Tensor, bias: Tensor | None = None, training: bool = False) -> Tensor:
        """Attends within x [B, L, D], with a bias [B or 1, 1, L or 1, L] -> [B, L, D]."""
        return self.attend(*self.project(x), bias, training)

    def start(
        self, rows: Size, beams: int, length: Size
    ) -> tuple[SelfMemory, tuple[Tensor, Tensor]]:
        """Memory, and the state: no keys and values yet.

        Args:
          rows: R = B * K.
          beams: K.
          length: positions at most.

        Returns:
          The state is keys and values, each [B * H * length * K, d]: a position's are written as
          they are and never move.
        """
        depth, heads = self.output_kernel.shape[0], self.num_heads
        inputs, head = rows // beams, depth // heads
        joint = read(self.joint_kernel, self.compute_dtype)
        output = read(self.output_kernel, self.compute_dtype)
        blocks = ops.reshape(ops.arange(inputs * heads, dtype="int32"), (inputs, 1, heads))
        beam = ops.arange(beams, dtype="int32")[:, None]
        first = ops.reshape(blocks * (length * beams) + beam, (-1,))  # [B, K, H], flat
        shape = (-1, heads, length * beams, head)
        shape = shape if isinstance(length, int) else ops.stack(shape)
        size = (inputs * heads * length * beams, head)
        state = tuple(empty(size, self.compute_dtype) for _ in range(2))
        order = HeadOrder.of(inputs, beams, heads)
        return SelfMemory(joint, output, first, shape, order), state

    def step(
        self,
        memory: SelfMemory,
        state: tuple[Tensor, Tensor],
        x: Tensor,
        position: Tensor,
        bias: Tensor,
        beams: int,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One position of every hypothesis.

        Args:
          memory, state: from `start`.
          x: [R, D].
          position: int32 scalar.
          bias: [B or 1, 1, K, seen * K], PENALTY where not to look: at positions to come, and
            at what is no part of a hypothesis's own past; no later position is looked at.
          beams: K.

        Returns:
          [R, D] and the next state.
        """
        joint = ops.matmul(x, memory.joint_kernel)
        seen = ops.shape(bias)[-1]
        queries, keys, values, state = self._write(memory, state, joint, position, seen, beams)
        context = self._context(queries, keys, values, bias, memory.order)
        return ops.matmul(context, memory.output_kernel), state

    def _write(
        self,
        memory: SelfMemory,
        state: tuple[Tensor, Tensor],
        joint: Tensor,
        position: Tensor,
        seen: Size,
        beams: int,
    ) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Writes a position's keys and values, joint [R, 3 D] with its queries.

        Returns:
          Scaled queries [B, H, K, d], keys and values [B, H, seen, d], the next state.
        """
        queries, *written = split(joint, [joint.shape[-1] // 3] * 3, 3, -1)  # [R, D] each
        head = queries.shape[-1] // self.num_heads
        queries = self._row_heads(queries * head**-0.5, beams, memory.order)
        entries = memory.first + position * beams
        state = tuple(
            put(buffer, entries, ops.reshape(new, (-1, head)))  # rows [R * H, d]
            for buffer, new in zip(state, written, strict=True)
        )
        keys, values = (ops.reshape(buffer, memory.shape)[:, :, :seen] for buffer in state)
        return queries, keys, values, state
