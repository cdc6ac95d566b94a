"""The share of some problems' positions that each expert of a mixture serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches.pipeline import evaluation_batches
from t2t_mm.data.batches.spec import Batch, batch_spec
from t2t_mm.errors import CheckpointError, DataError, UserError
from t2t_mm.hparam import HParams
from t2t_mm.layers.recording import recording
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import TARGETS, Split, Task

# Mixture -> problem -> [E], the share of the problem's positions that each expert serves. A
# position is served by k experts, so the shares sum to k.
Usage = dict[str, dict[str, np.ndarray]]


def expert_usage(
    model: JointModel,
    tasks: Sequence[Task],
    data_dir: str | Path,
    hparams: HParams,
    batches: int | None = None,
) -> Usage:
    """Measures on the development split, each target given the true ones before it.

    Args:
      model: with its trained weights.
      tasks: the problems.
      data_dir: where their data are.
      hparams: of the pipeline.
      batches: of each problem at most; None: all.

    Raises:
      CheckpointError: if the model has no mixture of experts.
      DataError: if a problem has no development example.
    """
    usage: Usage = {}
    traced: dict[Any, Any] = {}
    for task in tasks:
        route = model.route(task)
        loads: dict[str, np.ndarray] = {}
        count = 0
        for batch in evaluation_batches(task, Split.DEV, data_dir, hparams, batches):
            count += 1
            features = {name: batch[name] for name in (*route.input_features, TARGETS)}
            if route not in traced:
                traced[route] = _traced(model, route, features)
            found = traced[route](features, np.int32(model.command_id(task)))
            for name, load in found.items():
                loads[name] = loads.get(name, 0.0) + load.numpy().astype(np.float64)
        if not count:
            raise DataError(f"problem '{task.name}' has no development example in {data_dir}.")
        for name, load in loads.items():
            usage.setdefault(name, {})[task.name] = load[1:] / max(load[0], 1.0)
    if not usage:
        raise CheckpointError("this model has no mixture of experts; leave --expert_threshold out.")
    return usage


def _traced(model: JointModel, route: Any, batch: Batch) -> Any:
    """Batch, command -> mixture -> [1 + E]: positions, and those that each expert serves."""

    def loads(batch: Batch, command: tf.Tensor) -> dict[str, tf.Tensor]:
        with recording() as seen:
            model.forward(route, batch, batch["targets"], command, training=False)
        return {
            layer.name: tf.concat([[tf.reduce_sum(g.load) / layer.k], g.load], 0)
            for layer, g in seen.gating
        }

    spec = [batch_spec(batch), tf.TensorSpec((), tf.int32)]
    return tf.function(loads, input_signature=spec, autograph=False).get_concrete_function()


def used_experts(usage: Usage, threshold: float, least: int) -> dict[str, list[int]]:
    """The experts of each mixture that serve at least a share of some problem's positions.

    Args:
      usage: as measured.
      threshold: the least share, of the problem that uses the expert most.
      least: experts that stay in any case, the most used ones: a position needs k.

    Returns:
      Mixture -> kept experts in order; mixtures that keep all are left out.

    Raises:
      UserError: if the threshold is no share.
    """
    if not 0.0 < threshold <= 1.0:
        raise UserError(
            f"--expert_threshold must lie above 0 and at most at 1, got {threshold}; 0.01 keeps "
            "the experts that serve one position in a hundred."
        )
    kept = {}
    for name, shares in usage.items():
        most = np.max(list(shares.values()), axis=0)
        above = np.flatnonzero(most >= threshold)
        if len(above) < least:
            above = np.sort(np.argsort(-most, kind="stable")[:least])
        if len(above) < len(most):
            kept[name] = above.tolist()
    return kept


def usage_text(usage: Usage, kept: Mapping[str, Sequence[int]]) -> str:
    """A few lines: of each mixture, the share that every expert serves at most, and what stays."""
    lines = []
    for name, shares in sorted(usage.items()):
        most = np.max(list(shares.values()), axis=0)
        stays = kept.get(name, range(len(most)))
        listed = "  ".join(f"{i}{'' if i in stays else '*'}: {s:.2%}" for i, s in enumerate(most))
        lines.append(f"{name} keeps {len(stays)} of {len(most)} experts ({listed}; * = cut)")
    return "\n".join(lines)
