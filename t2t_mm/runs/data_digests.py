"""Digests of a run's training data, which run.json keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from t2t_mm.data.records.manifest import load_manifest
from t2t_mm.problem import Split, Task


def training_digests(tasks: Iterable[Task], data_dir: Path) -> dict[str, str]:
    """Data name -> digest of the training shards, from their manifest."""
    found = {}
    for name in sorted({task.data_name for task in tasks}):
        manifest = load_manifest(name, data_dir)
        shards = manifest.splits[Split.TRAIN.value] if manifest else []
        text = "".join(shard.sha256 for shard in shards if shard)
        found[name] = hashlib.sha256(text.encode()).hexdigest()
    return found
