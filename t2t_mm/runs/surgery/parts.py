"""The parts of a model: modalities, blocks of the body, commands, and their sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from t2t_mm.console.table import aligned
from t2t_mm.hparam import HParams
from t2t_mm.modalities.networks import modality_class, modality_key
from t2t_mm.models.joint import COMMANDS, SLOTS, JointModel
from t2t_mm.problem import Task
from t2t_mm.runs.groups import stage_variables
from t2t_mm.runs.stored import Shapes, StoredCheckpoint
from t2t_mm.runs.surgery.opened import OpenedRun
from t2t_mm.runs.weights import AVERAGE

MODALITY, BODY, OTHER = "modality", "body", "other"


@dataclass(frozen=True)
class Part:
    """Variables that belong together.

    Attributes:
      kind: modality, body, commands, slots (of inputs) or other (the state of random numbers).
      name: a modality's sharing key, or the body's block, e.g. "encoder_0".
      variables, parameters, bytes: their numbers.
      dtypes: of the variables, joined by commas.
      problems: that use it.
    """

    kind: str
    name: str
    variables: int
    parameters: int
    bytes: int
    dtypes: str
    problems: tuple[str, ...]


def model_parts(run: OpenedRun) -> list[Part]:
    """The parts of a run's model, modalities first, then the body's blocks."""
    stored = run.stored
    return parts_of(
        stored.variables,
        {path: stored.dtype(path) for path in stored.variables},
        list(run.tasks.values()),
        run.hparams,
        decoding_paths(run.model()),
    )


def decoding_paths(model: JointModel) -> set[str]:
    """Paths of the body's variables that a problem which decodes nothing never touches."""
    stages = stage_variables(model.body)
    return {v.path for name in model.body.decoding_stages for v in stages.get(name, ())}


def parts_of(
    shapes: Shapes,
    dtypes: Mapping[str, np.dtype],
    tasks: Sequence[Task],
    hparams: HParams,
    decoding: AbstractSet[str],
) -> list[Part]:
    """The parts of a model that is given by its variables.

    Args:
      shapes: path -> shape.
      dtypes: path -> dtype.
      tasks: the model's problems.
      hparams: the model's.
      decoding: see `decoding_paths`.
    """
    keys = {modality_key(kind, hparams) for task in tasks for kind in task.kinds.values()}
    found: dict[tuple[str, str], list[str]] = {}
    for path in shapes:
        found.setdefault(_part(path, keys), []).append(path)
    return [
        Part(
            kind,
            name,
            len(paths),
            sum(math.prod(shapes[path]) for path in paths),
            sum(math.prod(shapes[path]) * dtypes[path].itemsize for path in paths),
            ",".join(sorted({dtypes[path].name for path in paths})),
            _users(kind, name, tasks, hparams, set(paths) <= decoding),
        )
        for (kind, name), paths in sorted(found.items(), key=lambda item: _order(item[0]))
    ]


def _part(path: str, keys: Iterable[str]) -> tuple[str, str]:
    """ "joint/multi_model/encoder_0/..." -> (body, encoder_0); see the parts' kinds."""
    words = path.split("/")
    if len(words) < 2 or words[0] != "joint":
        return OTHER, words[0]
    if words[1] in keys:
        return MODALITY, words[1]
    if words[1] in (COMMANDS, SLOTS):
        return words[1], words[1]
    return BODY, words[2]


def _order(part: tuple[str, str]) -> tuple[int, str]:
    return (MODALITY, BODY, COMMANDS, SLOTS, OTHER).index(part[0]), part[1]


def _users(
    kind: str, name: str, tasks: Sequence[Task], hparams: HParams, decodes: bool
) -> tuple[str, ...]:
    def uses(task: Task) -> bool:
        if kind == MODALITY:
            return name in (modality_key(kind, hparams) for kind in task.kinds.values())
        if kind == SLOTS:
            return len(task.inputs) > 1
        if kind == COMMANDS or decodes:
            return modality_class(task.targets, hparams).decodes
        return True

    return tuple(sorted(task.name for task in tasks if uses(task)))


@dataclass(frozen=True)
class Extras:
    """The contents of a checkpoint besides the model's variables.

    Attributes:
      optimizer: parameters of the optimizer's slots.
      average: parameters of the moving average.
    """

    optimizer: int
    average: int


def extras(stored: StoredCheckpoint) -> Extras:
    """The sizes of the optimizer's slots and of the moving average."""
    sizes = {name: math.prod(shape) for name, shape in stored.slots.items()}
    average = sum(size for name, size in sizes.items() if name.endswith(f"/{AVERAGE}"))
    return Extras(sum(size for size in sizes.values() if size > 1) - average, average)


def parts_table(parts: Sequence[Part], before: Sequence[Part] = ()) -> str:
    """A table of parts and their total.

    Args:
      parts: of a model.
      before: of the model that it is cut from or grown from, whose parts are shown beside.
    """
    old = {(part.kind, part.name): part for part in before}
    new = {(part.kind, part.name): part for part in parts}
    head = ["kind", "part", "variables", *(["before"] if before else []), "parameters", "bytes"]
    rows = [[*head, "dtype", "problems"]]
    for kind, name in sorted(old.keys() | new.keys(), key=_order):
        part = new.get((kind, name)) or Part(kind, name, 0, 0, 0, "", ())
        size = old[kind, name].parameters if (kind, name) in old else 0
        old_size = [f"{size:,}"] if before else []
        sizes = [f"{part.parameters:,}", f"{part.bytes:,}"]
        counts = [f"{part.variables}", *old_size, *sizes]
        rows.append([kind, name, *counts, part.dtypes, _problem_names(part)])
    old_size = [f"{parameters(before):,}"] if before else []
    total = [f"{parameters(parts):,}", f"{sum(part.bytes for part in parts):,}"]
    rows.append(["total", "", f"{sum(p.variables for p in parts)}", *old_size, *total, "", ""])
    left = [i for i, title in enumerate(rows[0]) if title in ("kind", "part", "dtype", "problems")]
    return aligned(rows, left)


def parameters(parts: Sequence[Part]) -> int:
    """The number of parameters in all."""
    return sum(part.parameters for part in parts)


def _problem_names(part: Part, most: int = 3) -> str:
    names = part.problems
    return ", ".join(names) if len(names) <= most else f"{len(names)} problems"
