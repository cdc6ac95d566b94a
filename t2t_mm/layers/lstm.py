"""LSTM cells, and stacks of them that run over a sequence or one position at a time."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_mm.layers.buffers import read, split
from t2t_mm.layers.dropout import Dropout
from t2t_mm.layers.recurrence import scan, time_first
from t2t_mm.layers.seeds import fold_in
from t2t_mm.tensor import Shape, Size, State, Tensor, channels_of

# The states of a cell: h [B, H] in the compute dtype, c [B, H] float32.
CellState = tuple[Tensor, Tensor]


class LSTMCell(keras.layers.Layer):
    """A long short-term memory cell with the forget gate of Gers et al. 2000, without peepholes.

    i, f, o, g = W [x; h] + b; c <- sigmoid(f + forget_bias) c + sigmoid(i) tanh(g);
    h <- sigmoid(o) tanh(c). That is TensorFlow's LSTMCell with the gates in another order. It has
    4 ((n + H) H + H) parameters. Gates and c are float32 under every dtype policy: c sums over
    hundreds of positions.

    Starts as Tensor2Tensor's uniform_unit_scaling: uniform, with variance 1 / (n + H).

    Args:
      units: H.
      forget_bias: added to the forget gate, so that a new cell remembers.
      seed: of the initial values.
    """

    def __init__(
        self, units: int, forget_bias: float = 1.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.forget_bias = forget_bias
        self.seed = seed

    def build(self, input_shape: Shape) -> None:
        """Makes `kernel` [n + H, 4 H], its first n rows for x, and `bias` [4 H]."""
        self.input_size = channels_of(input_shape)
        start = keras.initializers.VarianceScaling(
            1.0, "fan_in", "uniform", fold_in(self.seed, "kernel")
        )
        shape = (self.input_size + self.units, 4 * self.units)
        self.kernel = self.add_weight(shape=shape, initializer=start, name="kernel")
        self.bias = self.add_weight(
            shape=shape[1:], initializer="zeros", name="bias", autocast=False
        )

    def prepare(self) -> tuple[Tensor, Tensor, Tensor]:
        """The weights that `step` takes, once for all positions."""
        kernel = read(self.kernel, self.compute_dtype)
        zeros = ops.zeros((self.units,), "float32")
        forget = ops.concatenate([zeros, zeros + self.forget_bias, zeros, zeros])  # [4 H]
        return kernel[: self.input_size], kernel[self.input_size :], read(self.bias) + forget

    def step(
        self, weights: tuple[Tensor, Tensor, Tensor], x: Tensor, state: CellState
    ) -> CellState:
        """One position: x [B, n] and the states before it -> those after it; h is the output."""
        input_kernel, recurrent_kernel, bias = weights
        h, c = state
        # The product of the input for all positions at once, outside of the loop, takes longer: the
        # loop would read rows of 4 H numbers instead of n.
        gates = ops.matmul(x, input_kernel) + ops.matmul(h, recurrent_kernel)
        gates = ops.cast(gates, "float32") + bias  # [B, 4 H]
        i, f, o, g = split(gates, [self.units] * 4, 4, -1)  # [B, H] each
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        return ops.cast(ops.sigmoid(o) * ops.tanh(c), h.dtype), c

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "forget_bias": self.forget_bias, "seed": self.seed}
        return {**super().get_config(), **own}


class LSTMStack(keras.layers.Layer):
    """LSTM cells on top of one another, as TensorFlow's MultiRNNCell: one loop for all of them.

    Dropout is on the input of each cell, drawn anew for each position (T2T's DropoutWrapper with
    input_keep_prob).

    Args:
      units: H, of every cell.
      num_layers: cells.
      dropout: probability.
      seed: of the initial values.
      seed_generator: the owner's, of dropout.
    """

    def __init__(
        self,
        units: int,
        num_layers: int,
        dropout: float = 0.0,
        seed: int | None = None,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"autocast": False, **kwargs})  # Keras would cast c to the compute dtype
        self.units = units
        self.num_layers = num_layers
        self.dropout_rate = dropout
        self.seed = seed
        self.dropout = Dropout(dropout, seed_generator, name="dropout", dtype=self.dtype_policy)
        names = [f"cell_{number}" for number in range(num_layers)]
        self.cells = [
            LSTMCell(units, seed=fold_in(seed, name), name=name, dtype=self.dtype_policy)
            for name in names
        ]

    def build(self, input_shape: Shape) -> None:
        """Builds the cells for inputs of input_shape[-1] channels."""
        self.input_size = width = channels_of(input_shape)
        for cell in self.cells:
            cell.build((None, width))
            width = self.units

    def zero_state(self, rows: Size) -> tuple[CellState, ...]:
        """The state of B rows that have read nothing: (h, c) of each cell."""
        shape = (rows, self.units)
        return tuple(
            (ops.zeros(shape, self.compute_dtype), ops.zeros(shape, "float32")) for _ in self.cells
        )

    def prepare(self) -> tuple[Tensor, ...]:
        """The weights that `step` takes, once for all positions."""
        return tuple(cell.prepare() for cell in self.cells)

    def masks(self, rows: Size, length: Size, training: bool) -> tuple[Tensor, ...]:
        """Factors [T, B, n] on the input of each cell; none where nothing is dropped."""
        if not (training and self.dropout_rate):
            return ()
        widths = [self.input_size] + [self.units] * (self.num_layers - 1)
        ones = [ops.ones((length, rows, width), self.compute_dtype) for width in widths]
        return tuple(self.dropout(x, training=True) for x in ones)

    def step(
        self,
        weights: tuple[Tensor, ...],
        x: Tensor,
        state: tuple[CellState, ...],
        masks: tuple[Tensor, ...] = (),
    ) -> tuple[Tensor, tuple[CellState, ...]]:
        """One position.

        Args:
          weights: from `prepare`.
          x: [B, n].
          state: (h, c) of each cell.
          masks: factors [B, n] on the inputs of the cells, or none.

        Returns:
          The last cell's h [B, H], and the next state.
        """
        after = []
        for number, (cell, own) in enumerate(zip(self.cells, weights, strict=True)):
            x = x * masks[number] if masks else x
            after.append(cell.step(own, x, state[number]))
            x = after[-1][0]
        return x, tuple(after)

    def call(
        self,
        x: Tensor,
        state: State | None = None,
        position_mask: Tensor | None = None,
        training: bool = False,
    ) -> tuple[Tensor, tuple[CellState, ...]]:
        """Runs over all positions.

        Args:
          x: [B, L, n].
          state: to start from; None: zeros.
          position_mask: [B, L], 1 = real. At padding the state is carried on and the output is 0,
            as TensorFlow's dynamic_rnn does beyond a row's length. None: all are real.
          training: True turns dropout on.

        Returns:
          [B, L, H], and the state after each row's last real position.
        """
        x = time_first(ops.cast(x, self.compute_dtype))
        length, rows = ops.shape(x)[:2]
        weights = self.prepare()
        inputs = {"x": x, "masks": self.masks(rows, length, training)}
        if position_mask is not None:
            inputs["real"] = ops.transpose(ops.cast(position_mask, "bool"))[:, :, None]  # [L, B, 1]

        def advance(state: State, inputs: dict[str, State]) -> tuple[State, Tensor]:
            y, after = self.step(weights, inputs["x"], state, inputs["masks"])
            if "real" in inputs:
                after = carry(inputs["real"], after, state)
                y = ops.where(inputs["real"], y, ops.zeros_like(y))
            return after, y

        state = self.zero_state(rows) if state is None else state
        y, state = scan(advance, state, inputs, self.units, self.compute_dtype)
        return time_first(y), state

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "num_layers": self.num_layers, "seed": self.seed}
        return {**super().get_config(), **own, "dropout": self.dropout_rate}


def carry(real: Tensor, after: State, before: State) -> State:
    """The states after a position, or those before it in rows where it is padding ([B, 1])."""
    return keras.tree.map_structure(lambda new, old: ops.where(real, new, old), after, before)
