"""A function applied to one position after the other, and sequences turned around.

Which cell is applied is the business of the layers that own one (lstm.py, attention_lstm.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from t2t_mm.tensor import State, Tensor

# (state, inputs of one position) -> (next state, output [B, width]).
Step = Callable[[State, State], tuple[State, Tensor]]


def scan(step: Step, state: State, inputs: State, width: int, dtype: str) -> tuple[Tensor, State]:
    """Applies `step` along the first axis.

    Keras's own `ops.scan` fails on TensorFlow where the state is nested.

    Args:
      step: the function; the structure, shapes and dtypes of its state never change.
      state: before the first position, nested tensors.
      inputs: nested tensors [T, B, ...], time first; T may be known at run time alone.
      width: channels of an output.
      dtype: of the outputs.

    Returns:
      Outputs [T, B, width] and the state after the last position.
    """
    if keras.backend.backend() != "tensorflow":
        state, outputs = ops.scan(step, state, inputs)
        return outputs, state
    return _tensorflow_scan(step, state, inputs, width, dtype)


def _tensorflow_scan(
    step: Step, state: State, inputs: State, width: int, dtype: str
) -> tuple[Tensor, State]:
    import tensorflow as tf

    length = tf.shape(tf.nest.flatten(inputs)[0])[0]
    sources = tf.nest.map_structure(
        lambda x: tf.TensorArray(x.dtype, length, element_shape=x.shape[1:]).unstack(x), inputs
    )
    outputs = tf.TensorArray(dtype, length, element_shape=(None, width))

    def advance(position: Tensor, state: State, outputs: Any) -> tuple[Tensor, State, Any]:
        here = tf.nest.map_structure(lambda source: source.read(position), sources)
        state, y = step(state, here)
        return position + 1, state, outputs.write(position, y)

    start = (tf.constant(0), state, outputs)
    _, state, outputs = tf.while_loop(lambda t, *_: t < length, advance, start)
    return outputs.stack(), state


def time_first(x: Tensor) -> Tensor:
    """Swaps the first two axes: [B, T, C] -> [T, B, C], or back."""
    return ops.transpose(x, (1, 0, 2))


def reverse_real(x: Tensor, mask: Tensor) -> Tensor:
    """Turns every row's real positions around; padding stays at the end.

    Args:
      x: [B, L, C].
      mask: [B, L], 1 = real, padding at the end of each row.

    Returns:
      [B, L, C]; applied twice, x.
    """
    lengths = ops.cast(ops.sum(mask, axis=1), "int32")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.reverse_sequence(x, lengths, seq_axis=1, batch_axis=0)
    places = ops.arange(ops.shape(x)[1], dtype="int32")[None]  # [1, L]
    mirrored = lengths[:, None] - 1 - places  # [B, L]
    places = ops.broadcast_to(places, ops.shape(mirrored))  # [B, L]
    order = ops.where(mirrored >= 0, mirrored, places)
    return ops.take_along_axis(x, order[:, :, None], axis=1)
