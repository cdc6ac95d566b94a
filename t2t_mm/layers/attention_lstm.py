"""Recurrent decoders' attention (Bahdanau, Luong), and the LSTM stack that reads it back.

The Transformer's attention is in attention.py: there queries of all positions are known at once.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

import keras
from keras import ops

from t2t_mm.layers.attention import PENALTY, quick_softmax
from t2t_mm.layers.buffers import read
from t2t_mm.layers.lstm import LSTMStack
from t2t_mm.layers.recording import is_recording, record_attention
from t2t_mm.layers.recurrence import scan, time_first
from t2t_mm.layers.seeds import fold_in
from t2t_mm.tensor import State, Tensor


class MechanismMemory(NamedTuple):
    """Tensors that a mechanism needs at every position.

    Attributes:
      keys: [B, S, U].
      values: [B, S, E], the source itself.
      bias: [B, 1, S] float32, PENALTY at padding.
      weights: the mechanism's own.
    """

    keys: Tensor
    values: Tensor
    bias: Tensor
    weights: tuple[Tensor, ...]


class Mechanism(keras.layers.Layer):
    """One attention of a recurrent decoder: where on the source a state looks.

    Padding gets no weight; T2T's lstm_seq2seq_attention lets it, its mechanisms know no lengths.

    Args:
      units: U, width of the keys.
      seed: of the initial values.
    """

    def __init__(self, units: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.seed = seed

    def build(self, input_shape: tuple[int, int]) -> None:
        """Makes `memory_kernel`; input_shape: widths of a query and of the source, (D, E)."""
        _, source = input_shape
        self.memory_kernel = self._kernel("memory_kernel", (source, self.units))

    def _kernel(self, name: str, shape: tuple[int, ...]) -> Tensor:
        limit = (3.0 / shape[0]) ** 0.5  # variance 1 / fan-in, T2T's uniform_unit_scaling
        start = keras.initializers.RandomUniform(-limit, limit, fold_in(self.seed, name))
        return self.add_weight(shape=shape, initializer=start, name=name)

    def start(self, source: Tensor, mask: Tensor) -> MechanismMemory:
        """Prepares a source [B, S, E] with mask [B, S], once for all positions."""
        source = ops.cast(source, self.compute_dtype)
        keys = ops.matmul(source, read(self.memory_kernel, self.compute_dtype))
        bias = PENALTY - PENALTY * ops.cast(mask, "float32")[:, None]
        return MechanismMemory(keys, source, bias, self._weights())

    def attend(self, memory: MechanismMemory, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Attends with queries [B, K, D] -> contexts [B, K, E] and weights [B, K, S] float32."""
        scores = ops.cast(self.scores(memory, queries), "float32") - memory.bias
        weights = quick_softmax(scores)
        return ops.matmul(ops.cast(weights, memory.values.dtype), memory.values), weights

    @abstractmethod
    def scores(self, memory: MechanismMemory, queries: Tensor) -> Tensor:
        """Scores the source's positions for queries [B, K, D] -> [B, K, S]."""

    @abstractmethod
    def _weights(self) -> tuple[Tensor, ...]:
        """The weights besides the memory's kernel, as tensors."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "seed": self.seed}


class Bahdanau(Mechanism):
    """Additive attention: v . tanh(W query + U source) (arXiv 1409.0473, appendix A.1.2)."""

    def build(self, input_shape: tuple[int, int]) -> None:
        """Makes `memory_kernel` [E, U], `query_kernel` [D, U] and `v` [U]."""
        super().build(input_shape)
        self.query_kernel = self._kernel("query_kernel", (input_shape[0], self.units))
        self.v = self._kernel("v", (self.units,))

    def scores(self, memory: MechanismMemory, queries: Tensor) -> Tensor:
        kernel, v = memory.weights
        hidden = ops.matmul(queries, kernel)[:, :, None] + memory.keys[:, None]  # [B, K, S, U]
        return ops.sum(v * ops.tanh(hidden), axis=-1)

    def _weights(self) -> tuple[Tensor, ...]:
        return tuple(read(weight, self.compute_dtype) for weight in (self.query_kernel, self.v))


class Luong(Mechanism):
    """Multiplicative attention: query . W source (arXiv 1508.04025, section 3.1, "general").

    The keys' width must be that of the queries.
    """

    def scores(self, memory: MechanismMemory, queries: Tensor) -> Tensor:
        return ops.matmul(queries, ops.swapaxes(memory.keys, 1, 2))  # keys [B, U, S]

    def _weights(self) -> tuple[Tensor, ...]:
        return ()


MECHANISMS = {"bahdanau": Bahdanau, "luong": Luong}


class AttentionMemory(NamedTuple):
    """Tensors that all positions share: of cells and mechanisms, and kernels of the vectors."""

    cells: tuple[State, ...]
    mechanisms: tuple[MechanismMemory, ...]
    kernels: tuple[Tensor, ...]
    projection: tuple[Tensor, Tensor] | None


class AttentionLSTM(keras.layers.Layer):
    """An LSTM stack that looks at a source and feeds what it saw to its next position.

    As TensorFlow's AttentionWrapper, which T2T uses: the stack reads [x; attention]; of its new
    output h each mechanism makes a context, and W [h; context] is its attention vector, without
    bias and activation. (arXiv 1508.04025, section 3.3, "input feeding", has a tanh there.)

    Deviation: T2T gives one mechanism object to all `num_heads`, so that all look at the same
    places; here each head has its own.

    Args:
      units: H, of the cells and of the mechanisms' keys.
      num_layers: cells.
      mechanism: "bahdanau" or "luong".
      num_heads: mechanisms.
      attention_layer_size: A, width of each head's attention vector.
      output_attention: the output is the attention vectors, projected to H where they are several
        or of another width; False: h.
      dropout, seed, seed_generator: as for `LSTMStack`.
    """

    def __init__(
        self,
        units: int,
        num_layers: int,
        mechanism: str = "bahdanau",
        num_heads: int = 1,
        attention_layer_size: int = 128,
        output_attention: bool = True,
        dropout: float = 0.0,
        seed: int | None = None,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"autocast": False, **kwargs})  # as LSTMStack
        self.units, self.num_layers = units, num_layers
        self.mechanism = mechanism
        self.num_heads = num_heads
        self.attention_layer_size = attention_layer_size
        self.output_attention = output_attention
        self.dropout_rate = dropout
        self.seed = seed
        policy = self.dtype_policy
        self.stack = LSTMStack(
            units, num_layers, dropout, fold_in(seed, "stack"), seed_generator, name="stack",
            dtype=policy,
        )  # fmt: skip
        make = MECHANISMS[mechanism]
        self.mechanisms = [
            make(units, fold_in(seed, name), name=name, dtype=policy)
            for name in (f"head_{number}" for number in range(num_heads))
        ]

    @property
    def attention_size(self) -> int:
        """Width of all heads' vectors together."""
        return self.num_heads * self.attention_layer_size

    @property
    def projects(self) -> bool:
        """True if the output is projected to H."""
        return self.output_attention and (self.num_heads > 1 or self.attention_size != self.units)

    def build(self, input_shape: tuple[int, int]) -> None:
        """Builds all parts; input_shape: widths of x and of the source, (n, E)."""
        width, source = input_shape
        self.stack.build((None, width + self.attention_size))
        for mechanism in self.mechanisms:
            mechanism.build((self.units, source))
        shape = (self.units + source, self.attention_layer_size)
        self.kernels = [
            self._kernel(f"attention_kernel_{number}", shape) for number in range(self.num_heads)
        ]
        self.projection = None
        if self.projects:
            kernel = self._kernel("output_kernel", (self.attention_size, self.units))
            bias = self.add_weight(shape=(self.units,), initializer="zeros", name="output_bias")
            self.projection = (kernel, bias)

    def _kernel(self, name: str, shape: tuple[int, int]) -> Tensor:
        start = keras.initializers.VarianceScaling(
            1.0, "fan_in", "uniform", fold_in(self.seed, name)
        )
        return self.add_weight(shape=shape, initializer=start, name=name)

    def start(self, source: Tensor, mask: Tensor) -> AttentionMemory:
        """The memory of a source [B, S, E] with mask [B, S]; nothing is repeated in it."""
        dtype = self.compute_dtype
        projection = self.projection and tuple(read(weight, dtype) for weight in self.projection)
        return AttentionMemory(
            self.stack.prepare(),
            tuple(mechanism.start(source, mask) for mechanism in self.mechanisms),
            tuple(read(kernel, dtype) for kernel in self.kernels),
            projection,
        )

    def first_state(self, state: State) -> tuple[State, Tensor]:
        """The state before the first position: the cells', and an attention vector of zeros."""
        rows = ops.shape(state[0][0])[0]
        return state, ops.zeros((rows, self.attention_size), self.compute_dtype)

    def step(
        self,
        memory: AttentionMemory,
        state: tuple[State, Tensor],
        x: Tensor,
        beams: int = 1,
        masks: tuple[Tensor, ...] = (),
    ) -> tuple[Tensor, tuple[State, Tensor]]:
        """One position of R = B * beams rows, those of one source side by side.

        Args:
          memory: from `start`.
          state: the cells' states and the attention vectors [R, heads * A].
          x: [R, n].
          beams: rows of each source, K.
          masks: see `LSTMStack.step`.

        Returns:
          h [R, H] and the next state; see `output`.
        """
        cells, attention = state
        x = ops.concatenate([x, attention], axis=-1)  # [R, n + heads * A]
        h, cells = self.stack.step(memory.cells, x, cells, masks)
        queries = ops.reshape(h, (-1, beams, self.units))  # [B, K, H]
        vectors = []
        for mechanism, own, kernel in zip(
            self.mechanisms, memory.mechanisms, memory.kernels, strict=True
        ):
            context, _ = mechanism.attend(own, queries)
            both = ops.concatenate([queries, context], axis=-1)  # [B, K, H + E]
            both = ops.reshape(both, (-1, kernel.shape[0]))  # [R, H + E]
            vectors.append(ops.matmul(both, kernel))
        # [R, heads * A]
        attention = ops.concatenate(vectors, axis=-1) if len(vectors) > 1 else vectors[0]
        return h, (cells, attention)

    def output(self, memory: AttentionMemory, h: Tensor, attention: Tensor) -> Tensor:
        """The layer's output [..., H] where the cells gave h [..., H]."""
        if not self.output_attention:
            return h
        if memory.projection is None:
            return attention
        kernel, bias = memory.projection
        return ops.matmul(attention, kernel) + bias

    def call(
        self, x: Tensor, source: Tensor, source_mask: Tensor, state: State, training: bool = False
    ) -> Tensor:
        """Runs over all positions.

        Args:
          x: [B, T, n].
          source: [B, S, E].
          source_mask: [B, S], 1 = real.
          state: (h, c) of each cell to start from.
          training: True turns dropout on.

        Returns:
          [B, T, H].
        """
        x = time_first(ops.cast(x, self.compute_dtype))
        length, rows = ops.shape(x)[:2]
        memory = self.start(source, source_mask)
        inputs = {"x": x, "masks": self.stack.masks(rows, length, training)}

        def advance(state: State, inputs: dict[str, State]) -> tuple[State, Tensor]:
            h, state = self.step(memory, state, inputs["x"], masks=inputs["masks"])
            return state, ops.concatenate([h, state[1]], axis=-1)  # [B, H + heads * A]

        width = self.units + self.attention_size
        both, _ = scan(advance, self.first_state(state), inputs, width, self.compute_dtype)
        both = time_first(both)  # [B, T, H + heads * A]
        h, attention = both[..., : self.units], both[..., self.units :]
        self._record(memory, h)
        return self.output(memory, h, attention)

    def _record(self, memory: AttentionMemory, h: Tensor) -> None:
        if is_recording():
            weights = [
                mechanism.attend(own, h)[1]
                for mechanism, own in zip(self.mechanisms, memory.mechanisms, strict=True)
            ]
            record_attention(self, ops.stack(weights, axis=1))  # [B, heads, T, S]

    def get_config(self) -> dict[str, Any]:
        fields = (
            "units",
            "num_layers",
            "mechanism",
            "num_heads",
            "attention_layer_size",
            "output_attention",
            "seed",
        )
        own = {field: getattr(self, field) for field in fields}
        return {**super().get_config(), **own, "dropout": self.dropout_rate}
