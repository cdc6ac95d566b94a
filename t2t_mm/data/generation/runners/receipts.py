"""Receipts: how a work item tells over a shared disk what it has finished, even if nobody listens.

`.<first shard>.receipt.json` appears beside the shards when all of an item's are whole. The driver
enters it into the manifest and removes it; if the driver was killed, its successor does.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2t_mm.data.generation.passes import PassOrder, PassResult
from t2t_mm.data.generation.sharding import shard_name
from t2t_mm.data.records.manifest import Manifest, Shard
from t2t_mm.files.writing import write_atomically

_SUFFIX = ".receipt.json"


@dataclass(frozen=True)
class Receipt:
    """The outcome of a work item.

    Attributes:
      path: its file.
      of: the fingerprint of the data that it belongs to.
      split: which part.
      shards: position -> finished shard; none if there was an error.
      seconds, iterating: see PassResult.
      error: the user's mistake, a sentence, or "".
    """

    path: Path
    of: str
    split: str
    shards: dict[int, Shard]
    seconds: float = 0.0
    iterating: float = 0.0
    error: str = ""

    @property
    def result(self) -> PassResult:
        """The result as run_pass returned it."""
        return PassResult(self.shards, self.seconds, self.iterating)


def fingerprint(manifest: Manifest) -> str:
    """A digest of the data that a shard belongs to: equal where shards may stand side by side."""
    values = dataclasses.asdict(manifest)
    del values["complete"]
    values["splits"] = {split: len(shards) for split, shards in manifest.splits.items()}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def receipt_path(order: PassOrder) -> Path:
    """The path of an order's receipt."""
    name = shard_name(order.problem.data_name, order.split.value, min(order.shards), order.total)
    return order.data_dir / f".{name}{_SUFFIX}"


def write(order: PassOrder, of: str, result: PassResult | None, error: str = "") -> None:
    """Leaves the receipt of a finished order, or of one that failed by the user's mistake."""
    values: dict[str, Any] = {"of": of, "split": order.split.value, "error": error}
    if result:
        values["shards"] = {i: dataclasses.asdict(shard) for i, shard in result.shards.items()}
        values.update(seconds=result.seconds, iterating=result.iterating)
    write_atomically(receipt_path(order), json.dumps(values).encode())


def read(path: Path) -> Receipt | None:
    """The receipt of that path, None if there is none that can be read."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        shards = {int(i): Shard(**shard) for i, shard in values.pop("shards", {}).items()}
        return Receipt(path=path, shards=shards, **values)
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _all(data_name: str, data_dir: Path) -> Iterator[Path]:
    return data_dir.glob(f".{data_name}-*{_SUFFIX}")


def remove(data_name: str, data_dir: Path) -> None:
    """Removes every receipt of these data."""
    for path in _all(data_name, data_dir):
        path.unlink(missing_ok=True)


def merge_receipts(manifest: Manifest, data_dir: Path) -> None:
    """Enters what a killed driver did not see; whether the files are whole is checked later."""
    of = fingerprint(manifest)
    found = [r for path in sorted(_all(manifest.data_name, data_dir)) if (r := read(path))]
    own = [receipt for receipt in found if receipt.of == of and receipt.shards]
    for receipt in own:
        shards = manifest.splits[receipt.split]
        for position, shard in receipt.shards.items():
            shards[position] = shards[position] or shard
    if own:
        manifest.save(data_dir)
    remove(manifest.data_name, data_dir)
