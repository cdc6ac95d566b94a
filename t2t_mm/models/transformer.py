"""The Transformer's body: the baseline that MultiModel is compared with (arXiv 1706.03762)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import keras
from keras import ops

from t2t_mm.layers.ancestry import past_bias, start_ancestry, write_ancestry
from t2t_mm.layers.attention import (
    MultiHeadAttention,
    SelfAttention,
    SelfMemory,
    SourceMemory,
    causal_bias,
    padding_bias,
)
from t2t_mm.layers.buffers import take
from t2t_mm.layers.dropout import Dropout
from t2t_mm.layers.feed_forward import FeedForward
from t2t_mm.layers.normalization import LayerNorm
from t2t_mm.layers.rep import Encoded, Rep
from t2t_mm.layers.timing import add_timing, timing_signal
from t2t_mm.models.body import Body
from t2t_mm.tensor import Shape, Size, State, Tensor

FIELDS = (
    "hidden_size",
    "filter_size",
    "num_heads",
    "encoder_layers",
    "decoder_layers",
    "dropout",
    "attention_dropout",
)


class TransformerMemory(NamedTuple):
    """Tensors that all positions of a batch's outputs share.

    Attributes:
      beams: hypotheses of each input, K.
      timing: [length, D].
      bias: [B, 1, 1, S], of padding.
      layers: of each layer of the decoder.
      norm: weights of the last normalization.
    """

    beams: int
    timing: Tensor
    bias: Tensor
    layers: list[LayerMemory]
    norm: tuple[Tensor, Tensor]


class LayerMemory(NamedTuple):
    """Tensors that a decoder's layer needs at every position: of its branches, and their norms."""

    own: SelfMemory
    source: SourceMemory
    feed_forward: list[Tensor]
    norms: list[tuple[Tensor, Tensor]]


