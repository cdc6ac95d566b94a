"""GPT: a decoder alone, which reads inputs as the beginning of what it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
from keras import ops

from t2t_mm.errors import HParamError
from t2t_mm.layers.ancestry import past_bias, start_ancestry, write_ancestry
from t2t_mm.layers.attention import PENALTY, padding_bias
from t2t_mm.layers.buffers import take
from t2t_mm.layers.dropout import Dropout
from t2t_mm.layers.gpt_block import GPTBlock, GPTBlockMemory
from t2t_mm.layers.learned_positions import LearnedPositions
from t2t_mm.layers.normalization import LayerNorm
from t2t_mm.layers.recording import record_attention, recording
from t2t_mm.layers.rep import Encoded, Rep
from t2t_mm.layers.seeds import fold_in
from t2t_mm.models.body import Body
from t2t_mm.tensor import Shape, Size, State, Tensor

if TYPE_CHECKING:
    from t2t_mm.problem import Task

FIELDS = (
    "hidden_size",
    "filter_size",
    "num_heads",
    "num_hidden_layers",
    "context_length",
    "dropout",
    "attention_dropout",
    "bidirectional_prefix",
    "embedding_scale",
)


class GPTMemory(NamedTuple):
    """Tensors that all positions of a batch's outputs share.

    Attributes:
      beams: hypotheses of each input, K.
      length: positions at most after the prefix.
      lengths: int32 [B], real positions of the prefixes.
      positions: [context_length, D], the table.
      bias: [B, 1, 1, S], of the prefixes' padding.
      layers: of each block.
      norm: weights of the last normalization.
    """

    beams: int
    length: Size
    lengths: Tensor
    positions: Tensor
    bias: Tensor
    layers: list[GPTBlockMemory]
    norm: tuple[Tensor, Tensor]


class GPT(Body):
    """A causal stack of pre-norm blocks over [inputs; outputs], learned positions (GPT-2).

    There is no encoder: `encode` hands the inputs' embeddings on. `decode` puts the outputs after
    them (T2T's prepend mode: the loss is on the outputs alone), where each row's positions go on
    after that row's own inputs; padding between the two is not looked at. A language model has a
    lone EOS as its input. Outputs past the context length all have its last position.

    Sizes: 124,439,808 parameters with the tied embedding of 50,257 tokens at width 768, 12 layers,
    context 1024 (GPT-2 small); a joint model has the command's embedding (width D) besides.

    Deviations: the text modality scales embeddings to unit deviation, GPT-2's have 0.02;
    `embedding_scale` brings them back, so that learned positions (0.01) weigh as much. The tied
    softmax starts with the modality's deviation of D^-0.5 (0.036 at 768).

    Args:
      hidden_size: D.
      filter_size: hidden width of the feed-forward networks, 4 D in GPT.
      num_heads: heads of every attention.
      num_hidden_layers: blocks.
      context_length: positions of inputs and outputs together.
      dropout: after the positions and on every branch.
      attention_dropout: on attention weights.
      bidirectional_prefix: inputs see one another both ways (a prefix language model,
        arXiv 1910.10683, section 3.2.1), not only backwards as in GPT.
      embedding_scale: factor on embeddings.
      seed_generator: the one source of randomness.
    """

    hparam_fields = (*FIELDS, "max_length", "eval_max_length")

    def __init__(
        self,
        hidden_size: int = 768,
        filter_size: int = 3072,
        num_heads: int = 12,
        num_hidden_layers: int = 12,
        context_length: int = 1024,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        bidirectional_prefix: bool = False,
        embedding_scale: float = 0.02,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(hidden_size, seed_generator, **kwargs)
        self.filter_size = filter_size
        self.num_heads = num_heads
        self.num_hidden_layers = num_hidden_layers
        self.context_length = context_length
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.bidirectional_prefix = bidirectional_prefix
        self.embedding_scale = embedding_scale
        policy, seed = self.dtype_policy, self.seed_generator.get_config()["seed"]
        self.embedding_dropout = Dropout(
            dropout, self.seed_generator, name="embedding_dropout", dtype=policy
        )
        self.positions = LearnedPositions(
            context_length, seed=fold_in(seed, "positions"), name="decoder_positions", dtype=policy
        )
        self.blocks = [
            GPTBlock(
                filter_size,
                num_heads,
                num_hidden_layers,
                dropout,
                attention_dropout,
                self.seed_generator,
                fold_in(seed, name),
                name=name,
                dtype=policy,
            )
            for name in (f"decoder_{number}" for number in range(num_hidden_layers))
        ]
        self.norm = LayerNorm(1e-5, name="decoder_norm", dtype=policy)

    @classmethod
    def from_hparams(cls, hparams: Any, seed_generator: keras.random.SeedGenerator) -> GPT:
        """Makes the body that a GPTHParams describes.

        Raises:
          HParamError: if an example of the longest allowed inputs fills the whole context.
        """
        longest = max(hparams.max_length, hparams.eval_max_length)
        context = hparams.context_length or 2 * longest
        if context <= longest:
            raise HParamError(
                f"hparam 'context_length' must be above max_length and eval_max_length ({longest}),"
                f" got {context}; change one of them in --hparams."
            )
        values = {field: getattr(hparams, field) for field in FIELDS}
        return cls(**{**values, "context_length": context}, seed_generator=seed_generator)

    @classmethod
    def refuses(cls, task: Task) -> str | None:
        if task.targets.decoded_by_tokens:
            return None
        return (
            f"continues its inputs by text; '{task.name}' is answered with {task.targets.name} "
            "(use transformer or multi_model)"
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{field: getattr(self, field) for field in FIELDS}}

    def build(self, input_shape: Shape | None = None) -> None:
        layers: list[keras.layers.Layer] = [self.positions, *self.blocks, self.norm]
        for layer in layers:
            layer.build((None, None, self.hidden_size))

    def stages(self) -> Mapping[str, Sequence[keras.layers.Layer]]:
        return {"decoder": [self.positions, *self.blocks, self.norm]}

    def encode(self, rep: Rep, training: bool = False) -> Encoded:
        return Encoded(rep, ops.zeros((), "float32"))

    def decode(
        self, encoded: Encoded, shifted: Tensor, mask: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        rep = encoded.rep
        size, lengths = ops.shape(rep.x)[1], real_lengths(rep.mask)
        both = [self._scaled(rep.x), self._scaled(shifted)]
        mask = ops.concatenate([rep.mask, ops.ones_like(shifted[:, :, 0])], axis=1)
        places = self._places(lengths, size, ops.shape(shifted)[1])
        self.positions.check(lengths)
        x = ops.concatenate(both, axis=1) + self.positions(places)
        x = self.embedding_dropout(x, training=training)
        bias = self._future(ops.shape(x)[1], size) + padding_bias(mask)
        with recording() as seen:
            for block in self.blocks:
                x, _ = block(x, bias, training=training)
        for _, weights in seen.attention:  # of outputs on inputs, which is what callers show
            record_attention(self, weights[:, :, size:, :size])
        return self.norm(x[:, size:]), ops.zeros((), "float32")

    def _scaled(self, x: Tensor) -> Tensor:
        return ops.cast(x, self.compute_dtype) * self.embedding_scale

    def _places(self, lengths: Tensor, size: Size, outputs: Size) -> Tensor:
        """Positions [B, S + T] of inputs, and of outputs that go on after each row's own."""
        own = lengths[:, None] + ops.arange(outputs, dtype="int32")  # [B, T]
        source = ops.arange(size, dtype="int32")[None]
        source = ops.broadcast_to(source, (ops.shape(lengths)[0], size))
        return ops.concatenate([source, own], axis=1)

    def _future(self, length: Size, prefix: Size) -> Tensor:
        """The bias [1, 1, L, L] that keeps a query from later keys; see `bidirectional_prefix`."""
        places = ops.arange(length, dtype="int32")
        future = places[None, :] > places[:, None]
        if self.bidirectional_prefix:
            future = ops.logical_and(future, places[None, :] >= prefix)
        return PENALTY * ops.cast(future, "float32")[None, None]

    def start(
        self, encoded: Encoded, beams: int, length: Size
    ) -> tuple[GPTMemory, dict[str, State]]:
        """See `Body.start`: the blocks run over the inputs once, whatever the number of beams."""
        rep = encoded.rep
        batch, size = ops.shape(rep.x)[:2]
        lengths, rows = real_lengths(rep.mask), batch * beams
        self.positions.check(lengths)
        places = ops.arange(size, dtype="int32")[None]  # [1, S]
        x = self._scaled(rep.x) + self.positions(places)
        padding = padding_bias(rep.mask)
        bias = self._future(size, size) + padding
        layers, buffers = [], []
        for block in self.blocks:
            x, block_memory, buffer = block.start(x, bias, rows, beams, length)
            layers.append(block_memory)
            buffers.append(buffer)
        table = self.positions.prepare()
        memory = GPTMemory(beams, length, lengths, table, padding, layers, self.norm.prepare())
        state: dict[str, State] = {"layers": buffers}
        if beams > 1:
            state["ancestry"] = start_ancestry(rows, length)
        return memory, state

    def step(
        self, memory: GPTMemory, state: dict[str, State], x: Tensor, position: Tensor
    ) -> tuple[Tensor, dict[str, State]]:
        state = dict(state)
        if memory.beams > 1:
            state["ancestry"] = write_ancestry(state["ancestry"], position)
        places = ops.repeat(memory.lengths + position, memory.beams, axis=0)  # [R]
        x = self._scaled(x) + take(memory.positions, self.positions.clip(places))
        own = past_bias(state.get("ancestry"), position, memory.length, memory.beams)
        buffers = []
        for block, part, before in zip(self.blocks, memory.layers, state["layers"], strict=True):
            x, after = block.step(part, before, x, position, (own, memory.bias), memory.beams)
            buffers.append(after)
        return self.norm.step(memory.norm, x), {**state, "layers": buffers}

    def reorder(self, state: dict[str, State], rows: Tensor) -> dict[str, State]:
        """The ancestry alone moves; with one hypothesis per input there is nothing to exchange."""
        if "ancestry" not in state:
            return state
        return {**state, "ancestry": take(state["ancestry"], rows)}


def real_lengths(mask: Tensor) -> Tensor:
    """The lengths int32 [B] of rows whose padding a mask [B, L] has at the end."""
    return ops.cast(ops.sum(ops.cast(mask, "float32"), axis=1), "int32")
