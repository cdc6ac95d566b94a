"""Preparation of a generation: base problems, manifests and vocabularies."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from t2t_mm.data.binding import command_line
from t2t_mm.data.generation.sharding import existing_shards
from t2t_mm.data.records.manifest import (
    Manifest,
    Shard,
    VocabularyFile,
    load_manifest,
    manifest_path,
    stored_fields,
)
from t2t_mm.data.vocabularies.building import ensure_vocabulary, recorded_spec, vocabulary_path
from t2t_mm.data.vocabularies.one_vocabulary import check_manifests_agree
from t2t_mm.errors import DataError, UserError
from t2t_mm.files.writing import file_digest, remove_leftovers
from t2t_mm.lookup import find_problem
from t2t_mm.problem import TARGETS, Problem, Split, VocabularySpec
from t2t_mm.provenance import DEFAULT_ACCESS, DataAccess
from t2t_mm.registry import PROBLEMS, VOCABULARIES

_OWN_SIZE = 8192  # pieces of a vocabulary that nobody registered
_DEFAULT_SEED = 0


@dataclass(frozen=True)
class Request:
    """A request; None stands for "as the data are, or the default where there are none".

    Attributes:
      data_dir, tmp_dir: where to write; where raw files are.
      seed: of the generators.
      num_shards: files of the training split.
      shared: the vocabulary that replaces the problems' own.
      overwrite: start again over data that were made otherwise.
      skip_broken: leave broken examples out.
      access: where prepared data sets of TFDS are, and whether the network may be tried.
      max_cases: examples of a split at most, the generator's first; 0: all.
    """

    data_dir: Path
    tmp_dir: Path
    seed: int | None = None
    num_shards: int | None = None
    shared: VocabularySpec | None = None
    overwrite: bool = False
    skip_broken: bool = False
    access: DataAccess = DEFAULT_ACCESS
    max_cases: int | None = None


def base_problems(problems: Iterable[Problem], tmp_dir: Path) -> dict[str, Problem]:
    """Data name -> the problem whose generator makes those data, sorted.

    Args:
      problems: the problems, `_rev` and `_copy` among them.
      tmp_dir: where raw files are, for labels that have to be found.

    Raises:
      DataError: if a base problem has no training split, or labels are asked for and not declared.
    """
    found: dict[str, Problem] = {}
    for problem in sorted(problems, key=lambda problem: problem.name):
        if problem.reversed or problem.copied:
            if problem.data_name not in found:
                found[problem.data_name] = _base_of(problem)
        else:
            found[problem.data_name] = problem
    for name, problem in found.items():
        _check(name, problem, tmp_dir)
    return dict(sorted(found.items()))


def _base_of(problem: Problem) -> Problem:
    """The problem that a _rev or _copy is derived from, on the same vocabulary."""
    base = find_problem(problem.data_name)
    if problem.shares_vocabulary and problem.text_vocabularies:
        return base.with_vocabulary(problem.text_vocabularies[0])
    return base


def _check(name: str, problem: Problem, tmp_dir: Path) -> None:
    if Split.TRAIN not in problem.splits:
        splits = ", ".join(split.value for split in problem.splits) or "none"
        raise DataError(
            f"problem '{name}' has no train split (it has {splits}); name one in its `shards`."
        )
    if any(count < 1 for count in problem.shards.values()):
        raise DataError(f"problem '{name}' must have at least 1 shard in each of its splits.")
    for feature, kind in problem.kinds.items():
        if missing := kind.missing():
            raise DataError(
                f"problem '{name}' must declare {missing} of its {feature} ({kind.noun})."
            )
    if problem.kinds[TARGETS].has_labels:
        _check_labels(name, problem.labels_at(tmp_dir))


def _check_labels(name: str, labels: Sequence[str]) -> None:
    if not labels:
        raise DataError(f"problem '{name}' must declare `labels`, for its targets are labels.")
    for label in labels:
        try:
            label.encode()
        except UnicodeEncodeError:
            raise DataError(
                f"problem '{name}' has the class {label!a}, which is not valid UTF-8; rename "
                "what it is named after, such as a folder."
            ) from None


def parse_shared(text: str, problems: Iterable[Problem]) -> VocabularySpec:
    """The vocabulary that "NAME:SIZE" asks for, over all problems that are given.

    Raises:
      UserError: if `text` is of another form.
    """
    match = re.fullmatch(r"([A-Za-z][\w.-]*):(\d+)", text.strip())
    if not match:
        raise UserError(f"--shared_vocab got '{text}'; write NAME:SIZE, e.g. vocab.mine:8192.")
    with_text = (p for p in problems if p.text_vocabularies)
    return VocabularySpec(match[1], int(match[2]), tuple(sorted({p.data_name for p in with_text})))


def open_manifests(problems: Mapping[str, Problem], request: Request) -> dict[str, Manifest]:
    """The manifests of data that are there and fit the request, or new ones, by data name.

    Raises:
      DataError: if there are data that were made otherwise; says how to go on.
    """
    manifests = {name: _open_manifest(problem, request) for name, problem in problems.items()}
    stored = {name: manifest.text_vocabularies for name, manifest in manifests.items()}
    check_manifests_agree(problems, stored, request.data_dir)
    return manifests


def _open_manifest(problem: Problem, request: Request) -> Manifest:
    if not request.overwrite:
        manifest = load_manifest(problem.data_name, request.data_dir)
        if manifest is not None:
            _check_same(manifest, problem, request)
            _add_new_splits(manifest, problem)
            return manifest
        _check_no_foreign_shards(problem, request.data_dir)
    splits: dict[str, list[Shard | None]] = {
        split.value: [None] * count for split, count in problem.shards.items()
    }
    if request.num_shards:
        splits[Split.TRAIN.value] = [None] * request.num_shards
    shared = request.shared.name if request.shared else None
    return Manifest(
        data_name=problem.data_name,
        version=problem.version,
        seed=_DEFAULT_SEED if request.seed is None else request.seed,
        max_cases=request.max_cases or 0,
        labels=problem.label_names,
        features={n: stored_fields(kind, shared) for n, kind in problem.kinds.items()},
        splits=splits,
        shared=request.shared is not None or problem.shares_vocabulary,
    )


def _check_same(manifest: Manifest, problem: Problem, request: Request) -> None:
    difference = manifest.difference(problem) or _other_request(manifest, request)
    if difference:
        raise DataError(
            f"the data of problem '{problem.data_name}' in {request.data_dir} were made with "
            f"{difference}; use another --data_dir, or --overwrite to make them again."
        )


def _other_request(manifest: Manifest, request: Request) -> str | None:
    if request.seed not in (None, manifest.seed):
        return f"seed {manifest.seed}, not {request.seed}"
    if request.max_cases not in (None, manifest.max_cases):
        return f"max_cases {manifest.max_cases}, not {request.max_cases} (0: all)"
    shards = len(manifest.splits[Split.TRAIN.value])
    if request.num_shards not in (None, shards):
        return f"{shards} training shards, not {request.num_shards}"
    names = manifest.text_vocabularies
    if request.shared and names and names != [request.shared.name]:
        return f"the vocabulary {' and '.join(names)}, not {request.shared.name}"
    differences = (_other_vocabulary(name, request) for name in names)
    return next((difference for difference in differences if difference), None)


def _other_vocabulary(name: str, request: Request) -> str | None:
    """The difference of an existing vocabulary from the registered or requested one, in words.

    With --shared_vocab the size alone counts: a part of the problems may be named again.
    """
    recorded = recorded_spec(name, request.data_dir)
    if recorded is None:
        return None
    if request.shared and request.shared.name == name:
        wanted = dataclasses.replace(request.shared, problems=recorded.problems)
    else:
        wanted = VOCABULARIES.get(name) if name in VOCABULARIES else recorded
    if recorded.size != wanted.size:
        return f"the vocabulary {name} of size {recorded.size}, not {wanted.size}"
    if set(recorded.problems) != set(wanted.problems):
        return (
            f"the vocabulary {name} over {', '.join(recorded.problems)}, not over "
            f"{', '.join(sorted(wanted.problems))}"
        )
    return None


def _add_new_splits(manifest: Manifest, problem: Problem) -> None:
    """A split that the problem has gained since is made; the others stay as they are."""
    for split, count in problem.shards.items():
        if split.value not in manifest.splits:
            manifest.splits[split.value] = [None] * count
            manifest.complete = False


def _check_no_foreign_shards(problem: Problem, data_dir: Path) -> None:
    strangers = existing_shards(problem.data_name, data_dir)
    if strangers:
        raise DataError(
            f"{data_dir} holds {len(strangers)} shards of '{problem.data_name}' without a manifest "
            f"({strangers[0].name}), which t2t_mm did not write; use another --data_dir, or "
            "--overwrite to replace them."
        )


def is_whole(manifest: Manifest, data_dir: Path) -> bool:
    """True if nothing is left to do for these data."""
    return (
        manifest.complete
        and not manifest.broken_shards(data_dir)
        and not _missing_vocabularies(manifest, data_dir)
    )


def _missing_vocabularies(manifest: Manifest, data_dir: Path) -> list[str]:
    """Names of vocabularies that the folder does not hold as the manifest knows them."""
    missing = []
    for name in manifest.text_vocabularies:
        path, known = vocabulary_path(name, data_dir), manifest.vocabularies.get(name)
        if known is None or not path.is_file() or file_digest(path) != known.digest:
            missing.append(name)
    return missing


def clear(manifest: Manifest, data_dir: Path) -> None:
    """Removes shards that do not belong to the manifest, and what a killed run left."""
    remove_leftovers(data_dir, f"{manifest.data_name}-")
    remove_leftovers(data_dir, manifest_path(manifest.data_name, data_dir).name)
    known = {shard.file for shards in manifest.splits.values() for shard in shards if shard}
    for path in existing_shards(manifest.data_name, data_dir):
        if path.name not in known:
            path.unlink()


def ensure_vocabularies(
    manifests: Mapping[str, Manifest],
    problems: Mapping[str, Problem],
    request: Request,
    log: Callable[[str], None],
) -> None:
    """Builds what is missing and enters name, checksum and size into the manifests.

    Raises:
      DataError: if a vocabulary is there that was built from something else, or that is not the
        one which finished shards were written with.
    """
    for manifest in manifests.values():
        for name in _missing_vocabularies(manifest, request.data_dir):
            remove_leftovers(request.data_dir, f"{name}.model")
            spec = vocabulary_spec(name, problems, request)
            vocabulary = ensure_vocabulary(
                spec,
                {p: _source_of_text(p, problems, request, log) for p in spec.problems},
                request.data_dir,
                request.tmp_dir,
                manifest.seed,
                request.overwrite,
                log,
                request.skip_broken,
            )
            known = manifest.vocabularies.get(name)
            mend = command_line(manifest.data_name, request.data_dir)
            if known is not None and known.digest != vocabulary.digest:
                raise DataError(
                    f"{vocabulary_path(name, request.data_dir)} is not the vocabulary that the "
                    f"data of problem '{manifest.data_name}' were made with; put the original file "
                    f"back, or run {mend} --overwrite."
                )
            manifest.vocabularies[name] = VocabularyFile(vocabulary.digest, vocabulary.size)


def _source_of_text(
    name: str, problems: Mapping[str, Problem], request: Request, log: Callable[[str], None]
) -> Problem:
    """A problem whose text a vocabulary is built over, its raw data there."""
    problem = problems.get(name) or find_problem(name).with_access(request.access)
    problem.prepare(request.tmp_dir, log)
    return problem


def vocabulary_spec(name: str, problems: Mapping[str, Problem], request: Request) -> VocabularySpec:
    """The specification of the vocabulary of that name.

    The shared one as asked for; a registered one as registered; one that was built before as it
    was then; any other over every problem that names it.
    """
    if request.shared and request.shared.name == name:
        return request.shared
    if name in VOCABULARIES:
        return VOCABULARIES.get(name)
    if not request.overwrite and (spec := recorded_spec(name, request.data_dir)):
        return spec
    named = {n for n, problem in problems.items() if name in problem.text_vocabularies}
    named |= {n for n in PROBLEMS if name in find_problem(n).text_vocabularies}
    return VocabularySpec(name, _OWN_SIZE, tuple(sorted(named)))
