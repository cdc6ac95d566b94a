"""--warm_start_from: a new run that begins with another's weights, by name and shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from t2t_mm.errors import CheckpointError
from t2t_mm.training.checkpoints import find, load_variables, stored_variables

_SHOWN = 8  # names listed per heading


@dataclass(frozen=True)
class WarmStart:
    """What a warm start did.

    Attributes:
      checkpoint: where the weights came from.
      matched: paths that were loaded.
      missing: paths of the new model that the checkpoint lacks, or has in another shape: kept at
        their initial values.
      unused: paths of the checkpoint that the new model does not have in that shape.
    """

    checkpoint: str
    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def report(self) -> str:
        """A few lines for the user."""
        return "\n".join(
            [
                f"warm start from {self.checkpoint}:",
                f"  matched: {len(self.matched)} variables",
                f"  missing, kept at their initial values: {_names(self.missing)}",
                f"  in the checkpoint but not used: {_names(self.unused)}",
            ]
        )


def warm_start(place: str, variables: Mapping[str, tf.Variable]) -> WarmStart:
    """Loads the variables that match by path and shape.

    Args:
      place: a run directory or a checkpoint.
      variables: path -> variable of the new model; only those of real numbers are loaded, so
        random states stay the new run's own.

    Raises:
      CheckpointError: if there is no checkpoint, or nothing in it matches.
    """
    checkpoint = find(place, best=True)
    stored = stored_variables(checkpoint)
    weights = {path: v for path, v in variables.items() if v.dtype.is_floating}
    matched = {p: v for p, v in weights.items() if stored.get(p) == tuple(v.shape)}
    if not matched:
        raise CheckpointError(
            f"--warm_start_from={place}: nothing in {checkpoint} matches this model by name and "
            f"shape. It holds {_names(tuple(sorted(stored)))}; the model has "
            f"{_names(tuple(sorted(weights)))}."
        )
    load_variables(checkpoint, matched)
    return WarmStart(
        checkpoint,
        tuple(sorted(matched)),
        tuple(sorted(weights.keys() - matched.keys())),
        tuple(sorted(stored.keys() - matched.keys() - (variables.keys() - weights.keys()))),
    )


def _names(paths: tuple[str, ...]) -> str:
    if not paths:
        return "none"
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{len(paths)} ({', '.join(paths[:_SHOWN])}{more})"
