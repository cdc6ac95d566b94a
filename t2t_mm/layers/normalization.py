"""Layer normalization over the channels, with float32 statistics.

Only the layer lives here; where a network normalizes is the business of the layers that own one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from t2t_mm.layers.buffers import read
from t2t_mm.tensor import Shape, Tensor, channels_of


class LayerNorm(keras.layers.Layer):
    """LN(x) = scale * (x - mean) / sqrt(var + epsilon) + bias over the last axis.

    Each ConvStep ends with it (arXiv 1706.05137, section 2.1). Mean and variance are those of one
    position alone, so padding positions never touch real ones. Statistics are float32 under every
    dtype policy.

    `keras.layers.LayerNormalization` gives the same values; this one spends fewer TensorFlow
    operations on the way back, which is what counts at small widths.

    Args:
      epsilon: added to the variance.
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Makes scale and bias, both [C]."""
        depth = channels_of(input_shape)
        self.scale = self.add_weight(
            shape=(depth,), initializer="ones", name="scale", autocast=False
        )
        self.bias = self.add_weight(
            shape=(depth,), initializer="zeros", name="bias", autocast=False
        )

    def call(self, x: Tensor) -> Tensor:
        """Normalizes x [..., C]; the shape and the dtype stay."""
        y = layer_norm(ops.cast(x, "float32"), self.scale, self.bias, self.epsilon)
        return ops.cast(y, x.dtype)

    def prepare(self) -> tuple[Tensor, Tensor]:
        """Scale and bias as tensors, for `step`, once for all positions."""
        return read(self.scale), read(self.bias)

    def step(self, weights: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
        """Normalizes x [R, C] without a way back."""
        wide = ops.cast(x, "float32")
        centered = wide - ops.mean(wide, axis=-1, keepdims=True)
        return ops.cast(self.step_centered(centered, *weights), x.dtype)

    def step_centered(self, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        """`step` of x [R, C] whose mean over the channels is 0 already."""
        wide = ops.cast(x, "float32")
        variance = ops.mean(ops.square(wide), axis=-1, keepdims=True)
        return ops.cast(wide * ops.rsqrt(variance + self.epsilon) * scale + bias, x.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


def layer_norm(x: Tensor, scale: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """Normalizes x [..., C] over its last axis; scale and bias are [C], all float32."""
    if keras.backend.backend() == "tensorflow":
        return _tensorflow_layer_norm(x, scale, bias, epsilon)
    centered = x - ops.mean(x, axis=-1, keepdims=True)
    inverse = ops.rsqrt(ops.mean(ops.square(centered), axis=-1, keepdims=True) + epsilon)
    return centered * inverse * scale + bias


def _tensorflow_layer_norm(x: Tensor, scale: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """`layer_norm` with a gradient by hand: automatic differentiation makes more operations."""
    import tensorflow as tf

    @tf.custom_gradient
    def normalize(
        x: tf.Tensor, scale: tf.Tensor, bias: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[..., Any]]:
        centered = x - tf.reduce_mean(x, -1, keepdims=True)
        inverse = tf.math.rsqrt(tf.reduce_mean(tf.square(centered), -1, keepdims=True) + epsilon)
        normal = centered * inverse

        def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            along_normal, dnormal = dy * normal, dy * scale
            dx = inverse * (
                dnormal
                - tf.reduce_mean(dnormal, -1, keepdims=True)
                - normal * tf.reduce_mean(along_normal * scale, -1, keepdims=True)
            )
            # Sums over the rows as products: in half of the time that reduce_sum takes.
            ones, depth = tf.reshape(tf.ones_like(inverse), [1, -1]), scale.shape[0]
            rows = [tf.reshape(z, [-1, depth]) for z in (along_normal, dy)]  # [N, C] each
            sums = [tf.matmul(ones, z) for z in rows]  # [1, C] each
            return dx, tf.squeeze(sums[0], 0), tf.squeeze(sums[1], 0)

        return normal * scale + bias, gradient

    # Tensors, not variables: a function with a hand-written gradient may not close over variables.
    return normalize(x, tf.convert_to_tensor(scale), tf.convert_to_tensor(bias))
