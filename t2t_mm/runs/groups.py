"""The parts of a model that a training step touches as a whole or not at all.

The optimizer and the sliding average keep one flat vector for each part: training updates it, and
checkpoints hold it, under names that begin with the part's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from t2t_mm.models.joint import BODY, JointModel
from t2t_mm.problem import Task

Groups = Mapping[str, Sequence[keras.Variable]]


def variable_groups(model: JointModel, tasks: Sequence[Task]) -> dict[str, list[keras.Variable]]:
    """The parts of the model that a step touches as a whole or not at all."""
    routes = sorted({model.route(task) for task in tasks})
    paths = [model.route_variables(route) for route in routes]
    return parts(model.groups(), paths, BODY)


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
