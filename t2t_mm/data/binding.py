"""Binds a problem to its generated data: what comes out is all that training needs to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from t2t_mm.data.records.manifest import Manifest, load_manifest, text_vocabulary
from t2t_mm.data.vocabularies.building import vocabulary_path
from t2t_mm.errors import DataError
from t2t_mm.files.writing import file_digest
from t2t_mm.kinds import Kind
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import INPUTS, TARGETS, Problem, Split, Task


def bind(problem: Problem, data_dir: str | Path) -> Task:
    """The problem with the sizes, vocabularies and number of examples of its data.

    Vocabularies are named by the manifest: data made with --shared_vocab have another one than
    the problem's code says.

    Args:
      problem: any problem, `_rev` and `_copy` included.
      data_dir: where its data are.

    Raises:
      DataError: if they are missing, half-written or damaged in size, come from another version
        of the generator, or the vocabulary's file is another one.
    """
    data_dir = Path(data_dir).expanduser()
    manifest = whole_manifest(problem, data_dir)
    features = {
        name: _bound(kind, manifest.features[_stored_as(problem, name)], manifest)
        for name, kind in problem.kinds.items()
    }
    targets = features.pop(TARGETS)
    return Task(
        name=problem.name,
        data_name=problem.data_name,
        inputs=features,
        targets=targets.with_labels(manifest.labels).beside(features),
        command=problem.command,
        metrics=tuple(problem.metrics),
        reversed=problem.reversed,
        copied=problem.copied,
        train_examples=manifest.examples(Split.TRAIN.value),
        mixing_weight=problem.mixing_weight,
        loss_weight=problem.loss_weight,
        language=problem.language,
    )


def whole_manifest(problem: Problem, data_dir: Path) -> Manifest:
    """The manifest of complete and fitting data.

    Raises:
      DataError: as `bind`.
    """
    manifest = load_manifest(problem.data_name, data_dir)
    mend = command_line(problem.data_name, data_dir)
    if manifest is None:
        raise DataError(f"problem '{problem.name}' has no data in {data_dir}; run {mend}.")
    difference = _difference(manifest, problem)
    if difference:
        again = command_line(problem.data_name, data_dir, "--overwrite")
        raise DataError(
            f"the data of problem '{problem.name}' in {data_dir} were made with {difference}; run "
            f"{again}, or use another --data_dir."
        )
    broken = manifest.broken_shards(data_dir)
    if broken or not manifest.complete:
        total = sum(map(len, manifest.splits.values()))
        which = f" ({broken[0]}{', ...' if len(broken) > 1 else ''})" if broken else ""
        raise DataError(
            f"the data of problem '{problem.name}' in {data_dir} are not complete: {len(broken)} "
            f"of {total} shards are missing, unfinished or of the wrong size{which}; run {mend}, "
            "which makes what is missing."
        )
    _check_vocabularies(problem, manifest, data_dir)
    return manifest


def shard_paths(task: Task, split: Split | str, data_dir: str | Path) -> list[Path]:
    """The files of one split, in order.

    Raises:
      DataError: if the data or the split do not exist.
    """
    data_dir = Path(data_dir).expanduser()
    manifest = load_manifest(task.data_name, data_dir)
    if manifest is None:
        mend = command_line(task.data_name, data_dir)
        raise DataError(f"problem '{task.name}' has no data in {data_dir}; run {mend}.")
    split = Split(split).value
    if split not in manifest.splits:
        raise DataError(
            f"problem '{task.name}' has no split {split}; it has {', '.join(manifest.splits)}."
        )
    return [data_dir / shard.file for shard in manifest.splits[split] if shard]


def load_vocabularies(tasks: Iterable[Task], folder: str | Path) -> dict[str, Vocabulary]:
    """Name -> vocabulary, for every text of `tasks`.

    Args:
      tasks: bound problems.
      folder: a data folder, or the vocab/ of a run.

    Raises:
      DataError: if a file is missing, or has another size than its tasks say.
    """
    folder = Path(folder).expanduser()
    found: dict[str, Vocabulary] = {}
    for task in tasks:
        for kind in task.kinds.values():
            if name := kind.text_vocabulary:
                if name not in found:
                    found[name] = Vocabulary.load(vocabulary_path(name, folder))
                _check_size(task, kind, found[name], folder)
    return found


def command_line(data_name: str, data_dir: Path, *flags: str) -> str:
    """The command that makes or mends a problem's data; `flags` such as "--overwrite" end it."""
    words = ("t2t-datagen", f"--problems={data_name}", f"--data_dir={data_dir}", *flags)
    return f"`{' '.join(words)}`"


def _difference(manifest: Manifest, problem: Problem) -> str | None:
    """`Manifest.difference`, for a problem that may be derived."""
    if not (problem.reversed or problem.copied):
        return manifest.difference(problem)
    if manifest.version != problem.version:  # one text on either side of a derived problem
        return f"version {manifest.version} of its generator, not {problem.version}"
    return None


def _check_vocabularies(problem: Problem, manifest: Manifest, data_dir: Path) -> None:
    mend = command_line(problem.data_name, data_dir)
    for name, file in manifest.vocabularies.items():
        path = vocabulary_path(name, data_dir)
        if not path.is_file():
            raise DataError(
                f"problem '{problem.name}' needs the vocabulary {path}, which is missing; "
                f"run {mend}."
            )
        if file_digest(path) != file.digest:
            raise DataError(
                f"the data of problem '{problem.name}' were made with another vocabulary than "
                f"{path} (its checksum differs); put the original file back, or run "
                f"{command_line(problem.data_name, data_dir, '--overwrite')}."
            )


def _stored_as(problem: Problem, feature: str) -> str:
    """The stored feature that serves as one of a problem, which may be a _rev or _copy."""
    if not (problem.reversed or problem.copied):
        return feature
    return TARGETS if problem.copied or feature == INPUTS else INPUTS


def _bound(kind: Kind, stored: Mapping[str, Any], manifest: Manifest) -> Kind:
    name = text_vocabulary(stored)
    if not name:
        return kind
    return kind.with_vocabulary(name).bound({name: manifest.vocabularies[name].size})


def _check_size(task: Task, kind: Kind, vocabulary: Vocabulary, folder: Path) -> None:
    size = getattr(kind, "size", None)
    if size not in (None, vocabulary.size):
        raise DataError(
            f"problem '{task.name}' was bound to a vocabulary of {size} ids, and "
            f"{vocabulary_path(vocabulary.name, folder)} has {vocabulary.size}; it is another "
            "file: put the original back."
        )
