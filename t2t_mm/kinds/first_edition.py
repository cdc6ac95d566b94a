"""Problems as the first edition wrote them, read as kinds.

There a feature was one record for all kinds of data, told apart by the first word of its modality's
name, with the network's name in it; a tree was a text that was scored by `bracket_f1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from t2t_mm.kinds.kind import kind_from_dict

_TREE_METRIC = "bracket_f1"
_LABEL = "class_label"


def is_first_edition(task: Mapping[str, Any]) -> bool:
    """True if a task of run.json was written by the first edition."""
    return "modality" in task["targets"]


def second_edition(task: Mapping[str, Any]) -> dict[str, Any]:
    """The task as the second edition writes it."""
    fixed = {key: value for key, value in task.items() if key != "labels"}
    labels, trees = task.get("labels", ()), _TREE_METRIC in task.get("metrics", ())
    own = kind_of(task["inputs"], labels, trees and task.get("copied", False))
    fixed["inputs"] = {"inputs": own}
    fixed["targets"] = kind_of(task["targets"], labels, trees)
    return fixed


def kind_of(spec: Mapping[str, Any], labels: Any, tree: bool) -> dict[str, Any]:
    """A feature's record as `Kind.to_dict` gives it."""
    word = _word(spec)
    if word == "image":
        names = ("channels", "flip", "augment")
        return {"kind": "image", "size": spec.get("image_size"), **_present(spec, names)}
    if word == "audio":
        return {"kind": "audio", "sample_rate": spec.get("sample_rate")}
    if word == "label":
        return {"kind": "label", "names": list(labels), "group": spec.get("vocabulary")}
    own = {"vocabulary": spec.get("vocabulary"), "size": spec.get("vocab_size")}
    return {"kind": "tree" if tree else "text", **own, **_present(spec, ("absent",))}


def _present(spec: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: spec[name] for name in names if name in spec}


def _word(spec: Mapping[str, Any]) -> str:
    return "label" if spec["modality"] == _LABEL else spec["modality"].partition("_")[0]


def networks(tasks: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """Hparam -> the modalities that tasks of the first edition name.

    Those kinds of data are left out whose features all name the network that is their own today.
    """
    found: dict[str, set[str]] = {}
    other: set[str] = set()
    for task in tasks.values():
        for side in ("inputs", "targets") if is_first_edition(task) else ():
            kind = kind_from_dict(kind_of(task[side], task.get("labels", ()), False))
            named = task[side]["modality"]
            found.setdefault(kind.modality_field, set()).add(named)
            if named != kind.modality:
                other.add(kind.modality_field)
    return {field: found[field] for field in sorted(other)}
