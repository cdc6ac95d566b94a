"""Writes a SavedModel's folder, whole or not at all, as the next version."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from t2t_mm.errors import UserError
from t2t_mm.files.locking import holding, is_held
from t2t_mm.serving.export.description import FILE, FOLDER
from t2t_mm.serving.export.signatures import EXPLAIN, Exportable

_UNFINISHED = ".unfinished."  # begins the name of a version's folder until it is whole
_GRAPH, _FINGERPRINT, _GRADIENT = "saved_model.pb", "fingerprint.pb", "_gradient_op_type"


def write_version(
    made: Exportable, description: Mapping[str, Any], folder: Path, step: int
) -> Path:
    """Writes the next version; it appears under its number only when it is whole.

    Args:
      made: what to save.
      description: the contents of t2t_mm.json.
      folder: holds the versions.
      step: the version's number, if it is higher than all that are there.

    Raises:
      UserError: if the folder cannot be written.
    """
    signatures = {name: made.answers(name) for name in made.tasks}
    explained = filter(made.explains, made.tasks)
    signatures |= {EXPLAIN + name: made.explanations(name) for name in explained}
    beside = folder / f"{_UNFINISHED}{os.getpid()}"
    try:
        _remove_leftovers(folder)
        beside.mkdir(parents=True, exist_ok=True)
        with holding(beside):
            options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
            tf.saved_model.save(made, str(beside), signatures, options)
            _forget_gradients(beside)
            _write_description(beside / FOLDER, description)
            path = folder / str(_next_version(folder, step))
            beside.rename(path)
    except (OSError, tf.errors.OpError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UserError(
            f"cannot write to {folder} ({reason}); name another folder in --export_dir."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return path


def _remove_leftovers(folder: Path) -> None:
    """Removes what killed exporters left; not what others are writing."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        if not is_held(path):
            shutil.rmtree(path, ignore_errors=True)


def _write_description(folder: Path, description: Mapping[str, Any]) -> None:
    folder.mkdir()
    text = json.dumps(description, indent=1, ensure_ascii=False) + "\n"
    (folder / FILE).write_text(text, encoding="utf-8")


def _forget_gradients(folder: Path) -> None:
    """Takes the names of the layers' own gradients out of the graph.

    The gradients are not in it, and TensorFlow would warn of each function that lacks one. The
    fingerprint of the graph as it was goes with them; none is asked for.
    """
    model = saved_model_pb2.SavedModel.FromString((folder / _GRAPH).read_bytes())
    for meta_graph in model.meta_graphs:
        for function in meta_graph.graph_def.library.function:
            for node in function.node_def:
                node.attr.pop(_GRADIENT, None)
    (folder / _GRAPH).write_bytes(model.SerializeToString(deterministic=True))
    (folder / _FINGERPRINT).unlink(missing_ok=True)


def _next_version(folder: Path, step: int) -> int:
    there = [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]
    return max(step, 1 + max(there, default=0))
