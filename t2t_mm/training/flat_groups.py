"""Groups of variables as flat vectors: joining gradients, clipping them, adding the update.

The order of operations of a step: join -> (sum over replicas) -> clip -> optimizer -> split. A
step costs about three operations a variable and ten a group.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from t2t_mm.models.joint import BODY, JointModel
from t2t_mm.problem import Task
from t2t_mm.runs.replicas import local

Groups = Mapping[str, Sequence[keras.Variable]]


def parts(
    groups: Groups, paths: Sequence[Sequence[keras.Variable]], staged: str
) -> dict[str, list[keras.Variable]]:
    """Splits groups so that a step touches all of a part or none of it.

    Otherwise a step of a class label, say, would move the decoder, which it does not use, by the
    momentum of earlier steps.

    Args:
      groups: of the model.
      paths: the variables that each kind of step touches.
      staged: the group whose paths count as a whole, although some stop in its middle: the body.
        It is split by the first word of its layers' names: encoder, mixer, decoder.

    Returns:
      Part -> variables; a group that is one part keeps its name.
    """
    touching: dict[int, list[int]] = {}
    for number, path in enumerate(paths):
        for variable in path:
            touching.setdefault(id(variable), []).append(number)
    found: dict[str, list[keras.Variable]] = {}
    for name, group in groups.items():
        split: dict[tuple[Any, ...], list[keras.Variable]] = {}
        for variable in group:
            stage = _stage(variable) if name == staged else ""
            split.setdefault((stage, *touching.get(id(variable), ())), []).append(variable)
        for number, part in enumerate(split.values()):
            found[f"{name}/{number}" if len(split) > 1 else name] = part
    return found


def _stage(variable: keras.Variable) -> str:
    """ "encoder" of "joint/multi_model/encoder_0/..."."""
    layers = variable.path.split("/")[2:-1]
    return layers[0].partition("_")[0] if layers else ""


def sizes(groups: Groups) -> dict[str, int]:
    """Group -> number of parameters; empty groups are left out."""
    counts = {name: sum(math.prod(v.shape) for v in group) for name, group in groups.items()}
    return {name: count for name, count in counts.items() if count}


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
    """Every vector times a scalar."""
    return {name: vector * factor for name, vector in joined.items()}


def clip_factor(norm: tf.Tensor, clip_norm: float) -> tf.Tensor:
    """What gradients of that global norm are multiplied by so that it is at most `clip_norm`."""
    return clip_norm / tf.maximum(norm, clip_norm)


def add(
    group: Sequence[keras.Variable], delta: tf.Tensor, learning_rate: tf.Tensor, decay: float
) -> None:
    """Adds a flat update to a group's variables; matrices lose learning_rate * decay of themselves.

    Args:
      group: the variables, n parameters in all.
      delta: float32 [n].
      learning_rate: float32 scalar.
      decay: decoupled weight decay (AdamW); 0 for none.
    """
    counts = [math.prod(variable.shape) for variable in group]
    pieces = tf.split(delta, counts) if len(counts) > 1 else [delta]
    for variable, piece in zip(group, pieces, strict=True):
        own = local(variable.value)
        change = tf.reshape(piece, variable.shape)
        if decay and len(variable.shape) > 1:
            change -= learning_rate * decay * own
        own.assign_add(change, read_value=False)


def variable_groups(model: JointModel, tasks: Sequence[Task]) -> dict[str, list[keras.Variable]]:
    """The parts of the model that a step touches as a whole or not at all."""
    signatures = sorted({model.signature(task) for task in tasks})
    paths = [model.signature_variables(signature) for signature in signatures]
    return parts(model.groups(), paths, BODY)
