"""Reads a problems file and registers what it declares."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.errors import DataError, unknown
from t2t_mm.files.text import read_text
from t2t_mm.lookup import find_problems, split_suffixes
from t2t_mm.problem import VocabularySpec
from t2t_mm.problems_file.declaration import read_declaration
from t2t_mm.problems_file.problem import FileProblem
from t2t_mm.problems_file.schema import as_table, build, positive_whole
from t2t_mm.registry import MIXTURES, PROBLEMS, VOCABULARIES, Mixture, Registry

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_TABLES = ("problems", "vocabularies", "mixtures")
_log = logging.getLogger("t2t_mm")


@dataclass(frozen=True, kw_only=True)
class _Vocabulary:
    size: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Mixture:
    problems: tuple[str, ...]
    summary: str = ""


def load(path: str | Path, tmp_dir: str | Path | None = None) -> list[str]:
    """Registers the problems, vocabularies and mixtures of a file.

    Raw data are not looked at: a run on generated data does not need them, unless labels have to
    be found. Loading the same file again changes nothing.

    Args:
      path: the TOML file.
      tmp_dir: where the file's relative paths are looked for, after the file's own folder.

    Returns:
      The names of its problems, then of its mixtures.

    Raises:
      DataError: for a file that is missing or malformed, a missing key, a wrong value or a name
        that is taken, with file, table and key.
      UnknownNameError: for an unknown table, key, kind, format, vocabulary or problem.
    """
    path = Path(path).expanduser()
    content = _read(path)
    tables = {kind: as_table(content.get(kind, {}), f"{path}: [{kind}]") for kind in _TABLES}
    if not tables["problems"]:
        raise DataError(f"{path} declares no problem; it needs a table [problems.NAME].")
    problems = _problems(path, tables["problems"], Path(tmp_dir).expanduser() if tmp_dir else None)
    vocabularies = _vocabularies(path, tables["vocabularies"], problems)
    mixtures = _mixtures(path, tables["mixtures"])
    for problem in problems.values():
        _register(PROBLEMS, problem.name, problem, problem.declaration.place, _summary(problem))
    for name, spec in vocabularies.items():
        summary = f"{spec.size} pieces over {len(spec.problems)} problems of {path.name}."
        _register(VOCABULARIES, name, spec, f'{path}, [vocabularies."{name}"]', summary)
    for name, mixture in mixtures.items():
        _register(MIXTURES, name, mixture, f"{path}, [mixtures.{name}]", mixture.summary)
    for name, mixture in mixtures.items():
        for member in mixture.problems:
            find_problems(member, f"{path}, [mixtures.{name}]")
    return [*problems, *mixtures]


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise DataError(f"--problems_file={path} is not a file; give the path of a TOML file.")
    try:
        content = tomllib.loads(read_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as cause:
        raise DataError(f"{path} is malformed TOML: {str(cause).rstrip('.')}.") from None
    for name in content:
        if name not in _TABLES:
            raise unknown("table", name, _TABLES, str(path))
    return content


def _problems(
    path: Path, tables: Mapping[str, Any], tmp_dir: Path | None
) -> dict[str, FileProblem]:
    folder = path.resolve().parent
    return {
        name: FileProblem(
            read_declaration(name, as_table(table, f"{path}, [problems.{name}]"), str(path)),
            folder,
            tmp_dir,
        )
        for name, table in tables.items()
    }


def _vocabularies(
    path: Path, tables: Mapping[str, Any], problems: Mapping[str, FileProblem]
) -> dict[str, VocabularySpec]:
    for problem in problems.values():
        named = problem.declaration.options.vocabulary
        if named and named not in tables and named not in VOCABULARIES:
            known = [*tables, *VOCABULARIES]
            error = unknown("vocabulary", named, known, problem.declaration.place)
            raise type(error)(f'{error} Declare it: [vocabularies."{named}"] with its size.')
    found = {}
    for name, value in tables.items():
        place = f'{path}, [vocabularies."{name}"]'
        table = build(_Vocabulary, as_table(value, place), place)
        users = tuple(p for p in problems if problems[p].declaration.options.vocabulary == name)
        members = tuple(sorted(table.problems or users))
        if not members:
            raise DataError(f"{place}: no problem names it, so there is no text to build it over.")
        for member in members:
            if member not in problems and member not in PROBLEMS:
                raise unknown("problem", member, [*problems, *PROBLEMS], place)
        found[name] = VocabularySpec(name, positive_whole(table.size, f"{place}: size"), members)
    return found


def _mixtures(path: Path, tables: Mapping[str, Any]) -> dict[str, Mixture]:
    found = {}
    for name, value in tables.items():
        place = f"{path}, [mixtures.{name}]"
        table = build(_Mixture, as_table(value, place), place)
        if not table.problems:
            raise DataError(f"{place}: problems must name at least one.")
        found[name] = Mixture(name, table.problems, table.summary or f"Declared in {path.name}.")
    return found


def _summary(problem: FileProblem) -> str:
    options = problem.declaration.options
    return options.summary or f"{options.kind}, declared in {problem.declaration.place}."


def _register(registry: Registry, name: str, value: Any, place: str, summary: str) -> None:
    """Registers, or does nothing for what the same file has registered before."""
    if name in registry:
        old = registry.get(name)
        if isinstance(old, FileProblem) and isinstance(value, FileProblem):
            if old.declaration == value.declaration and old.folder == value.folder:
                old.tmp_dir = value.tmp_dir or old.tmp_dir
                return
        elif old == value:
            return
        if not _may_be_replaced(registry, name, old):
            raise DataError(
                f"{place}: the {registry.kind} '{name}' is already registered by "
                f"{_origin(old) or registry.entry(name).origin}; choose another name."
            )
        _log.info("%s: the %s '%s' takes the place of the built-in one", place, registry.kind, name)
        registry.remove(name)
    try:
        registry.register(name, value, summary, origin=place)
    except ValueError as cause:
        raise DataError(f"{place}: {cause}.") from None


def _may_be_replaced(registry: Registry, name: str, old: Any) -> bool:
    """True for a built-in entry over published data: a file may say where the user's copy is."""
    if not registry.entry(name).origin.startswith("t2t_mm."):
        return False
    if registry is PROBLEMS:
        return inspect.isclass(old) and issubclass(old, NamedProblem)
    bases = (split_suffixes(member)[0] for member in old.problems)
    values = [PROBLEMS.get(base) for base in bases if base in PROBLEMS]
    return any(inspect.isclass(value) and issubclass(value, NamedProblem) for value in values)


def _origin(value: Any) -> str | None:
    return value.declaration.place if isinstance(value, FileProblem) else None
