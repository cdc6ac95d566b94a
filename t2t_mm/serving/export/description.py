"""assets.extra/t2t_mm.json: what an export can do, for those who use it without t2t_mm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.problem import Task

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
    return {
        "inputs": task.inputs.kind,
        "absent": task.inputs.absent,
        "targets": "tree" if "bracket_f1" in task.metrics else task.targets.kind,
        "command": task.command,
        "labels": list(task.labels),
        "sample_rate": task.inputs.sample_rate,
        "image_size": task.inputs.image_size,
        "metrics": list(task.metrics),
        "examples": examples,
    }
