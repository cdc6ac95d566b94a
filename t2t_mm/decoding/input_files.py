"""What --decode_from_file names: lines, folders, lists of files, and tables that mix problems."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from t2t_mm.decoding.inputs import NOUNS, Raw, expanded, read_lines, text_lines
from t2t_mm.errors import DataError, UserError, unknown
from t2t_mm.problem import Task

STANDARD_INPUT = "-"

_MEDIA = {
    "image": (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
    "audio": (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au"),
}


@dataclass(frozen=True)
class DecodeInput:
    """One input and what is to be done with it.

    Attributes:
      task: the problem, or a combination of two.
      raw: a text, or a file's path or bytes; see `inputs.stored_input`.
      place: where it comes from, for an error's sentence; None: the input's own words.
      target: the answer that is to be scored; None where one is to be found.
    """

    task: Task
    raw: Raw
    place: str | None = None
    target: str | None = None


def read_inputs(task: Task, where: str) -> list[DecodeInput]:
    """The inputs of one problem.

    Args:
      task: the problem.
      where: "-" for standard input, or a file, with one input a line. For pictures and sounds also
        a file of that kind, a folder of them, or several of either separated by commas; a line
        is then a path, relative to the working directory or to the file that lists it. For a
        language model every line is empty, and asks for a text.

    Raises:
      DataError: as `inputs.read_lines`, or for a folder without a file of the kind.
      UserError: if nothing is named.
    """
    if not where.strip(", "):
        raise UserError("--decode_from_file names no file.")
    kind = task.inputs.kind
    if kind not in _MEDIA:
        lines = _placed_lines(where, empty=not task.has_inputs)
        return [DecodeInput(task, line, place) for place, line in lines]
    names = [where]
    if where != STANDARD_INPUT and not os.path.exists(expanded(where)):
        names = [name.strip() for name in where.split(",") if name.strip()]
    return [one for name in names for one in _media(task, name)]


def _placed_lines(name: str, empty: bool = False) -> list[tuple[str, str]]:
    lines = lines_of(name, empty)
    of = "standard input" if name == STANDARD_INPUT else name
    return [(f"line {number} of {of}", line) for number, line in enumerate(lines, 1)]


def lines_of(name: str, empty: bool = False) -> list[str]:
    """The lines of a file, or of standard input for "-"; see `inputs.read_lines`."""
    if name == STANDARD_INPUT:
        return text_lines(sys.stdin.buffer.read(), "standard input", empty)
    if os.path.isdir(expanded(name)):
        raise DataError(f"{name} is a folder; give a text file with one input a line.")
    return read_lines(name, empty)


def _media(task: Task, name: str) -> Iterator[DecodeInput]:
    kind = task.inputs.kind
    noun, path = NOUNS[kind], expanded(name)
    if os.path.isdir(path):
        yield from (
            DecodeInput(task, str(file), f"the {noun} {file}") for file in _folder(path, kind)
        )
    elif name != STANDARD_INPUT and _is_media(path, kind):
        yield DecodeInput(task, name, f"the {noun} {name}")
    else:
        for place, line in _placed_lines(name):
            yield _named(task, line, place, name)


def _folder(path: Path, kind: str) -> list[Path]:
    """The files of one kind in a folder, by name; not those of folders in it."""
    found = sorted(f for f in path.iterdir() if f.suffix.lower() in _MEDIA[kind] and f.is_file())
    if not found:
        raise DataError(
            f"the folder {path} holds no {NOUNS[kind]} (a file that ends in "
            f"{', '.join(_MEDIA[kind])}); give a folder that does."
        )
    return found


def _is_media(path: Path, kind: str) -> bool:
    """By the suffix; and by the content, where the suffix says nothing."""
    if path.suffix.lower() in _MEDIA[kind]:
        return True
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return b"\0" in file.read(1024)


def _named(task: Task, line: str, place: str, listed_in: str) -> DecodeInput:
    """What a line asks for: a text itself, or the picture or sound whose path it holds."""
    if task.inputs.kind not in _MEDIA:
        return DecodeInput(task, line, place)
    path = expanded(line.strip())
    if not os.path.exists(path) and listed_in != STANDARD_INPUT:
        path = expanded(listed_in).parent / path
    return DecodeInput(task, str(path), f"the {NOUNS[task.inputs.kind]} {path} ({place})")


def is_table(where: str, problem: str | None) -> bool:
    """Whether a file mixes problems: it ends in .tsv, and no flag names a problem."""
    return problem is None and where.lower().endswith(".tsv")


def read_table(
    tasks: Mapping[str, Task], where: str, with_targets: bool = False
) -> list[DecodeInput]:
    """The inputs of a file with lines "problem<TAB>input".

    Args:
      tasks: problem -> task, of the model.
      where: the file; a picture's or sound's path may be relative to it.
      with_targets: whether "<TAB>target" follows.

    Raises:
      DataError: for a line of another form.
      UnknownNameError: for a problem that the model was not trained on.
    """
    form = ("problem", "input", "target") if with_targets else ("problem", "input")
    asked = []
    for place, line in _placed_lines(where):
        named = tasks.get(line.partition("\t")[0].strip())
        name, *rest = columns(line, form, place, empty=bool(named and not named.has_inputs))
        task = _task(tasks, name.strip(), place)
        one = _named(task, rest[0], place, where)
        asked.append(DecodeInput(task, one.raw, one.place, rest[1] if with_targets else None))
    return asked


def read_scored(task: Task, where: str) -> list[DecodeInput]:
    """The inputs and outputs of a file with lines "input<TAB>target", as --score_file has."""
    asked = []
    for place, line in _placed_lines(where, empty=not task.has_inputs):
        raw, target = columns(line, ("input", "target"), place, empty=not task.has_inputs)
        one = _named(task, raw, place, where)
        asked.append(DecodeInput(task, one.raw, one.place, target))
    return asked


def columns(line: str, form: tuple[str, ...], place: str, empty: bool = False) -> list[str]:
    """The parts of a line between tabs, as many as `form` names; a target may be empty.

    So may an input be, if `empty`.
    """
    may_be_empty = {"target", "input"} if empty else {"target"}
    parts = line.split("\t")
    if len(parts) != len(form):
        count = f"{len(parts)} column{'s' if len(parts) != 1 else ''}"
        raise DataError(f"{place} has {count}; write it as {'<TAB>'.join(form)}.")
    for name, part in zip(form, parts, strict=True):
        if name not in may_be_empty and not part.strip():
            raise DataError(f"{place} has an empty {name}; write it as {'<TAB>'.join(form)}.")
    return parts


def _task(tasks: Mapping[str, Task], name: str, place: str) -> Task:
    if name not in tasks:
        raise unknown("problem of this model", name, tasks, place)
    return tasks[name]


def first_name(where: str) -> Path:
    """The path beside which answers go: the file or folder itself, or the first of several."""
    path = expanded(where)
    if not os.path.exists(path):
        path = expanded(where.split(",")[0].strip())
    return path if path.name else Path(os.path.abspath(path))
