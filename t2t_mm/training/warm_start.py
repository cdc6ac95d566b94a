"""--warm_start_from: a new run that begins with another's weights, by name and shape.

Where a text's vocabulary is another one than the old run's, the rows of the pieces that both have
are carried over (vocabulary_rows.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from t2t_mm.errors import CheckpointError
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.runs.checkpoints import find, load_variables
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.stored import StoredCheckpoint
from t2t_mm.training.vocabulary_rows import CarriedRows, Remapping

_SHOWN = 8  # names listed per heading


@dataclass(frozen=True)
class WarmStart:
    """The outcome of a warm start.

    Attributes:
      checkpoint: where the weights came from.
      matched: paths that were loaded.
      missing: paths of the new model that the checkpoint lacks, or has in another shape: kept at
        their initial values.
      unused: paths of the checkpoint that the new model does not have in that shape.
      other_vocabularies: names that stand for other vocabularies in the two runs, where the old
        one's file is not there to go by.
      rows: of each vocabulary that differs: what of its pieces was carried over.
    """

    checkpoint: str
    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    other_vocabularies: tuple[str, ...] = ()
    rows: tuple[CarriedRows, ...] = ()

    def report(self) -> str:
        """A few lines for the user."""
        lines = [
            f"warm start from {self.checkpoint}:",
            f"  matched: {len(self.matched)} variables",
            f"  missing, kept at their initial values: {_names(self.missing)}",
            f"  in the checkpoint but not used: {_names(self.unused)}",
        ]
        lines += [f"  {rows.report()}" for rows in self.rows]
        if self.other_vocabularies:
            lines.append(
                "  WARNING: these vocabularies are other files than the checkpoint's, so its "
                f"embeddings stand for other words: {', '.join(self.other_vocabularies)}"
            )
        return "\n".join(lines)


def warm_start(
    place: str,
    variables: Mapping[str, tf.Variable],
    record: RunRecord,
    vocabularies: Mapping[str, Vocabulary] | None = None,
) -> WarmStart:
    """Loads the variables that match by path and shape, and rows of the pieces that are kept.

    Args:
      place: a run directory or a checkpoint.
      variables: path -> variable of the new model; only those of real numbers are loaded, so
        random states stay the new run's own.
      record: of the new run; its vocabularies are compared.
      vocabularies: of the new run, by name; None: no rows are carried over.

    Raises:
      CheckpointError: if there is no checkpoint, or nothing in it matches.
    """
    checkpoint = find(place, best=True, flag="--warm_start_from")
    stored = StoredCheckpoint(checkpoint)
    weights = {path: v for path, v in variables.items() if v.dtype.is_floating}
    remapping = Remapping.between(Path(checkpoint).parents[1], record, vocabularies or {})
    rows = remapping.rows(weights, stored.variables)
    matched = {
        path: v
        for path, v in weights.items()
        if stored.variables.get(path) == tuple(v.shape) and path not in rows
    }
    if not matched and not rows:
        raise CheckpointError(
            f"--warm_start_from={place}: nothing in {checkpoint} matches this model by name and "
            f"shape. It holds {_names(tuple(sorted(stored.variables)))}; the model has "
            f"{_names(tuple(sorted(weights)))}."
        )
    load_variables(checkpoint, matched)
    for path, source in rows.items():
        remapping.carry(path, weights[path], stored.variable(source))
    used = matched.keys() | set(rows.values()) | (variables.keys() - weights.keys())
    return WarmStart(
        checkpoint,
        tuple(sorted(matched)),
        tuple(sorted(weights.keys() - matched.keys() - rows.keys())),
        tuple(sorted(stored.variables.keys() - used)),
        remapping.unknown,
        remapping.report(rows),
    )


def _names(paths: tuple[str, ...]) -> str:
    if not paths:
        return "none"
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{len(paths)} ({', '.join(paths[:_SHOWN])}{more})"
