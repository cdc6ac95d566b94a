"""`t2t-datagen --verify`: reads every byte again and compares it with the manifest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from t2t_mm.data.records.manifest import Manifest, Shard, load_manifest
from t2t_mm.data.vocabularies.building import vocabulary_path
from t2t_mm.files.writing import file_digest
from t2t_mm.problem import Problem


@dataclass(frozen=True)
class Damage:
    """A file that is not what the manifest says.

    Attributes:
      file: its name.
      what: the difference, in words.
    """

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file} ({self.what})"


def verify(problems: Iterable[Problem], data_dir: str | Path) -> list[Damage]:
    """Rechecks the data of `problems`; [] if all are what the manifests say.

    Raises:
      DataError: if a manifest cannot be read.
    """
    data_dir = Path(data_dir).expanduser()
    damages: list[Damage] = []
    for name in sorted({problem.data_name for problem in problems}):
        manifest = load_manifest(name, data_dir)
        if manifest is None:
            damages.append(Damage(f"{name}.manifest.json", "missing"))
        else:
            damages += _verify_one(manifest, data_dir)
    return list(dict.fromkeys(damages))  # a shared vocabulary is told once


def _verify_one(manifest: Manifest, data_dir: Path) -> list[Damage]:
    found = []
    for name, vocabulary in manifest.vocabularies.items():
        path = vocabulary_path(name, data_dir)
        if not path.is_file():
            found.append(Damage(path.name, "missing"))
        elif file_digest(path) != vocabulary.digest:
            found.append(Damage(path.name, "its checksum differs"))
    for split, shards in manifest.splits.items():
        unfinished = sum(shard is None for shard in shards)
        if unfinished:
            what = f"{unfinished} of {len(shards)} shards not finished"
            found.append(Damage(f"{manifest.data_name}-{split}", what))
        found += [d for shard in shards if shard and (d := _verify_shard(shard, data_dir))]
    return found


def _verify_shard(shard: Shard, data_dir: Path) -> Damage | None:
    path = data_dir / shard.file
    if not path.is_file():
        return Damage(shard.file, "missing")
    size = path.stat().st_size
    if size != shard.bytes:
        return Damage(shard.file, f"{size} bytes instead of {shard.bytes}")
    if file_digest(path) != shard.sha256:
        return Damage(shard.file, "its checksum differs")
    return None
