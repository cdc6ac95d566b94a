"""The graphs of a training step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

SCALAR = tf.TensorSpec((), tf.float32)
NUMBER = tf.TensorSpec((), tf.int32)


def concrete(function: Callable[..., Any], specs: list[Any]) -> Any:
    """A concrete function, because TensorFlow takes several of a kind for needless retracing."""
    return tf.function(function, input_signature=specs, autograph=False).get_concrete_function()
