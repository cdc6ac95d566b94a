"""Tensors in the loops of searches: states, buffers, shapes and logarithms."""

from __future__ import annotations

import tensorflow as tf

from t2t_mm.tensor import State

MINUS_INFINITY = -float("inf")  # the log-probability of what does not exist


def gather_rows(state: State, rows: tf.Tensor) -> State:
    """The state in which row i goes on from the past of row rows[i], int32 [R]."""
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), state)


def as_tensors(state: State) -> State:
    """A structure of tensors, for a loop's start."""
    return tf.nest.map_structure(tf.convert_to_tensor, state)


def with_static_shapes(after: State, before: State) -> State:
    """The outputs of a loop's body, with the static shapes that it was given: it may know less."""

    def fix(new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
        new = tf.convert_to_tensor(new)
        new.set_shape(old.shape)
        return new

    return tf.nest.map_structure(fix, after, before)


def write_at(buffer: tf.Tensor, position: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """The buffer [T, ...] with values [...] at a position."""
    return tf.tensor_scatter_nd_update(buffer, tf.reshape(position, [1, 1]), values[None])


def length_penalty(length: tf.Tensor, alpha: float) -> tf.Tensor:
    """GNMT's ((5 + length) / 6) ** alpha (arXiv 1609.08144, equation 14), float32.

    As in Tensor2Tensor, the length counts the tokens written, EOS included: 1 for an empty output.
    """
    return ((5.0 + tf.cast(length, tf.float32)) / 6.0) ** alpha


def shifted_log_sum_exp(logits: tf.Tensor, largest: tf.Tensor) -> tf.Tensor:
    """log sum exp(logits - largest): logits [R, V], largest [R, 1] -> [R], never below 0."""
    return tf.math.log(tf.reduce_sum(tf.exp(logits - largest), -1))


def log_probability(logits: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
    """The log-probability of one token of each row: logits [R, V], tokens int32 [R] -> [R]."""
    largest = tf.reduce_max(logits, -1, keepdims=True)
    chosen = tf.gather(logits, tokens, batch_dims=1)
    return chosen - largest[:, 0] - shifted_log_sum_exp(logits, largest)
