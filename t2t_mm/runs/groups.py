"""The parts of a model that a training step touches as a whole or not at all.

In memory the optimizer and the moving average keep one flat vector for each part. Checkpoints know
nothing of parts: there everything is stored by variable (slots.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from t2t_mm.models.body import Body
from t2t_mm.models.joint import JointModel
from t2t_mm.models.objective import Objective, check_objectives
from t2t_mm.problem import Task

Groups = Mapping[str, Sequence[keras.Variable]]


def variable_groups(model: JointModel, tasks: Sequence[Task]) -> dict[str, list[keras.Variable]]:
    """The parts of the model that a step touches as a whole or not at all."""
    routes = sorted({model.route(task) for task in tasks})
    paths = [model.route_variables(route) for route in routes]
    stages = {
        id(variable): name
        for name, variables in stage_variables(model.body).items()
        for variable in variables
    }
    return parts(model.groups(), paths, stages)


def stage_variables(body: Body) -> dict[str, list[keras.Variable]]:
    """Stage of a body -> its variables."""
    return {
        name: [variable for layer in layers for variable in layer.variables]
        for name, layers in body.stages().items()
    }


def objective_groups(model: JointModel, groups: Groups) -> list[tuple[Objective, frozenset[str]]]:
    """The body's objectives, each with the groups that it moves.

    Raises:
      UserError: if the objectives do not share out the body's stages, see `check_objectives`.
    """
    objectives, stages = model.body.objectives(), stage_variables(model.body)
    check_objectives(objectives, stages, type(model.body).__name__)
    stage_of = {id(v): stage for stage, variables in stages.items() for v in variables}
    owner = {stage: o.name for o in objectives for stage in o.stages}
    moved: dict[str, set[str]] = {objective.name: set() for objective in objectives}
    for name, group in groups.items():
        stage = stage_of.get(id(group[0]), "") if group else ""
        moved[owner.get(stage, objectives[0].name)].add(name)
    return [(objective, frozenset(moved[objective.name])) for objective in objectives]


def parts(
    groups: Groups, paths: Sequence[Sequence[keras.Variable]], stages: Mapping[int, str]
) -> dict[str, list[keras.Variable]]:
    """Splits groups so that a step touches all of a part or none of it.

    Otherwise a step of a class label, say, would move the decoder, which it does not use, by the
    momentum of earlier steps.

    Args:
      groups: of the model.
      paths: the variables that each kind of step touches.
      stages: id of a variable -> its stage, of the body, whose paths count as a whole although
        some stop in its middle; see `Body.stages`.

    Returns:
      Part -> variables; a group that is one part keeps its name.
    """
    paths_of: dict[int, list[int]] = {}
    for number, path in enumerate(paths):
        for variable in path:
            paths_of.setdefault(id(variable), []).append(number)
    found: dict[str, list[keras.Variable]] = {}
    for name, group in groups.items():
        split: dict[tuple[Any, ...], list[keras.Variable]] = {}
        for variable in group:
            key = (stages.get(id(variable), ""), *paths_of.get(id(variable), ()))
            split.setdefault(key, []).append(variable)
        for number, part in enumerate(split.values()):
            found[f"{name}/{number}" if len(split) > 1 else name] = part
    return found


def sizes(groups: Groups) -> dict[str, int]:
    """Group -> number of parameters; empty groups are left out."""
    counts = {name: sum(math.prod(v.shape) for v in group) for name, group in groups.items()}
    return {name: count for name, count in counts.items() if count}
