"""`<data_name>.manifest.json`: what generated data are, file by file, and whether they are whole.

The manifest is the truth about the data: which vocabulary the ids belong to, which seed and which
version of the generator they came from. It is written, incomplete, before the first shard, and
again after every shard.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from t2t_mm.errors import DataError
from t2t_mm.files import json_fields
from t2t_mm.files.names import same_form
from t2t_mm.files.writing import write_atomically
from t2t_mm.kinds import Kind, Text
from t2t_mm.problem import INPUTS, TARGETS, Problem, Split

PLACES = 3  # of broken examples of one sort that are told
FORMAT = 1  # of the manifest and the stored features
_STORED = {"kind": str, "vocabulary": str | None, "sample_rate": int | None}  # of each feature


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
      broken: reason -> places of the first broken ones.
      noted: what was done to values, such as "clipped samples" -> how often.
    """

    file: str
    examples: int
    bytes: int
    sha256: str
    left_out: dict[str, int] = field(default_factory=dict)
    broken: dict[str, list[str]] = field(default_factory=dict)
    noted: dict[str, int] = field(default_factory=dict)

    def is_whole(self, data_dir: Path) -> bool:
        """True if the file is there and has its size: the check that costs nothing."""
        try:
            return (data_dir / self.file).stat().st_size == self.bytes
        except (OSError, ValueError):  # ValueError: a name that no file can have
            return False


@dataclass(frozen=True)
class VocabularyFile:
    """The vocabulary file that the ids belong to."""

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
      features: name -> what is stored, see `stored_fields`: the inputs, then "targets".
      vocabularies: by name.
      shared: --shared_vocab replaced the vocabularies that the problem names.
      splits: split -> its shards; None for one that is not finished.
      complete: all shards are finished.
      origin: which raw data they were made from, where a problem has several to read.
      cleaning: what was done to the text, and what was left out, in words.
      notes: on the raw data, such as files that lie there and are not read.
      max_cases: examples of a split at most, the generator's first; 0: all.
    """

    data_name: str
    version: str
    seed: int
    labels: tuple[str, ...]
    features: dict[str, dict[str, Any]]
    splits: dict[str, list[Shard | None]]
    vocabularies: dict[str, VocabularyFile] = field(default_factory=dict)
    shared: bool = False
    complete: bool = False
    origin: str = ""
    cleaning: str = ""
    notes: list[str] = field(default_factory=list)
    max_cases: int = 0

    @property
    def text_vocabularies(self) -> list[str]:
        """Names of the vocabularies of the features that are text, sorted."""
        return sorted({name for name in map(text_vocabulary, self.features.values()) if name})

    def examples(self, split: str) -> int:
        """The number of examples in the finished shards of a split."""
        return sum(shard.examples for shard in self.splits[split] if shard)

    def bytes(self, split: str) -> int:
        """The size of the finished shards of a split."""
        return sum(shard.bytes for shard in self.splits[split] if shard)

    def left_out(self, split: str) -> dict[str, int]:
        """Reason -> how many examples were left out."""
        return _summed(shard.left_out for shard in self.splits[split] if shard)

    def noted(self, split: str) -> dict[str, int]:
        """Sort of note about a value -> how often it was made."""
        return _summed(shard.noted for shard in self.splits[split] if shard)

    def broken(self, split: str) -> dict[str, list[str]]:
        """Reason -> places of some examples that were left out because they were broken."""
        found: dict[str, list[str]] = {}
        for shard in filter(None, self.splits[split]):
            for reason, places in shard.broken.items():
                there = {*found.get(reason, []), *places}
                found[reason] = sorted(there, key=_by_number)[:PLACES]
        return dict(sorted(found.items()))

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
        """The difference between `problem`'s code and what made these data, in words, or None.

        Args:
          problem: the base problem, not a _rev or _copy.
        """
        if self.version != problem.version:
            return f"version {self.version} of its generator, not {problem.version}"
        declared = problem.label_names if problem.declares_labels else self.labels
        if [*map(same_form, self.labels)] != [*map(same_form, declared)]:
            return f"the {len(self.labels)} labels {_short(self.labels)}, not {_short(declared)}"
        if self.features.keys() != problem.kinds.keys():
            return f"the features {', '.join(self.features)}, not {', '.join(problem.kinds)}"
        for name, kind in problem.kinds.items():
            found = _other_field(name, self.features[name], stored_fields(kind), self.shared)
            if found:
                return found
        return None

    def save(self, data_dir: Path) -> None:
        """Writes the manifest in one step."""
        values = {"format": FORMAT, **_to_dict(self)}
        text = json.dumps(values, indent=1, ensure_ascii=False)
        write_atomically(manifest_path(self.data_name, data_dir), (text + "\n").encode())


def stored_fields(kind: Kind, shared_vocabulary: str | None = None) -> dict[str, Any]:
    """The options that decide what is stored of a feature, a shared text vocabulary put in.

    Returns:
      JSON-ready; "kind", "vocabulary" (of the ids, or the name of the set of labels) and
      "sample_rate" (Hz) are always there, None where they mean nothing.
    """
    kind = kind.with_vocabulary(shared_vocabulary) if shared_vocabulary else kind
    return {"kind": kind.name, "vocabulary": None, "sample_rate": None, **kind.stored_fields()}


def text_vocabulary(stored: Mapping[str, Any]) -> str | None:
    """Name of the vocabulary that a stored feature's text is encoded with; None for others."""
    return stored["vocabulary"] if stored["kind"] == Text.name else None


