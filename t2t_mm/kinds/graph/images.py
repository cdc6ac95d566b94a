"""Encoded images of a request, as kinds/image_files.py stores them for a problem."""

from __future__ import annotations

import tensorflow as tf

from t2t_mm.kinds.graph.checks import require

_PNG, _JPEG, _GIF, _BMP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM"
_HEADER = 64  # bytes, enough for the sizes in all of them but JPEG
_MOST_PIXELS = 89_478_485  # Pillow's limit, which t2t-decoder keeps: 1 GB as float32


def stored_images(contents: tf.Tensor) -> tf.Tensor:
    """Files of PNG, JPEG, GIF or BMP, string [B], as `Image.feed` takes them.

    They stay as they are, but for BMP with a palette, of which TensorFlow would read the
    palette's indices: it becomes PNG. Fails with InvalidArgument for anything else, too many
    pixels, and, when they are decoded, for damaged files.

    Two differences from t2t-decoder, which reads with Pillow what TensorFlow reads in
    another way: transparent pixels of a GIF are black; CMYK JPEG differs by up to 2 of 255.
    """
    rows = tf.range(tf.size(contents))
    return tf.map_fn(
        lambda one: _stored(*one),
        (contents, rows),
        fn_output_signature=tf.TensorSpec((), tf.string),
    )


def _stored(content: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    header = tf.io.decode_raw(
        tf.strings.substr(tf.strings.join([content, b"\0" * _HEADER]), 0, _HEADER), tf.uint8
    )
    header = tf.cast(header, tf.int64)
    png, jpeg, gif, bmp = (_starts_with(header, magic) for magic in (_PNG, _JPEG, _GIF, _BMP))
    known = require(
        png | jpeg | gif | bmp,
        row,
        "is not an image; give the bytes of a PNG, JPEG, GIF or BMP file.",
    )
    with tf.control_dependencies([known]):
        pixels = tf.case(
            [
                (jpeg, lambda: _area(tf.image.extract_jpeg_shape(content, tf.int64)[:2])),
                (png, lambda: _area([_big_endian(header, 16, 4), _big_endian(header, 20, 4)])),
                (gif, lambda: _area([_little_endian(header, 6, 2), _little_endian(header, 8, 2)])),
            ],
            default=lambda: _area([_signed(header, 18), _signed(header, 22)]),
        )
    bits = _little_endian(header, 28, 2)
    checks = [
        require((pixels >= 1) & (pixels <= _MOST_PIXELS), row, "is an image of ", pixels,
                f" pixels; from 1 to {_MOST_PIXELS} are allowed."),
        require(~bmp | tf.reduce_any(tf.equal(bits, [8, 24, 32])), row, "is a BMP image of ",
                bits, " bits a pixel; 8, 24 and 32 are allowed."),
        require(~bmp | tf.reduce_any(tf.equal(_little_endian(header, 30, 4), [0, 3])), row,
                "is a compressed BMP image; give a plain one, or PNG or JPEG."),
    ]  # fmt: skip
    with tf.control_dependencies(checks):
        has_palette = bmp & tf.equal(bits, 8)
        return tf.cond(has_palette, lambda: _with_palette(content, header), lambda: content)


def _with_palette(content: tf.Tensor, header: tf.Tensor) -> tf.Tensor:
    """A BMP of 8 bits as PNG: its pixels are numbers of colors (blue, green, red, 0)."""
    numbers = tf.cast(tf.io.decode_bmp(content)[..., 0], tf.int32)  # refuses what breaks off
    start, colors = 14 + _little_endian(header, 14, 4), _little_endian(header, 46, 4)
    colors = tf.where((colors < 1) | (colors > 256), tf.constant(256, tf.int64), colors)
    with tf.control_dependencies([numbers]):
        table = tf.io.decode_raw(tf.strings.substr(content, start, 4 * colors), tf.uint8)
    table = tf.reverse(tf.reshape(table, [-1, 4])[:, :3], [1])
    return tf.io.encode_png(tf.gather(table, tf.minimum(numbers, tf.shape(table)[0] - 1)))


def _starts_with(header: tf.Tensor, magic: bytes) -> tf.Tensor:
    return tf.reduce_all(tf.equal(header[: len(magic)], list(magic)))


def _area(sides: tf.Tensor | list[tf.Tensor]) -> tf.Tensor:
    return tf.reduce_prod(tf.abs(tf.stack(sides) if isinstance(sides, list) else sides))


def _big_endian(header: tf.Tensor, start: int, count: int) -> tf.Tensor:
    return tf.reduce_sum(header[start : start + count] * [256**i for i in reversed(range(count))])


def _little_endian(header: tf.Tensor, start: int, count: int) -> tf.Tensor:
    return tf.reduce_sum(header[start : start + count] * [256**i for i in range(count)])


def _signed(header: tf.Tensor, start: int) -> tf.Tensor:
    """A BMP's height is negative where its rows run from the top."""
    value = _little_endian(header, start, 4)
    return tf.where(value >= 2**31, value - 2**32, value)
