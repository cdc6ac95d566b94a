"""Tensor2Tensor's augmentation of ImageNet's images: crops, mirror images, colors.

In training, four images of five are enlarged to 360 / 299 of the side that is wanted, cropped to
it at a random place, mirrored with probability 1/2, and changed in brightness, saturation, hue and
contrast; the fifth is as in evaluation. Graph functions without state, as picture_features.
"""

from __future__ import annotations

import tensorflow as tf

from t2t_mm.kinds.image_graph import decode_image

DISTORTED_SHARE = 0.8  # of the images are distorted
ENLARGEMENT = 360 / 299  # sides before and after the crop
BRIGHTNESS = 32 / 255  # largest shift, of the range of pixels
SATURATION = CONTRAST = (0.5, 1.5)  # factors
HUE = 0.2  # largest turn, of the circle


def decode_distorted(encoded: tf.Tensor, size: int, flip: bool, seed: tf.Tensor) -> tf.Tensor:
    """Encoded images to pixels, most of them distorted.

    Args:
      encoded: string [B].
      size: S, the side of the result in pixels.
      flip: whether half of the distorted ones are mirrored left to right.
      seed: int [2], of the stateless random numbers.

    Returns:
      float32 [B, S, S, 3] in [0, 255].
    """
    numbers = tf.range(tf.shape(encoded, tf.int64)[0])
    return tf.map_fn(
        lambda one: _distorted(one[0], size, flip, _fold_in(seed, one[1])),
        (encoded, numbers),
        fn_output_signature=tf.TensorSpec([size, size, 3], tf.float32),
    )


def _fold_in(seed: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """A seed for each image of a batch."""
    return tf.random.experimental.stateless_fold_in(seed, number)


def _distorted(encoded: tf.Tensor, size: int, flip: bool, seed: tf.Tensor) -> tf.Tensor:
    draws = tf.random.experimental.stateless_split(seed, 7)
    chosen = tf.random.stateless_uniform([], draws[0], alg="philox") < DISTORTED_SHARE
    image = decode_image(encoded)

    def distorted() -> tf.Tensor:
        side = round(size * ENLARGEMENT)
        large = tf.image.resize(image, [side, side], method="bilinear", antialias=True)
        pixels = tf.image.stateless_random_crop(large / 255.0, [size, size, 3], draws[1])
        if flip:
            pixels = tf.image.stateless_random_flip_left_right(pixels, draws[2])
        return 255.0 * _recolored(pixels, draws)

    def plain() -> tf.Tensor:
        return tf.image.resize(image, [size, size], method="bilinear", antialias=True)

    return tf.ensure_shape(tf.cond(chosen, distorted, plain), [size, size, 3])


def _recolored(pixels: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Pixels in [0, 1] with other brightness, saturation, hue and contrast, again in [0, 1]."""
    pixels = tf.image.stateless_random_brightness(pixels, BRIGHTNESS, draws[3])
    pixels = tf.image.stateless_random_saturation(pixels, *SATURATION, draws[4])
    pixels = tf.image.stateless_random_hue(pixels, HUE, draws[5])
    pixels = tf.image.stateless_random_contrast(pixels, *CONTRAST, draws[6])
    return tf.clip_by_value(pixels, 0.0, 1.0)
