"""Images: encoded bytes to standardised squares, and their augmentation. Graph functions."""

from __future__ import annotations

import tensorflow as tf

# One fixed map for all images, [0, 255] -> [-2, 2]. Standardising each image by its own
# statistics would make a dark red square on gray and a light red one the same image: color and
# brightness are what some problems ask for.
MEAN, DEVIATION = 127.5, 63.75

# The largest shift is this part of the side. A shift pushes something over the edge: with the
# usual eighth, a small object near the edge of a 32-pixel image may be cut in half and its label
# with it; with a sixteenth (2 of 32 pixels) what is lost is little.
SHIFT_PART = 16


def decode(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """Encoded images to pixels.

    Args:
      encoded: string [B], PNG, JPEG, GIF (its first frame) or BMP of any size, gray or color.
      size: S, the side of the result in pixels.

    Returns:
      float32 [B, S, S, 3] in [0, 255]. The whole image is kept: what is not square is
      squeezed, neither cropped nor given borders. Alpha channels are ignored: what is
      stored is opaque.
    """
    return tf.map_fn(
        lambda one: _decode_one(one, size),
        encoded,
        fn_output_signature=tf.TensorSpec([size, size, 3], tf.float32),
    )


def _decode_one(encoded: tf.Tensor, size: int) -> tf.Tensor:
    image = decode_image(encoded)
    same = tf.reduce_all(tf.shape(image)[:2] == size)
    pixels = tf.cond(
        same,  # spares the cost of a resize that changes nothing
        lambda: tf.cast(image, tf.float32),
        lambda: tf.image.resize(image, [size, size], method="bilinear", antialias=True),
    )
    return tf.ensure_shape(pixels, [size, size, 3])


def decode_image(encoded: tf.Tensor) -> tf.Tensor:
    """One encoded image to uint8 [H, W, 3]."""
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    image.set_shape([None, None, 3])
    return image


def standardize(pixels: tf.Tensor) -> tf.Tensor:
    """[0, 255] to [-2, 2], by constants."""
    return (pixels - MEAN) / DEVIATION


def augment(images: tf.Tensor, flip: bool, seed: tf.Tensor) -> tf.Tensor:
    """Moves each image by a random number of pixels, and mirrors half of them.

    Every offset up to 1/16 of the side either way is as likely. The edge's pixels fill what moves
    in: a border of one color would be something that evaluation never shows, and mirrored
    content would double what lies at the edge.

    Args:
      images: [B, S, S, C].
      flip: whether to mirror left to right, each with probability 1/2.
      seed: int [2], of the stateless random numbers.

    Returns:
      [B, S, S, C].
    """
    batch, side = tf.shape(images)[0], tf.shape(images)[1]
    reach = side // SHIFT_PART
    draws = tf.random.experimental.stateless_split(seed, 2)
    shifts = tf.random.stateless_uniform(
        [2, batch, 1], draws[0], minval=-reach, maxval=reach + 1, dtype=tf.int32, alg="philox"
    )
    rows, columns = tf.unstack(tf.clip_by_value(tf.range(side) + shifts, 0, side - 1))
    if flip:
        mirrored = tf.random.stateless_uniform([batch, 1], draws[1], alg="philox") < 0.5
        columns = tf.where(mirrored, columns[:, ::-1], columns)
    moved = tf.gather(images, rows, axis=1, batch_dims=1)
    moved = tf.gather(moved, columns, axis=2, batch_dims=1)
    return tf.ensure_shape(moved, images.shape)
