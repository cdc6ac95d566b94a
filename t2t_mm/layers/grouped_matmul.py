"""Products of row groups of uneven sizes, each with its own matrix, as sparse experts need them."""

from __future__ import annotations

import keras

from t2t_mm.tensor import Tensor


def grouped_matmul(rows: Tensor, weights: Tensor, group_sizes: Tensor) -> Tensor:
    """Multiplies group g of the rows by weights[g]; the cost follows the rows, not the groups.

    Args:
      rows: [M, D], sorted by group.
      weights: [E, D, F].
      group_sizes: [E] integers, the rows of each group; some may be 0. Their sum is M; under
        JAX, whose shapes are fixed, it may be less, and the rows left over give zeros.

    Returns:
      [M, F].

    Raises:
      NotImplementedError: under a Keras backend other than TensorFlow and JAX.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _tensorflow(rows, weights, group_sizes)
    if backend == "jax":
        import jax

        weights = keras.ops.convert_to_tensor(weights)
        return jax.lax.ragged_dot(rows, weights, group_sizes.astype("int32"))
    raise NotImplementedError(
        f"mixtures of experts run on the Keras backends tensorflow and jax, not on {backend}; "
        "set KERAS_BACKEND or use_moe=False"
    )


def _tensorflow(rows: Tensor, weights: Tensor, group_sizes: Tensor) -> Tensor:
    """A product per group: TensorFlow has no ragged one. Neither split copies on a CPU."""
    import tensorflow as tf

    experts = weights.shape[0]
    groups = tf.split(rows, group_sizes, num=experts)  # [size of the group, D] each
    matrices = tf.unstack(tf.convert_to_tensor(weights), num=experts)  # [D, F] each
    return tf.concat([tf.matmul(*pair) for pair in zip(groups, matrices, strict=True)], 0)
