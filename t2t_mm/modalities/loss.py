"""Cross-entropy with label smoothing, and the teacher-forced metrics that both heads share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from t2t_mm.tensor import Tensor

Sums = tuple[Tensor, Tensor]


# The names that `classification_metrics` gives.
CLASSIFICATION = frozenset({"accuracy", "accuracy_top5", "neg_log_perplexity"})


def smoothed_cross_entropy(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy -sum q(v) log p(v), q being 1 - eps at the target, eps / (V - 1) elsewhere.

    With z the logits, b = eps / (V - 1) and a = 1 - eps - b, this is logsumexp(z) - a z[target] -
    b sum(z): no [N, V] array of smoothed labels is made.

    Args:
      logits: [N, V].
      targets: [N] int.
      label_smoothing: eps.

    Returns:
      [N] float32.
    """
    logits, targets = ops.cast(logits, "float32"), ops.cast(targets, "int32")
    rest = label_smoothing / max(logits.shape[-1] - 1, 1)
    if keras.backend.backend() == "tensorflow":
        return _tensorflow_cross_entropy(logits, targets, 1.0 - label_smoothing - rest, rest)
    loss = ops.logsumexp(logits, axis=-1)
    loss = loss - (1.0 - label_smoothing - rest) * at_target(logits, targets)
    return loss - rest * ops.sum(logits, axis=-1) if rest else loss


def _tensorflow_cross_entropy(logits: Tensor, targets: Tensor, share: float, rest: float) -> Tensor:
    """Computes logsumexp(z) - share z[target] - rest sum(z); its gradient reuses exponentials.

    Forward and backward of [512, 8192] on two cores: 3.7 ms, against 6.0 of automatic
    differentiation, 6.3 of smoothed labels and the fused softmax cross-entropy, 7.8 of the fused
    sparse one (without smoothing).
    """
    import tensorflow as tf

    @tf.custom_gradient
    def cross_entropy(z: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
        largest = tf.reduce_max(z, -1, keepdims=True)
        exponentials = tf.exp(z - largest)
        total = tf.reduce_sum(exponentials, -1)
        loss = tf.math.log(total) + largest[:, 0] - share * tf.gather(z, targets, batch_dims=1)
        if rest:
            loss -= rest * tf.reduce_sum(z, -1)

        def gradient(dy: tf.Tensor) -> tf.Tensor:
            dz = exponentials * (dy / total)[:, None]
            if rest:
                dz -= (rest * dy)[:, None]
            rows = tf.range(tf.shape(targets)[0])
            return tf.tensor_scatter_nd_sub(dz, tf.stack([rows, targets], 1), share * dy)

        return loss, gradient

    return cross_entropy(logits)


def at_target(logits: Tensor, targets: Tensor) -> Tensor:
    """The logit of each target: logits [N, V], targets [N] -> [N]."""
    return ops.squeeze(ops.take_along_axis(logits, targets[:, None], axis=-1), -1)


def weighted_sum(values: Tensor, weights: Tensor) -> Sums:
    """Sums weighted values, and weights, float32 scalars: their ratio is the mean."""
    weights = ops.cast(weights, "float32")
    return ops.sum(ops.cast(values, "float32") * weights), ops.sum(weights)


def classification_metrics(logits: Tensor, targets: Tensor, weights: Tensor) -> dict[str, Sums]:
    """Metrics of logits [N, V] against targets [N] with weights [N].

    Returns:
      "accuracy", "accuracy_top5" (fewer than 5 logits above the target's) and
      "neg_log_perplexity" (the mean log-probability, without smoothing), each (sum, weight).
    """
    logits, targets = ops.cast(logits, "float32"), ops.cast(targets, "int32")
    above = ops.sum(ops.cast(logits > at_target(logits, targets)[:, None], "int32"), axis=-1)
    log_probability = -smoothed_cross_entropy(logits, targets)
    return {
        "accuracy": weighted_sum(is_right(logits, targets), weights),
        "accuracy_top5": weighted_sum(above < 5, weights),
        "neg_log_perplexity": weighted_sum(log_probability, weights),
    }


def is_right(logits: Tensor, targets: Tensor) -> Tensor:
    """True where the largest logit is the target's: logits [..., V], targets [...] -> [...]."""
    return ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), ops.cast(targets, "int32"))
