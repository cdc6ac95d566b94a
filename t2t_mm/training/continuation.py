"""The arguments that a run was trained with, so that it is resumed without flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from t2t_mm.registry import HPARAMS
from t2t_mm.runs.trained_run import open_run
from t2t_mm.typed_record import TypedRecord


def arguments(output_dir: str | Path) -> dict[str, Any]:
    """The arguments of `train` that resume a run.

    Raises:
      CheckpointError: if there is no run.
    """
    run = open_run(output_dir)
    record = run.record
    return {
        "problems": ",".join(sorted(record.tasks)),
        "model": record.model,
        "hparams_set": record.hparams_set,
        "hparams": overrides(run.hparams, HPARAMS.get(record.hparams_set)()),
        "random_seed": record.seed,
        "train_steps": record.train_steps,
    }


def overrides(values: TypedRecord, defaults: TypedRecord) -> str:
    """The text that makes one record of another, "a=1,b=[2,3]"; `override` reads it."""
    changed = values.differences(defaults)
    return ",".join(f"{name}={_text(value)}" for name, (value, _) in changed.items())


def _text(value: Any) -> str:
    return f"[{','.join(map(_text, value))}]" if isinstance(value, list) else str(value)
