"""Initial values of kernels whose fans Keras would misread from the shape alone."""

from __future__ import annotations

import keras


def glorot_uniform(fan_in: int, fan_out: int) -> keras.initializers.Initializer:
    """Glorot's uniform initializer for fans given as numbers.

    Keras takes the leading axes of a kernel for a convolution's window; a stack of experts [E, D,
    F] or a fused projection [D, 3 D] would start too small.

    Args:
      fan_in: numbers that one output sums over.
      fan_out: outputs that one input feeds.

    Returns:
      A new initializer each time: one instance would give equal values to variables of equal shape.
    """
    limit = (6.0 / (fan_in + fan_out)) ** 0.5
    return keras.initializers.RandomUniform(-limit, limit)
