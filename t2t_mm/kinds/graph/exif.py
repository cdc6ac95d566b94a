"""The orientation that EXIF's tags give an image, and what it takes to turn it upright."""

from __future__ import annotations

import tensorflow as tf

from t2t_mm.kinds.graph.numbers import big_endian, little_endian, starts_with

_TAG = 0x0112
_APP1, _SCAN, _END = 0xE1, 0xDA, 0xD9  # JPEG's markers
_MOST_SEGMENTS, _MOST_CHUNKS, _MOST_TAGS = 1000, 100_000, 1000


def jpeg_tags(data: tf.Tensor) -> tf.Tensor:
    """The start of the EXIF tags in a JPEG file, uint8 [N], int64 []; 0 for none."""

    def go_on(at: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
        marker = big_endian(data, at + 1, 1)
        ends = tf.equal(marker, _SCAN) | tf.equal(marker, _END)
        return tf.equal(found, 0) & tf.equal(big_endian(data, at, 1), 0xFF) & ~ends

    def body(at: tf.Tensor, found: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        tags = tf.equal(big_endian(data, at + 1, 1), _APP1) & starts_with(data, at + 4, b"Exif\0\0")
        filling = tf.equal(big_endian(data, at + 1, 1), 0xFF)
        step = tf.where(filling, tf.constant(1, tf.int64), 2 + big_endian(data, at + 2, 2))
        return at + step, tf.where(tags, at + 10, found)

    start = tf.constant(2, tf.int64)
    return tf.while_loop(go_on, body, (start, _zero()), maximum_iterations=_MOST_SEGMENTS)[1]


def png_chunk(data: tf.Tensor, name: bytes) -> tf.Tensor:
    """The start of a chunk's content in a PNG file, uint8 [N], int64 []; 0 for none."""
    size = tf.size(data, tf.int64)

    def go_on(at: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
        return tf.equal(found, 0) & (at + 8 <= size)

    def body(at: tf.Tensor, found: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        here = starts_with(data, at + 4, name)
        return at + 12 + big_endian(data, at, 4), tf.where(here, at + 8, found)

    start = tf.constant(8, tf.int64)
    return tf.while_loop(go_on, body, (start, _zero()), maximum_iterations=_MOST_CHUNKS)[1]


def orientation(data: tf.Tensor, tags: tf.Tensor) -> tf.Tensor:
    """1 (upright) to 8, int64 [], told by the tags that begin there; 1 for no tags (0)."""
    little = starts_with(data, tags, b"II")
    known = (tags > 0) & (little | starts_with(data, tags, b"MM"))

    def number(start: tf.Tensor, count: int) -> tf.Tensor:
        return tf.where(little, little_endian(data, start, count), big_endian(data, start, count))

    first = tags + number(tags + 4, 4)
    count = tf.where(known, tf.minimum(number(first, 2), _MOST_TAGS), 0)

    def body(index: tf.Tensor, told: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        at = first + 2 + 12 * index
        here = tf.equal(number(at, 2), _TAG)
        return index + 1, tf.where(here, number(at + 8, 2), told)

    _, told = tf.while_loop(lambda index, _: index < count, body, (_zero(), _zero()))
    return tf.where((told >= 1) & (told <= 8), told, 1)


def upright(pixels: tf.Tensor, told: tf.Tensor) -> tf.Tensor:
    """Pixels [H, W, 3], or [W, H, 3] where the orientation `told` turns them by a quarter."""
    turned = tf.cond(told >= 5, lambda: tf.transpose(pixels, [1, 0, 2]), lambda: pixels)
    mirrored = tf.reduce_any(tf.equal(told, [2, 3, 6, 7]))
    upended = tf.reduce_any(tf.equal(told, [3, 4, 7, 8]))
    turned = tf.cond(mirrored, lambda: turned[:, ::-1], lambda: turned)
    return tf.cond(upended, lambda: turned[::-1], lambda: turned)


def _zero() -> tf.Tensor:
    return tf.zeros((), tf.int64)
