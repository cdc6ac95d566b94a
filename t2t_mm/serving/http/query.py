"""Asks a running server from the command line, as Tensor2Tensor's t2t-query-server did."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from t2t_mm.decoding.input_files import parse_record
from t2t_mm.errors import UserError, unknown
from t2t_mm.registry import KINDS
from t2t_mm.serving.http.client import Answer, Client, Input, ServerError, Value


def query(
    server: str, model: str | None, problem: str | None, once: str | None, timeout: float
) -> None:
    """Prints the answers to one input, or to the lines of standard input.

    Args:
      server: the server's URL.
      model: its name; None: the server's only one.
      problem: None: the only one.
      once: the input; None: read lines. An image or a sound is the path of its file; what a problem
        with several inputs reads is a JSON object, name -> text or path.
      timeout: seconds to wait for an answer.

    Raises:
      UserError: for what the server refuses, or if it fails; while lines are read it is told and
        the next one read.
    """
    try:
        _query(Client(server, model, timeout), problem, once)
    except ServerError as error:
        raise UserError(str(error)) from error


def _query(client: Client, problem: str | None, once: str | None) -> None:
    problems = client.problems()
    name = _chosen(problem, list(problems))
    kinds = problems[name]["inputs"]  # a kind's name; of several input -> kind
    if once is not None:
        print(_shown(client.predict(name, _read(once, kinds, "the input"))))
        return
    shown = kinds if isinstance(kinds, str) else " + ".join(kinds.values())
    for line in _lines(f"{name} ({shown})> ", bool(problems[name].get("absent"))):
        try:
            print(_shown(client.predict(name, _read(line, kinds, "the line"))), flush=True)
        except (UserError, ServerError) as error:
            print(f"error: {error}", file=sys.stderr)


def _chosen(problem: str | None, known: list[str]) -> str:
    if problem is None and len(known) == 1:
        return known[0]
    if problem is None:
        raise UserError(f"the server has several problems; --problem is one of {', '.join(known)}.")
    if problem not in known:
        raise unknown("problem", problem, known, "--problem")
    return problem


def _read(line: str, kinds: str | Mapping[str, str], place: str) -> Input:
    if isinstance(kinds, str):
        return _value(line, kinds)
    named = parse_record(line, tuple(kinds), place)
    return {name: _value(value, kinds[name]) for name, value in named.items()}


def _value(text: str, kind: str) -> Value:
    """A path where values are files; a kind that is not registered here is given as text."""
    return Path(text) if kind in KINDS and KINDS.get(kind).suffixes else text


def _lines(prompt: str, empty: bool) -> Iterable[str]:
    """The lines of standard input; empty ones only where they ask for something."""
    terminal = sys.stdin.isatty()
    while True:
        try:
            line = input(prompt if terminal else "").removeprefix("\ufeff").strip()
        except EOFError:
            return
        if line or empty:
            yield line


def _shown(answer: Answer) -> str:
    pairs = zip(answer.outputs, answer.scores, strict=True)
    return "\n".join(
        text if score is None else f"{text}\t{score:.3f}"
        for text, score in pairs
    )  # fmt: skip
