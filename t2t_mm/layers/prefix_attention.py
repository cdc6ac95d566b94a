"""GPT's attention with biases; cached, it looks at a prefix and at what was written since."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from t2t_mm.layers.attention import SelfAttention, SelfMemory, inner_products, quick_softmax
from t2t_mm.layers.buffers import read, take
from t2t_mm.layers.pointwise import pointwise
from t2t_mm.layers.seeds import fold_in
from t2t_mm.tensor import Shape, Size, Tensor, channels_of

DEVIATION = 0.02  # of all kernels of GPT-2 at the start


class PrefixMemory(NamedTuple):
    """Tensors that attention on a prefix and on a sequence's own past needs at every position.

    Attributes:
      own: for the past.
      joint_bias, output_bias: [3 D], [D].
      keys, values: of the prefix, [B, H, S, D / H]; one set for all hypotheses of an input.
    """

    own: SelfMemory
    joint_bias: Tensor
    output_bias: Tensor
    keys: Tensor
    values: Tensor


class PrefixAttention(SelfAttention):
    """Self-attention with biases on queries, keys, values and output (GPT-2, model.py: attn).

    Args:
      num_heads, dropout, seed_generator: as for `SelfAttention`.
      depth_scale: factor on the output kernel's start: 1 / sqrt(2 layers), so that a sum over
        residual branches starts no larger with more layers.
      seed: of the initial values.
    """

    def __init__(
        self,
        num_heads: int,
        dropout: float = 0.0,
        seed_generator: keras.random.SeedGenerator | None = None,
        depth_scale: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_heads, dropout, seed_generator, **kwargs)
        self.depth_scale = depth_scale
        self.seed = seed

    def build(self, input_shape: Shape) -> None:
        """Makes the joint kernel [D, 3 D], that of the output [D, D], and their biases."""
        super().build(input_shape)
        depth = channels_of(input_shape)
        self.joint_bias = self.add_weight((3 * depth,), "zeros", name="joint_bias")
        self.output_bias = self.add_weight((depth,), "zeros", name="output_bias")

    def _kernel(self, name: str, depth: int, parts: int) -> Tensor:
        scale = self.depth_scale if name == "output_kernel" else 1.0
        return self.add_weight(
            (depth, parts * depth), normal(DEVIATION * scale, self.seed, name), name=name
        )

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self._heads(pointwise(x, self.joint_kernel) + self.joint_bias, 3)

    def call(
        self, x: Tensor, bias: Tensor | None = None, training: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Attends within x [B, L, D], with a bias [B or 1, 1, L or 1, L] -> [B, L, D].

        With it the keys and values [B, H, L, D / H], which `start_after` takes.
        """
        queries, keys, values = self.project(x)
        return self.attend(queries, keys, values, bias, training) + self.output_bias, keys, values

    def start_after(
        self, prefix: tuple[Tensor, Tensor], rows: Size, beams: int, length: Size
    ) -> tuple[PrefixMemory, tuple[Tensor, Tensor]]:
        """Memory and state after a prefix, whose keys and values `call` gave.

        Args:
          prefix: keys and values, each [B, H, S, D / H].
          rows: R = B * K.
          beams: K.
          length: positions at most after the prefix.
        """
        own, state = self.start(rows, beams, length)
        joint, output = (read(b, self.compute_dtype) for b in (self.joint_bias, self.output_bias))
        keys, values = prefix
        return PrefixMemory(own, joint, output, keys, values), state

    def step_after(
        self,
        memory: PrefixMemory,
        state: tuple[Tensor, Tensor],
        x: Tensor,
        position: Tensor,
        biases: tuple[Tensor, Tensor],
        beams: int,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One position of every hypothesis.

        Args:
          memory, state: from `start_after`.
          x: [R, D].
          position: int32 scalar, 0 for the first one after the prefix.
          biases: of earlier positions (see `SelfAttention.step`) and of the prefix's padding
            [B, 1, 1, S].
          beams: K.

        Returns:
          [R, D] and the next state.
        """
        own, padding = biases
        joint = ops.matmul(x, memory.own.joint_kernel) + memory.joint_bias
        seen = ops.shape(own)[-1]
        queries, keys, values, state = self._write(memory.own, state, joint, position, seen, beams)
        logits = [
            ops.cast(inner_products(queries, memory.keys), "float32") - padding,
            ops.cast(inner_products(queries, keys), "float32") - own,
        ]
        # One softmax over both; keys and values themselves are not joined: that would copy them.
        both = ops.concatenate(logits, axis=-1)  # [B, H, K, S + seen]
        weights = ops.cast(quick_softmax(both), values.dtype)
        size = ops.shape(memory.keys)[2]
        context = ops.matmul(weights[..., :size], memory.values)
        context = context + ops.matmul(weights[..., size:], values)  # [B, H, K, d]
        head = context.shape[-1]
        if memory.own.order is not None:
            context = ops.reshape(context, (-1, head))  # [B * H * K, d]
            context = take(context, memory.own.order.by_row)  # [B * K * H, d]
        context = ops.reshape(context, (-1, self.num_heads * head))  # [R, D]
        return ops.matmul(context, memory.own.output_kernel) + memory.output_bias, state

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "depth_scale": self.depth_scale, "seed": self.seed}


def normal(deviation: float, seed: int | None, name: str) -> keras.initializers.Initializer:
    """A normal start of what is called `name` in something seeded with `seed`."""
    return keras.initializers.RandomNormal(0.0, deviation, fold_in(seed, name))
