"""Groups of variables as flat vectors: joining gradients, clipping them, adding the update.

The order of operations of a step: join -> (sum over replicas) -> clip -> optimizer -> split. A
step costs about three operations per variable and ten per group.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from t2t_mm.runs.groups import Groups
from t2t_mm.runs.replicas import local


def join(
    groups: Groups, gradients: Mapping[str, Sequence[tf.Tensor | None]]
) -> dict[str, tf.Tensor]:
    """The groups that a loss depends on, each with its gradient as one float32 vector.

    A group none of whose variables has a gradient is left out: the step does not touch it. Where
    only some have none, theirs is zero.
    """
    joined = {}
    for name, group in groups.items():
        if all(gradient is None for gradient in gradients[name]):
            continue
        pieces = [
            tf.zeros([math.prod(variable.shape)]) if gradient is None else _flat(gradient)
            for variable, gradient in zip(group, gradients[name], strict=True)
        ]
        joined[name] = tf.concat(pieces, 0) if len(pieces) > 1 else pieces[0]
    return joined


def _flat(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor:
    # An embedding's gradient comes as rows; a flat vector needs them summed into the table.
    return tf.reshape(tf.cast(tf.convert_to_tensor(gradient), tf.float32), [-1])


def global_norm(joined: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """The L2 norm over all groups, float32 scalar."""
    return tf.sqrt(2.0 * tf.add_n([tf.nn.l2_loss(vector) for vector in joined.values()]))


def scale(joined: Mapping[str, tf.Tensor], factor: tf.Tensor) -> dict[str, tf.Tensor]:
    """Multiplies every vector by a scalar."""
    return {name: vector * factor for name, vector in joined.items()}


def clip_factor(norm: tf.Tensor, clip_norm: float) -> tf.Tensor:
    """The factor that brings gradients of a global norm down to `clip_norm`; at most 1."""
    return clip_norm / tf.maximum(norm, clip_norm)


def flat(group: Sequence[keras.Variable]) -> tf.Tensor:
    """A group's variables as one float32 vector."""
    pieces = [_flat(local(variable.value).read_value()) for variable in group]
    return tf.concat(pieces, 0) if len(pieces) > 1 else pieces[0]


def split(group: Sequence[keras.Variable], vector: tf.Tensor) -> list[tf.Tensor]:
    """The inverse of `flat`: the pieces of a vector, in the variables' shapes."""
    counts = [math.prod(variable.shape) for variable in group]
    pieces = tf.split(vector, counts) if len(counts) > 1 else [vector]
    return [tf.reshape(piece, v.shape) for v, piece in zip(group, pieces, strict=True)]


def add(
    group: Sequence[keras.Variable],
    delta: tf.Tensor,
    learning_rate: tf.Tensor,
    decays: Sequence[float],
    factors: Sequence[float],
) -> None:
    """Adds a flat update to a group's variables, which lose learning_rate * decay of themselves.

    Args:
      group: the variables, n parameters in all.
      delta: float32 [n], proportional to the learning rate.
      learning_rate: float32 scalar.
      decays: decoupled weight decay (AdamW) of each variable; 0 for none.
      factors: on the learning rate, of each variable.
    """
    changes = split(group, delta)
    for variable, change, decay, factor in zip(group, changes, decays, factors, strict=True):
        own = local(variable.value)
        if factor != 1.0:
            change *= factor
        if decay:
            change -= learning_rate * (decay * factor) * own
        own.assign_add(change, read_value=False)


def mask(group: Sequence[keras.Variable], kept: Mapping[str, tf.Tensor]) -> tf.Tensor | None:
    """Marks with 1 where a group may change, else 0, float32 [n]; None if all of it may.

    Args:
      group: the variables.
      kept: path -> 0 or 1 of every parameter, of those variables that may change in part.
    """
    if not any(variable.path in kept for variable in group):
        return None
    pieces = [kept.get(v.path, tf.ones(v.shape)) for v in group]
    return tf.concat([_flat(piece) for piece in pieces], 0)
