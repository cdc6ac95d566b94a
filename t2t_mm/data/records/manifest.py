"""`<data_name>.manifest.json`: what generated data are, file by file, and whether they are whole.

The manifest is the truth about the data: which vocabulary the ids belong to, which seed and which
version of the generator they came from. It is written, incomplete, before the first shard, and
again after every shard.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from t2t_mm.data.records.files import write_atomically
from t2t_mm.errors import DataError
from t2t_mm.problem import FeatureSpec, Problem

FORMAT = 1  # of the manifest and the stored features


@dataclass(frozen=True)
class Shard:
    """One finished file.

    Attributes:
      file: its name.
      examples: how many it holds.
      bytes: its size.
      sha256: of its content.
      left_out: reason -> number of examples that a rule of the problem, or --skip_broken for
        broken ones, left out.
    """

    file: str
    examples: int
    bytes: int
    sha256: str
    left_out: dict[str, int] = field(default_factory=dict)

    def is_whole(self, data_dir: Path) -> bool:
        """Whether the file is there and has its size: the check that costs nothing."""
        try:
            return (data_dir / self.file).stat().st_size == self.bytes
        except OSError:
            return False


@dataclass(frozen=True)
class StoredFeature:
    """What one side holds.

    Attributes:
      kind: text, image, audio or label.
      vocabulary: of the ids, or the label set's name.
      sample_rate: Hz of stored sound.
    """

    kind: str
    vocabulary: str | None = None
    sample_rate: int | None = None

    @classmethod
    def of(cls, spec: FeatureSpec, shared_vocabulary: str | None = None) -> StoredFeature:
        """What is stored for `spec`, its vocabulary replaced if one is shared."""
        vocabulary = spec.vocabulary
        if spec.kind == "text" and shared_vocabulary:
            vocabulary = shared_vocabulary
        return cls(spec.kind, vocabulary, spec.sample_rate)


@dataclass(frozen=True)
class VocabularyFile:
    """Which vocabulary file the ids belong to."""

    digest: str
    size: int


@dataclass
class Manifest:
    """The record of one problem's data.

    Attributes:
      data_name: the problem, suffixes left out.
      version: of the problem's generator.
      seed: that it was run with.
      labels: class names in the order of their ids.
      inputs, targets: what is stored.
      vocabularies: by name.
      shared: --shared_vocab replaced the vocabularies that the problem names.
      splits: split -> its shards; None for one that is not finished.
      complete: all shards are finished.
      origin: which raw data they were made from, where a problem has several to read.
      cleaning: what was done to the text, and what was left out, in words.
    """

    data_name: str
    version: str
    seed: int
    labels: tuple[str, ...]
    inputs: StoredFeature
    targets: StoredFeature
    splits: dict[str, list[Shard | None]]
    vocabularies: dict[str, VocabularyFile] = field(default_factory=dict)
    shared: bool = False
    complete: bool = False
    origin: str = ""
    cleaning: str = ""

    @property
    def text_vocabularies(self) -> list[str]:
        """Names of the vocabularies of the text sides, sorted."""
        sides = (self.inputs, self.targets)
        return sorted({s.vocabulary for s in sides if s.kind == "text" and s.vocabulary})

    def examples(self, split: str) -> int:
        """How many examples the finished shards of a split hold."""
        return sum(shard.examples for shard in self.splits[split] if shard)

    def bytes(self, split: str) -> int:
        """How large the finished shards of a split are."""
        return sum(shard.bytes for shard in self.splits[split] if shard)

    def left_out(self, split: str) -> dict[str, int]:
        """Reason -> how many examples were left out."""
        total: Counter[str] = Counter()
        for shard in self.splits[split]:
            total.update(shard.left_out if shard else {})
        return dict(sorted(total.items()))

    def broken_shards(self, data_dir: Path) -> list[str]:
        """Files that are missing or of another size, and positions that are not finished."""
        names = []
        for split, shards in self.splits.items():
            for i, shard in enumerate(shards):
                if shard is None:
                    names.append(f"{self.data_name}-{split}-{i:05d}-of-{len(shards):05d}")
                elif not shard.is_whole(data_dir):
                    names.append(shard.file)
        return names

    def difference(self, problem: Problem) -> str | None:
        """How `problem`'s code differs from what made these data, in words, or None.

        Args:
          problem: the base problem, not a _rev or _copy.
        """
        if self.version != problem.version:
            return f"version {self.version} of its generator, not {problem.version}"
        if problem.declares_labels and tuple(self.labels) != tuple(problem.labels):
            return (
                f"the {len(self.labels)} labels {_short(self.labels)}, not {_short(problem.labels)}"
            )
        for side in ("inputs", "targets"):
            stored, spec = getattr(self, side), getattr(problem, side)
            if stored.kind != spec.kind:
                return f"{side} of kind {stored.kind}, not {spec.kind}"
            if stored.sample_rate != spec.sample_rate:
                return f"{side} at {stored.sample_rate} Hz, not {spec.sample_rate} Hz"
            if stored.vocabulary != spec.vocabulary and not (self.shared and spec.kind == "text"):
                return f"{side} in {stored.vocabulary}, not {spec.vocabulary}"
        return None

    def save(self, data_dir: Path) -> None:
        """Writes the manifest in one step."""
        values = {"format": FORMAT, **dataclasses.asdict(self)}
        text = json.dumps(values, indent=1, ensure_ascii=False)
        write_atomically(manifest_path(self.data_name, data_dir), (text + "\n").encode())


def manifest_path(data_name: str, data_dir: Path) -> Path:
    """Where the manifest of a problem's data is."""
    return data_dir / f"{data_name}.manifest.json"


def load_manifest(data_name: str, data_dir: Path) -> Manifest | None:
    """Reads a manifest; None if there is none.

    Raises:
      DataError: if it cannot be read or is of another format.
    """
    path = manifest_path(data_name, data_dir)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("format") != FORMAT:
            raise DataError(
                f"{path} is of a format that this version of t2t_mm does not read; run t2t-datagen "
                "with --overwrite or another --data_dir."
            )
        return _from_dict(values)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"cannot read the manifest {path} ({type(error).__name__}: {error}); run t2t-datagen "
            "with --overwrite or another --data_dir."
        ) from None


def _from_dict(values: dict[str, Any]) -> Manifest:
    for side in ("inputs", "targets"):
        values[side] = StoredFeature(**values[side])
    values["labels"] = tuple(values["labels"])
    values["vocabularies"] = {n: VocabularyFile(**v) for n, v in values["vocabularies"].items()}
    values["splits"] = {
        split: [Shard(**shard) if shard else None for shard in shards]
        for split, shards in values["splits"].items()
    }
    return Manifest(**values)


def _short(labels: tuple[str, ...]) -> str:
    shown = ", ".join(labels[:3])
    return f"({shown}{', ...' if len(labels) > 3 else ''})"
