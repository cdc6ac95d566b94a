"""Encoded images of a request, as kinds/image_files.py stores them for a problem."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from t2t_mm.kinds.graph import exif, gif
from t2t_mm.kinds.graph.checks import require
from t2t_mm.kinds.graph.numbers import big_endian, little_endian, starts_with

_PNG, _JPEG, _GIF, _BMP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM"
_PADDING = 128  # bytes, so that the sizes can be read of all of them but JPEG
_MOST_PIXELS = 89_478_485  # Pillow's limit, which t2t-decoder keeps: 1 GB as float32
_DARKEST = 16  # of 256, see image_files.py
_CONVERT = "convert it to PNG first, as t2t-query-server does."
_RED = 0xFF0000  # of the masks that TensorFlow takes for granted


def stored_images(contents: tf.Tensor) -> tf.Tensor:
    """Files of PNG, JPEG, GIF or BMP, string [B], as `Image.feed` takes them.

    They stay as they are, but for what TensorFlow would show in another way than people's viewers:
    palettes of BMP, transparent pixels and EXIF's orientation; such become PNG. Fails with
    InvalidArgument for anything else, too many pixels, and, when they are decoded, for damaged
    files.

    A difference from t2t-decoder: values of CMYK JPEG differ by up to 2 of 255.
    """
    rows = tf.range(tf.size(contents))
    return tf.map_fn(
        lambda one: _stored(*one),
        (contents, rows),
        fn_output_signature=tf.TensorSpec((), tf.string),
    )


def _stored(content: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    data = tf.io.decode_raw(tf.strings.join([content, b"\0" * _PADDING]), tf.uint8)
    png, jpeg, is_gif, bmp = (starts_with(data, 0, magic) for magic in (_PNG, _JPEG, _GIF, _BMP))
    known = require(
        png | jpeg | is_gif | bmp,
        row,
        "is not an image; give the bytes of a PNG, JPEG, GIF or BMP file.",
    )

    def choose(*cases: Callable[[], tf.Tensor]) -> tf.Tensor:
        return tf.case(list(zip((jpeg, png, is_gif), cases, strict=False)), default=cases[3])

    with tf.control_dependencies([known]):
        pixels = choose(
            lambda: _area(tf.image.extract_jpeg_shape(content, tf.int64)[:2]),
            lambda: _area([big_endian(data, 16, 4), big_endian(data, 20, 4)]),
            lambda: _area([little_endian(data, 6, 2), little_endian(data, 8, 2)]),
            lambda: _area([_signed(data, 18), _signed(data, 22)]),
        )
    fits = require((pixels >= 1) & (pixels <= _MOST_PIXELS), row, "is an image of ", pixels,
                   f" pixels; from 1 to {_MOST_PIXELS} are allowed.")  # fmt: skip
    with tf.control_dependencies([fits]):
        return choose(
            lambda: _turned_jpeg(content, data),
            lambda: _png(content, data, row),
            lambda: _gif(content, data, row),
            lambda: _bmp(content, data, row),
        )


def _turned_jpeg(content: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
    told = exif.orientation(data, exif.jpeg_tags(data))

    def turned() -> tf.Tensor:
        pixels = tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")  # Pillow's
        return tf.io.encode_png(exif.upright(pixels, told))

    return tf.cond(told > 1, turned, lambda: content)


def _png(content: tf.Tensor, data: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    told = exif.orientation(data, exif.png_chunk(data, b"eXIf"))
    deep, color = tf.equal(data[24], 16), data[25]
    transparent = tf.equal(color, 4) | tf.equal(color, 6) | (exif.png_chunk(data, b"tRNS") > 0)

    def seen() -> tf.Tensor:
        pixels = tf.io.decode_png(content, channels=4)
        changed = (told > 1) | tf.reduce_any(pixels[..., 3] < 255)
        shown = lambda: tf.io.encode_png(exif.upright(_over_white(pixels), told))  # noqa: E731
        return tf.cond(changed, shown, lambda: content)

    def brightest() -> tf.Tensor:
        return tf.cast(tf.reduce_max(tf.io.decode_png(content, channels=3)), tf.int32)

    top = tf.cond(deep, brightest, lambda: tf.constant(255))
    bright = require(top >= _DARKEST, row, "is an image of 16-bit numbers up to ", 256 * top,
                     " of 65535, which would be next to black; spread them over all of that, or "
                     "give 8 bits.")  # fmt: skip
    with tf.control_dependencies([bright]):
        return tf.cond(transparent | (told > 1), seen, lambda: content)


def _gif(content: tf.Tensor, data: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    transparent, fills = gif.first_frame(data)
    plain = require(~transparent & fills, row, "is a GIF whose first frame is transparent or "
                    f"smaller than the picture; {_CONVERT}")  # fmt: skip
    with tf.control_dependencies([plain]):
        return tf.identity(content)


def _bmp(content: tf.Tensor, data: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    bits, compression = little_endian(data, 28, 2), little_endian(data, 30, 4)
    masked, alpha = tf.equal(compression, 3), little_endian(data, 66, 4)
    checks = [
        require(tf.reduce_any(tf.equal(bits, [8, 24, 32])), row, "is a BMP image of ", bits,
                " bits a pixel; 8, 24 and 32 are allowed."),
        require(tf.reduce_any(tf.equal(compression, [0, 3])), row,
                "is a compressed BMP image; give a plain one, or PNG or JPEG."),
        require(~masked | tf.equal(little_endian(data, 54, 4), _RED), row,
                f"is a BMP image with colors in an unusual order; {_CONVERT}"),
    ]  # fmt: skip

    def seen() -> tf.Tensor:
        return tf.io.encode_png(_over_white(tf.io.decode_bmp(content, channels=4)))

    with tf.control_dependencies(checks):
        transparent = masked & tf.equal(bits, 32) & (alpha > 0) & (little_endian(data, 14, 4) >= 56)
        return tf.case(
            [(tf.equal(bits, 8), lambda: _with_palette(content, data)), (transparent, seen)],
            default=lambda: content,
        )


def _with_palette(content: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
    """A BMP of 8 bits as PNG: its pixels are numbers of colors (blue, green, red, 0)."""
    numbers = tf.cast(tf.io.decode_bmp(content)[..., 0], tf.int32)  # refuses what breaks off
    start, colors = 14 + little_endian(data, 14, 4), little_endian(data, 46, 4)
    colors = tf.where((colors < 1) | (colors > 256), tf.constant(256, tf.int64), colors)
    with tf.control_dependencies([numbers]):
        table = tf.io.decode_raw(tf.strings.substr(content, start, 4 * colors), tf.uint8)
    table = tf.reverse(tf.reshape(table, [-1, 4])[:, :3], [1])
    return tf.io.encode_png(tf.gather(table, tf.minimum(numbers, tf.shape(table)[0] - 1)))


def _over_white(pixels: tf.Tensor) -> tf.Tensor:
    """uint8 [H, W, 3] of [H, W, 4] over white, rounded as Pillow's alpha_composite does."""
    pixels = tf.cast(pixels, tf.int32)
    alpha = pixels[..., 3:]
    sums = 128 * (pixels[..., :3] * alpha + 255 * (255 - alpha)) + 128 * 128
    return tf.cast((sums // 256 + sums) // 256 // 128, tf.uint8)


def _area(sides: tf.Tensor | list[tf.Tensor]) -> tf.Tensor:
    return tf.reduce_prod(tf.abs(tf.stack(sides) if isinstance(sides, list) else sides))


def _signed(data: tf.Tensor, start: int) -> tf.Tensor:
    """A BMP's height is negative where its rows run from the top."""
    value = little_endian(data, start, 4)
    return tf.where(value >= 2**31, value - 2**32, value)
