"""From the text of --problems to problem objects: names, mixtures, prefixes, _rev and _copy."""

from __future__ import annotations

import re

from t2t_mm.errors import UserError, unknown
from t2t_mm.problem import Problem
from t2t_mm.registry import MIXTURES, PROBLEMS

_SUFFIXES = {"_rev": Problem.rev, "_copy": Problem.copy}


def find_problem(name: str, flag: str = "--problems") -> Problem:
    """The problem of that name, its suffixes applied.

    Suffixes may come in any order, each at most once, as in Tensor2Tensor.

    Raises:
      UnknownNameError: with the nearest known name.
    """
    base, suffixes = split_suffixes(name)
    if base not in PROBLEMS:
        _refuse_waveform(base, flag)
        raise unknown("problem", name, problem_names(), flag)
    value = PROBLEMS.get(base)
    problem = value(base) if isinstance(value, type) else value
    if "_copy" in suffixes:
        problem = problem.copy()
    if "_rev" in suffixes:
        problem = problem.rev()
    return problem


def split_suffixes(name: str) -> tuple[str, frozenset[str]]:
    """Splits "x_rev_copy" into ("x", {"_rev", "_copy"})."""
    found: set[str] = set()
    while name not in PROBLEMS:
        suffix = next((s for s in _SUFFIXES if name.endswith(s) and s not in found), None)
        if suffix is None:
            break
        found.add(suffix)
        name = name.removesuffix(suffix)
    return name, frozenset(found)


def find_problems(text: str, flag: str = "--problems") -> list[Problem]:
    """The problems named by `text`, sorted by name, each once: their order changes nothing.

    Args:
      text: names, mixtures and `prefix*`, separated by commas; a list separated by dashes, as in
        the Tensor2Tensor of 2017, is understood too.
      flag: where the text came from, for the error.

    Raises:
      UserError: for an empty list, an unknown name or a prefix that nothing matches.
    """
    parts = [part.strip() for part in re.split(r"[,\-]" if "-" in text else ",", text)]
    names: dict[str, str | None] = {}
    for part in filter(None, parts):
        for name, vocabulary in _expand(part, flag).items():
            names[name] = _one_vocabulary(name, names.get(name), vocabulary, flag)
    if not names:
        raise UserError(
            f"no problem given; name at least one in {flag} (--registry_help lists them)."
        )
    return [_on_vocabulary(find_problem(name, flag), names[name]) for name in sorted(names)]


def _one_vocabulary(name: str, one: str | None, other: str | None, flag: str) -> str | None:
    if one and other and one != other:
        raise UserError(
            f"{flag} names '{name}' in two mixtures, on {one} and on {other}; leave one of the "
            "mixtures out."
        )
    return one or other


def _on_vocabulary(problem: Problem, vocabulary: str | None) -> Problem:
    return problem.with_vocabulary(vocabulary) if vocabulary else problem


def _expand(part: str, flag: str, within: tuple[str, ...] = ()) -> dict[str, str | None]:
    """Name -> the vocabulary that a mixture wants for it, None for the problem's own."""
    if part in within:
        raise UserError(
            f"{flag} names the mixture '{part}', which holds itself "
            f"({' -> '.join([*within, part])}); take it out of its problems."
        )
    if part.endswith("*"):
        matches = [name for name in problem_names() if name.startswith(part[:-1])]
        if not matches:
            raise unknown("problem", part, problem_names(), flag)
        return dict.fromkeys(matches)
    if part in MIXTURES:
        mixture = MIXTURES.get(part)
        members = [_expand(member, flag, (*within, part)) for member in mixture.problems]
        return {name: mixture.vocabulary or own for m in members for name, own in m.items()}
    if split_suffixes(part)[0] not in PROBLEMS:
        _refuse_waveform(part, flag)
        raise unknown("problem or mixture", part, [*problem_names(), *MIXTURES], flag)
    return {canonical_name(part): None}


def _refuse_waveform(name: str, flag: str) -> None:
    """The first edition had a second problem for each kind of network that reads sound."""
    base = name.removesuffix("_waveform")
    if base != name and base in PROBLEMS:
        raise UserError(
            f"{flag} names '{name}': its data are those of '{base}', and which network reads them "
            f"is an hparam; give {flag}={base} --hparams=audio_modality=audio."
        )


def canonical_name(name: str) -> str:
    """The one spelling of a problem's name: base, then _copy, then _rev."""
    base, suffixes = split_suffixes(name)
    return base + "".join(s for s in ("_copy", "_rev") if s in suffixes)


def problem_names() -> list[str]:
    """Every registered problem and the `_rev` name of each one that can be reversed."""
    names = []
    for name in PROBLEMS:
        names.append(name)
        if find_problem(name).reversible:
            names.append(f"{name}_rev")
    return sorted(names)
