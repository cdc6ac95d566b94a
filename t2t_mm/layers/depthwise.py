"""Depthwise convolution along a sequence, by the quickest way that each backend has for it.

TensorFlow's own dilated depthwise convolution takes 5 times the ordinary one's time on a CPU; its
ordinary one depends, by factors of 2 to 20, on which way the kernel lies and who pads. The choices
here were measured on [16, 32, 128] and [32, 64, 512] at TensorFlow 2.21 with oneDNN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from t2t_mm.tensor import Tensor

# Kernels of more numbers than this are worth three calls, each with the kernel its best way.
LARGE_KERNEL = 4096


def depthwise_conv(x: Tensor, kernel: Tensor, before: int, after: int, dilation: int = 1) -> Tensor:
    """Sums kernel[before + o] * x[t + o * dilation] over -before <= o <= after, for each t.

    Args:
      x: [B, L, C]; zeros are assumed outside.
      kernel: [before + 1 + after, C].
      before: taps that look back.
      after: taps that look ahead.
      dilation: distance between taps.

    Returns:
      [B, L, C].
    """
    kernel = ops.convert_to_tensor(kernel)
    if keras.backend.backend() == "tensorflow":
        if dilation > 1:
            return _dilated(x, kernel, before, after, dilation)
        large = kernel.shape[0] * kernel.shape[1] > LARGE_KERNEL
        return (_large if large else _small)(x, kernel, before, after)
    border = [before * dilation, after * dilation]
    x = ops.pad(x, [[0, 0], border, [0, 0]])  # [B, L + d (taps - 1), C]
    y = ops.depthwise_conv(
        x[:, :, None], kernel[:, None, :, None], padding="valid", dilation_rate=(dilation, 1)
    )
    return y[:, :, 0]


def _small(x: Tensor, kernel: Tensor, before: int, after: int) -> Tensor:
    """One TensorFlow operation that pads by itself."""
    import tensorflow as tf

    padding = [[0, 0], [before, after], [0, 0], [0, 0]]  # of [B, L, 1, C]
    y = tf.nn.depthwise_conv2d(tf.expand_dims(x, 2), _tall(kernel), [1, 1, 1, 1], padding)
    return tf.squeeze(y, 2)


def _tall(kernel: Tensor) -> Tensor:
    """Reshapes [taps, C] to [taps, 1, C, 1]; indexing with None would copy on the way back."""
    import tensorflow as tf

    return tf.reshape(kernel, [-1, 1, kernel.shape[1], 1])


def _large(x: Tensor, kernel: Tensor, before: int, after: int) -> Tensor:
    """The sequence lies along the width for y and dx, along the height for dkernel."""
    import tensorflow as tf

    options = {"strides": [1, 1, 1, 1], "padding": "VALID"}

    @tf.custom_gradient
    def convolve(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
        wide = tf.expand_dims(x, 1)  # [B, 1, L, C]
        wide_kernel = tf.reshape(kernel, [1, *kernel.shape, 1])  # [1, taps, C, 1]
        y = tf.raw_ops.DepthwiseConv2dNative(input=wide, filter=wide_kernel, **options)

        def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            dx = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
                input_sizes=tf.shape(wide),
                filter=wide_kernel,
                out_backprop=tf.expand_dims(dy, 1),
                **options,
            )
            dkernel = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
                input=tf.expand_dims(x, 2),  # [B, L, 1, C]
                filter_sizes=[kernel.shape[0], 1, kernel.shape[1], 1],
                out_backprop=tf.expand_dims(dy, 2),
                **options,
            )
            return tf.squeeze(dx, 1), tf.reshape(dkernel, kernel.shape)

        return tf.squeeze(y, 1), gradient

    return convolve(tf.pad(x, [[0, 0], [before, after], [0, 0]]), kernel)


def _dilated(x: Tensor, kernel: Tensor, before: int, after: int, dilation: int) -> Tensor:
    """A dilated convolution as an ordinary one, with the taps that only ever meet padding cut off.

    Written in rows of `dilation` positions, [B, L, C] is [B, L / d, d, C], without a transposition,
    and the taps lie along its columns. A tap further off than there are rows multiplies zeros
    alone: of 15 causal taps at dilation 8, a sequence of 12 needs 2.
    """
    import tensorflow as tf

    length, channels = tf.shape(x)[1], x.shape[-1]
    rows = (length + dilation - 1) // dilation
    before_kept, after_kept = tf.minimum(before, rows - 1), tf.minimum(after, rows - 1)
    kept = before_kept + 1 + after_kept
    kernel = tf.slice(kernel, [before - before_kept, 0], [kept, channels])
    end = (after_kept + rows) * dilation - length
    x = tf.pad(x, [[0, 0], [before_kept * dilation, end], [0, 0]])
    x = tf.reshape(x, [-1, rows + kept - 1, dilation, channels])  # [B, L / d + kept - 1, d, C]
    y = tf.nn.depthwise_conv2d(x, _tall(kernel), [1, 1, 1, 1], "VALID")  # [B, L / d, d, C]
    return tf.slice(tf.reshape(y, [-1, rows * dilation, channels]), [0, 0, 0], [-1, length, -1])
