"""assets.extra/t2t_mm.json: what an export can do, for those who use it without t2t_mm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.problem import INPUTS, Task

FOLDER, FILE = "assets.extra", "t2t_mm.json"  # TensorFlow Serving's place for what is not its own


def describe(
    tasks: Mapping[str, Task], settings: DecodeSettings, examples: Mapping[str, Any], **run: Any
) -> dict[str, Any]:
    """The file's contents.

    Args:
      tasks: the exported problems, by name.
      settings: how answers are searched for.
      examples: problem -> inputs to try, as REST's rows: text, or {"b64": ...}.
      run: model, hparams_set, step and weights.
    """
    problems = {name: _problem(task, examples.get(name, [])) for name, task in tasks.items()}
    return {"problems": problems, **run, "decode_hparams": settings.to_dict()}


def _problem(task: Task, examples: Any) -> dict[str, Any]:
    """The entry of a problem; one input named "inputs" has the form of the first edition."""
    features = {name: kind.description() for name, kind in task.inputs.items()}
    kinds: Any = {name: kind.name for name, kind in task.inputs.items()}
    one = features.get(INPUTS, {}) if len(features) == 1 else {}
    return {
        "inputs": kinds[INPUTS] if one else kinds,
        "features": features,
        "absent": not task.has_inputs,
        "targets": task.targets.name,
        "target": task.targets.description(),
        "command": task.command,
        "labels": list(task.targets.description().get("labels", [])),
        "sample_rate": one.get("sample_rate"),
        "image_size": one.get("image_size"),
        "metrics": list(task.metrics),
        "examples": examples,
    }
