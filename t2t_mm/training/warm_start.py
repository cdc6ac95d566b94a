"""--warm_start_from: a new run that begins with another's weights, by name and shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from t2t_mm.errors import CheckpointError
from t2t_mm.runs.checkpoints import find, load_variables
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.stored import stored_variables

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
      other_vocabularies: names that stand for other vocabularies in the two runs.
    """

    checkpoint: str
    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    other_vocabularies: tuple[str, ...] = ()

    def report(self) -> str:
        """A few lines for the user."""
        lines = [
            f"warm start from {self.checkpoint}:",
            f"  matched: {len(self.matched)} variables",
            f"  missing, kept at their initial values: {_names(self.missing)}",
            f"  in the checkpoint but not used: {_names(self.unused)}",
        ]
        if self.other_vocabularies:
            lines.append(
                "  WARNING: these vocabularies are other files than the checkpoint's, so its "
                f"embeddings stand for other words: {', '.join(self.other_vocabularies)}"
            )
        return "\n".join(lines)


def warm_start(place: str, variables: Mapping[str, tf.Variable], record: RunRecord) -> WarmStart:
    """Loads the variables that match by path and shape.

    Args:
      place: a run directory or a checkpoint.
      variables: path -> variable of the new model; only those of real numbers are loaded, so
        random states stay the new run's own.
      record: of the new run; its vocabularies are compared.

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
        _other_vocabularies(checkpoint, record),
    )


def _other_vocabularies(checkpoint: str, record: RunRecord) -> tuple[str, ...]:
    """Names of vocabularies that differ, as far as the checkpoint's run.json is in its place."""
    try:
        old = RunRecord.read(Path(checkpoint).parents[1]).vocabularies
    except CheckpointError:
        return ()
    new = record.vocabularies
    return tuple(sorted(n for n in old.keys() & new.keys() if old[n] != new[n]))


def _names(paths: tuple[str, ...]) -> str:
    if not paths:
        return "none"
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{len(paths)} ({', '.join(paths[:_SHOWN])}{more})"
