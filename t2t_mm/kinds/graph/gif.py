"""The first frame of a GIF: whether TensorFlow would show it as viewers do."""

from __future__ import annotations

import tensorflow as tf

from t2t_mm.kinds.graph.numbers import little_endian

_EXTENSION, _CONTROL, _FRAME = 0x21, 0xF9, 0x2C
_MOST_BLOCKS = 10_000


def first_frame(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Whether it may have transparent pixels, and whether it fills the picture.

    Args:
      data: the file, uint8 [N].

    Returns:
      bool [] each.
    """

    def number(start: tf.Tensor | int, count: int = 1) -> tf.Tensor:
        return little_endian(data, start, count)

    flags = number(10)
    colors = tf.where(flags >= 128, 3 * 2 ** (flags % 8 + 1), 0)

    def go_on(at: tf.Tensor, inside: tf.Tensor, transparent: tf.Tensor) -> tf.Tensor:
        return inside | tf.equal(number(at), _EXTENSION)

    def body(at: tf.Tensor, inside: tf.Tensor, transparent: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """An extension's beginning, or one of its blocks: a size, and 0 for the last."""
        control = ~inside & tf.equal(number(at + 1), _CONTROL)
        told = control & tf.equal(number(at + 3) % 2, 1)
        step = tf.where(inside, 1 + number(at), 2)
        return at + step, ~inside | (number(at) > 0), transparent | told

    start = (13 + colors, tf.constant(False), tf.constant(False))
    at, _, transparent = tf.while_loop(go_on, body, start, maximum_iterations=_MOST_BLOCKS)
    corner, sides = number(at + 1, 4), number(at + 5, 4)
    fills = tf.equal(number(at), _FRAME) & tf.equal(corner, 0) & tf.equal(sides, number(6, 4))
    return transparent, fills
