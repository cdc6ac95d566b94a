"""Whole numbers in the headers of files, inside a graph. What lies beyond the end reads as 0."""

from __future__ import annotations

import tensorflow as tf


def big_endian(data: tf.Tensor, start: tf.Tensor | int, count: int) -> tf.Tensor:
    """The number, int64 [], of `count` bytes of data uint8 [N] from `start` on."""
    return tf.reduce_sum(_bytes(data, start, count) * [256**i for i in reversed(range(count))])


def little_endian(data: tf.Tensor, start: tf.Tensor | int, count: int) -> tf.Tensor:
    """As `big_endian`, the least byte first."""
    return tf.reduce_sum(_bytes(data, start, count) * [256**i for i in range(count)])


def starts_with(data: tf.Tensor, start: tf.Tensor | int, magic: bytes) -> tf.Tensor:
    """True if `magic` stands there in data uint8 [N], bool []."""
    return tf.reduce_all(tf.equal(_bytes(data, start, len(magic)), list(magic)))


def _bytes(data: tf.Tensor, start: tf.Tensor | int, count: int) -> tf.Tensor:
    """int64 [count]."""
    size = tf.size(data, tf.int64)
    places = tf.cast(start, tf.int64) + tf.range(count, dtype=tf.int64)
    inside = (places >= 0) & (places < size)
    found = tf.gather(data, tf.where(inside, places, 0))
    return tf.where(inside, tf.cast(found, tf.int64), 0)