def _other_field(
    name: str, stored: Mapping[str, Any], declared: Mapping[str, Any], shared: bool
) -> str | None:
    """The difference between what is stored and what is declared, in words."""
    if stored["kind"] != declared["kind"]:
        return f"{name} of kind {stored['kind']}, not {declared['kind']}"
    for key in declared:
        if stored.get(key) == declared[key] or (
            key == "vocabulary" and shared and text_vocabulary(stored)
        ):
            continue
        if key == "sample_rate":
            return f"{name} at {stored[key]} Hz, not {declared[key]} Hz"
        if key == "vocabulary":
            return f"{name} in {stored[key]}, not {declared[key]}"
        return f"{name} with {key} {stored.get(key)}, not {declared[key]}"
    return None


def _by_number(place: str) -> list[str | int]:
    """A sort key by which line 9 comes before line 10."""
    parts = re.split(r"(\d+)", place)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(sorted(total.items()))


def manifest_path(data_name: str, data_dir: Path) -> Path:
    """The path of the manifest of a problem's data."""
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
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"cannot read the manifest {path} ({type(error).__name__}: {error}); run t2t-datagen "
            "with --overwrite or another --data_dir."
        ) from None


def _to_dict(manifest: Manifest) -> dict[str, Any]:
    """The manifest for JSON; one input alone stands under "inputs", as in the first edition."""
    values: dict[str, Any] = {}
    for key, value in dataclasses.asdict(manifest).items():
        if key != "features":
            values[key] = value
            continue
        inputs = {name: stored for name, stored in value.items() if name != TARGETS}
        values[INPUTS] = inputs[INPUTS] if list(inputs) == [INPUTS] else inputs
        values[TARGETS] = value[TARGETS]
    return values


def _from_dict(values: dict[str, Any]) -> Manifest:
    inputs, targets = values.pop(INPUTS), values.pop(TARGETS)
    if isinstance(inputs.get("kind"), str):  # one input alone
        inputs = {INPUTS: inputs}
    values["features"] = {**inputs, TARGETS: targets}
    for stored in values["features"].values():
        json_fields.check(stored, _STORED)
    values["labels"] = tuple(values["labels"])
    values["vocabularies"] = {
        n: json_fields.record(VocabularyFile, v) for n, v in values["vocabularies"].items()
    }
    values["splits"] = {
        split: [_shard(shard) if shard else None for shard in shards]
        for split, shards in values["splits"].items()
    }
    manifest = json_fields.record(Manifest, values)
    if manifest.complete:
        lacking = {*manifest.text_vocabularies} - manifest.vocabularies.keys()
        lacking |= {Split.TRAIN.value} - manifest.splits.keys()
        if lacking:
            raise ValueError(f"it says nothing of {', '.join(sorted(lacking))}")
    return manifest


def _shard(values: Any) -> Shard:
    shard = json_fields.record(Shard, values)
    if Path(shard.file).name != shard.file or "\0" in shard.file:
        raise ValueError(f"{shard.file!r:.60} is no name of a shard")
    if min(shard.examples, shard.bytes) < 0:
        raise ValueError(f"{shard.file} has a negative count")
    return shard


def _short(labels: tuple[str, ...]) -> str:
    shown = ", ".join(labels[:3])
    return f"({shown}{', ...' if len(labels) > 3 else ''})"