class Transformer(Body):
    """Encoder and decoder of pre-norm layers: x + dropout(f(LN(x))), and an LN after the last.

    Pre-norm is Tensor2Tensor's transformer_base_v2 (layer_preprocess n, layer_postprocess da). The
    paper's own post-norm needs a longer warm-up.

    Args:
      hidden_size: D.
      filter_size: hidden width of the feed-forward networks.
      num_heads: heads of every attention.
      encoder_layers, decoder_layers: the numbers of layers.
      dropout: after the timing signal, inside the feed-forward networks and on every branch.
      attention_dropout: on attention weights.
      seed_generator: the one source of randomness.
    """

    hparam_fields: ClassVar[tuple[str, ...]] = FIELDS

    def __init__(
        self,
        hidden_size: int = 512,
        filter_size: int = 2048,
        num_heads: int = 8,
        encoder_layers: int = 6,
        decoder_layers: int = 6,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(hidden_size, seed_generator, **kwargs)
        self.filter_size = filter_size
        self.num_heads = num_heads
        self.encoder_layers = encoder_layers
        self.decoder_layers = decoder_layers
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.embedding_dropout = Dropout(
            dropout, self.seed_generator, name="embedding_dropout", dtype=self.dtype_policy
        )
        layer = {
            "filter_size": filter_size,
            "num_heads": num_heads,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "seed_generator": self.seed_generator,
            "dtype": self.dtype_policy,
        }
        self.encoder = [
            TransformerLayer(reads_memory=False, name=f"encoder_{i}", **layer)
            for i in range(encoder_layers)
        ]
        self.decoder = [
            TransformerLayer(reads_memory=True, name=f"decoder_{i}", **layer)
            for i in range(decoder_layers)
        ]
        self.encoder_norm = LayerNorm(name="encoder_norm", dtype=self.dtype_policy)
        self.decoder_norm = LayerNorm(name="decoder_norm", dtype=self.dtype_policy)

    @classmethod
    def from_hparams(cls, hparams: Any, seed_generator: keras.random.SeedGenerator) -> Transformer:
        """Makes the body that a TransformerHParams describes."""
        return cls(
            **{field: getattr(hparams, field) for field in FIELDS}, seed_generator=seed_generator
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{field: getattr(self, field) for field in FIELDS}}

    def build(self, input_shape: Shape | None = None) -> None:
        blocks = (*self.encoder, *self.decoder)
        layers: list[keras.layers.Layer] = [*blocks, self.encoder_norm, self.decoder_norm]
        for layer in layers:
            layer.build((None, None, self.hidden_size))

    def encode(self, rep: Rep, training: bool = False) -> Encoded:
        x = self._enter(rep.x, training)
        bias = padding_bias(rep.mask)
        for layer in self.encoder:
            x = layer(x, bias, training=training)
        x = self.encoder_norm(x)
        x = x * ops.cast(rep.mask, x.dtype)[:, :, None]
        return Encoded(Rep(x, rep.mask, rep.grid), ops.zeros((), "float32"))

    def stages(self) -> Mapping[str, Sequence[keras.layers.Layer]]:
        return {
            "encoder": [*self.encoder, self.encoder_norm],
            "decoder": [*self.decoder, self.decoder_norm],
        }

    def decode(
        self, encoded: Encoded, shifted: Tensor, mask: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        x = self._enter(shifted, training)
        bias = causal_bias(ops.shape(shifted)[1])
        memory_bias = padding_bias(encoded.rep.mask)
        for layer in self.decoder:
            x = layer(x, bias, encoded.rep.x, memory_bias, training=training)
        return self.decoder_norm(x), ops.zeros((), "float32")

    def _enter(self, x: Tensor, training: bool) -> Tensor:
        x = add_timing(ops.cast(x, self.compute_dtype))
        return self.embedding_dropout(x, training=training)

    def start(
        self, encoded: Encoded, beams: int, length: Size
    ) -> tuple[TransformerMemory, dict[str, State]]:
        """See `Body.start`. The state: keys and values of each layer, and the ancestry."""
        source = ops.cast(encoded.rep.x, self.compute_dtype)
        rows = ops.shape(source)[0] * beams
        started = [layer.start(source, rows, beams, length) for layer in self.decoder]
        timing = ops.cast(timing_signal(length, self.hidden_size), self.compute_dtype)
        memory = TransformerMemory(
            beams,
            timing,
            padding_bias(encoded.rep.mask),
            [layer for layer, _ in started],
            self.decoder_norm.prepare(),
        )
        state = {"layers": [buffers for _, buffers in started]}
        if beams > 1:
            state["ancestry"] = start_ancestry(rows, length)
        return memory, state

    def step(
        self, memory: TransformerMemory, state: dict[str, State], x: Tensor, position: Tensor
    ) -> tuple[Tensor, dict[str, State]]:
        x, state = ops.cast(x, self.compute_dtype) + take(memory.timing, position), dict(state)
        if memory.beams > 1:
            state["ancestry"] = write_ancestry(state["ancestry"], position)
        length = ops.shape(memory.timing)[0]
        own = past_bias(state.get("ancestry"), position, length, memory.beams)
        buffers = []
        for layer, part, before in zip(self.decoder, memory.layers, state["layers"], strict=True):
            x, after = layer.step(part, before, x, position, (own, memory.bias), memory.beams)
            buffers.append(after)
        return self.decoder_norm.step(memory.norm, x), {**state, "layers": buffers}

    def reorder(self, state: dict[str, State], rows: Tensor) -> dict[str, State]:
        """The ancestry alone moves; with one hypothesis per input there is nothing to exchange."""
        if "ancestry" not in state:
            return state
        return {**state, "ancestry": take(state["ancestry"], rows)}


class TransformerLayer(keras.layers.Layer):
    """Self-attention, attention on a memory (in a decoder) and feed-forward network, each pre-norm.

    Args:
      filter_size, num_heads, dropout, attention_dropout, seed_generator: as for Transformer.
      reads_memory: True for a decoder's layer.
    """

    def __init__(
        self,
        filter_size: int,
        num_heads: int,
        reads_memory: bool,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filter_size = filter_size
        self.num_heads = num_heads
        self.reads_memory = reads_memory
        self.dropout_rate = dropout
        self.attention_dropout = attention_dropout
        policy = self.dtype_policy
        self.dropout = Dropout(dropout, seed_generator, name="dropout", dtype=policy)
        attention = (num_heads, attention_dropout, seed_generator)
        self.self_attention = SelfAttention(*attention, name="self", dtype=policy)
        self.self_norm = LayerNorm(name="self_norm", dtype=policy)
        if reads_memory:
            self.memory_attention = MultiHeadAttention(*attention, name="memory", dtype=policy)
            self.memory_norm = LayerNorm(name="memory_norm", dtype=policy)
        self.feed_forward = FeedForward(
            filter_size, dropout, seed_generator, name="feed_forward", dtype=policy
        )
        self.feed_forward_norm = LayerNorm(name="feed_forward_norm", dtype=policy)

    def build(self, input_shape: Shape, *_: Any) -> None:
        layers: list[keras.layers.Layer] = [self.self_attention, self.self_norm]
        layers += [self.feed_forward, self.feed_forward_norm]
        if self.reads_memory:
            layers += [self.memory_attention, self.memory_norm]
        for layer in layers:
            layer.build(input_shape)

    def call(
        self,
        x: Tensor,
        bias: Tensor,
        memory: Tensor | None = None,
        memory_bias: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        """One layer.

        Args:
          x: [B, T, D].
          bias: [B or 1, 1, T or 1, T], for the self-attention.
          memory: [B, S, D], in a decoder.
          memory_bias: [B, 1, 1, S].
          training: True turns dropout on.

        Returns:
          [B, T, D].
        """
        branch = self.self_attention(self.self_norm(x), bias, training=training)
        x = x + self.dropout(branch, training=training)
        if self.reads_memory:
            normal = self.memory_norm(x)
            branch = self.memory_attention(normal, memory, memory_bias, training=training)
            x = x + self.dropout(branch, training=training)
        branch = self.feed_forward(self.feed_forward_norm(x), training=training)
        return x + self.dropout(branch, training=training)

    def start(
        self, source: Tensor, rows: Size, beams: int, length: Size
    ) -> tuple[LayerMemory, tuple[Tensor, Tensor]]:
        """Memory and state of a decoder's layer over a source [B, S, D]; see `Body.start`."""
        own, state = self.self_attention.start(rows, beams, length)
        norms = [self.self_norm, self.memory_norm, self.feed_forward_norm]
        memory = LayerMemory(
            own,
            self.memory_attention.start(source, beams),
            self.feed_forward.prepare(),
            [norm.prepare() for norm in norms],
        )
        return memory, state

    def step(
        self,
        memory: LayerMemory,
        state: tuple[Tensor, Tensor],
        x: Tensor,
        position: Tensor,
        biases: tuple[Tensor, Tensor],
        beams: int,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One position of every hypothesis in a decoder.

        Args:
          memory, state: from `start`.
          x: [R, D].
          position: int32 scalar.
          biases: of earlier positions (see `SelfAttention.step`) and of padding [B, 1, 1, S].
          beams: K.

        Returns:
          [R, D] and the next state.
        """
        own, source, last = memory.norms
        branch, state = self.self_attention.step(
            memory.own, state, self.self_norm.step(own, x), position, biases[0], beams
        )
        x = x + branch
        normal = self.memory_norm.step(source, x)
        x = x + self.memory_attention.step(memory.source, normal, biases[1], beams)
        normal = self.feed_forward_norm.step(last, x)
        return x + self.feed_forward.step(memory.feed_forward, normal), state

    def compute_output_shape(self, input_shape: Shape, *_: Any) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filter_size": self.filter_size,
            "num_heads": self.num_heads,
            "reads_memory": self.reads_memory,
            "dropout": self.dropout_rate,
            "attention_dropout": self.attention_dropout,
        }
