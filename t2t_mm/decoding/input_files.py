"""Inputs of --decode_from_file: lines, folders, lists of files, and tables that mix problems."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from t2t_mm.decoding.inputs import Raw, expanded, read_lines, text_lines
from t2t_mm.errors import DataError, UserError
from t2t_mm.files.names import in_any_form
from t2t_mm.files.text import DAMAGED, unpacked
from t2t_mm.kinds import Kind
from t2t_mm.problem import SourceNote, Task
from t2t_mm.runs.trained_run import task_named

STANDARD_INPUT = "-"
_TABLES = (".tsv", ".tsv.gz", ".tsv.bz2", ".tsv.xz")
_log = logging.getLogger("t2t_mm")


@dataclass(frozen=True)
class DecodeInput:
    """An input and what is to be done with it.

    Attributes:
      task: the problem, or a combination of two.
      raw: a text, a file's path or bytes, or name -> input; see `inputs.stored_inputs`.
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
      where: "-" for standard input, or a file, with one input a line. For images and sounds also
        a file of that kind, a folder of them, or several of either separated by commas; a line
        is then a path, relative to the working directory or to the file that lists it. For a
        language model every line is empty, and asks for a text. For a problem with several inputs
        a table with named columns, see `read_records`.

    Raises:
      DataError: as `inputs.read_lines`, or for a folder without a file of the kind.
      UserError: if nothing is named.
    """
    if not where.strip(", "):
        raise UserError("--decode_from_file names no file.")
    if len(task.inputs) > 1:
        return read_records(task, where)
    if not task.input.suffixes:
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
    kind, path = task.input, expanded(name)
    if os.path.isdir(path):
        for file in _folder(path, kind):
            yield DecodeInput(task, str(file), f"the {kind.noun} {file}")
    elif name != STANDARD_INPUT and _is_media(path, kind):
        yield DecodeInput(task, name, f"the {kind.noun} {name}")
    else:
        for place, line in _placed_lines(name):
            yield _named(task, line, place, name)


def _folder(path: Path, kind: Kind) -> list[Path]:
    """The files of one kind in a folder, by name; not those of folders in it."""
    there = sorted(f for f in path.iterdir() if not f.name.startswith("."))
    found = [f for f in there if f.suffix.lower() in kind.suffixes and f.is_file()]
    others = tuple(str(f) for f in there if f.suffix.lower() not in kind.suffixes or f.is_dir())
    if found and others:
        what = f"files and folders that are no {kind.plural} by their endings are not read"
        _log.warning("%s", SourceNote(what, others))
    if not found:
        raise DataError(
            f"the folder {path} holds no {kind.noun} (a file that ends in "
            f"{', '.join(kind.suffixes)}); give a folder that does."
        )
    return found


def _is_media(path: Path, kind: Kind) -> bool:
    """True if the suffix is one of the kind's; else the content decides."""
    if path.suffix.lower() in kind.suffixes:
        return True
    if not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            head, _ = unpacked(file, path)
    except (DataError, *DAMAGED):
        return False  # a list that cannot be read, of which the reader of lines tells more
    return b"\0" in head[:1024]


def _named(task: Task, line: str, place: str, listed_in: str) -> DecodeInput:
    """The inputs of a line: a text itself, the file whose path it holds, or named inputs."""
    if len(task.inputs) > 1:
        raw = resolved(parse_record(line, tuple(task.inputs), place), task, listed_in)
        return DecodeInput(task, raw, place)
    if not task.input.suffixes:
        return DecodeInput(task, line, place)
    path = resolved_path(line, listed_in)
    return DecodeInput(task, str(path), f"the {task.input.noun} {path} ({place})")


def resolved(record: Mapping[str, str], task: Task, listed_in: str) -> dict[str, str]:
    """Named inputs with the paths of files found."""
    return {
        name: str(resolved_path(value, listed_in)) if task.inputs[name].suffixes else value
        for name, value in record.items()
    }


def resolved_path(text: str, listed_in: str) -> Path:
    """A path, relative to the working directory or to the file that lists it."""
    path = in_any_form(expanded(text.strip()))
    if not os.path.exists(path) and listed_in != STANDARD_INPUT:
        path = in_any_form(expanded(listed_in).parent / path)
    return path


def parse_record(line: str, names: Sequence[str], place: str) -> dict[str, str]:
    """Name -> input of a line that holds a JSON object.

    Raises:
      DataError: if it is not an object of texts with these names.
    """
    form = "{" + ", ".join(f'"{name}": ...' for name in names) + "}"
    try:
        record = json.loads(line)
    except (RecursionError, ValueError):
        record = None
    if not isinstance(record, dict) or record.keys() != set(names):
        raise DataError(f"{place} must be a JSON object {form}.")
    wrong = [name for name in names if not isinstance(record[name], str)]
    if wrong:
        raise DataError(f"{place}: {wrong[0]} must be a text or a path in quotes; write {form}.")
    return {name: record[name] for name in names}


def read_records(task: Task, where: str) -> list[DecodeInput]:
    """The inputs of a problem with several: a table with named columns.

    Args:
      task: the problem.
      where: "-" or a file of JSON objects, one a line; or of columns between tabs, whose first
        line names them. Further columns are passed over; paths may be relative to the file.

    Raises:
      DataError: for a column that is missing, or a line of another form.
    """
    names, lines = tuple(task.inputs), _placed_lines(where)
    if lines[0][1].lstrip().startswith("{"):
        return [_named(task, line, place, where) for place, line in lines]
    header = [cell.strip() for cell in lines[0][1].split("\t")]
    missing = [name for name in names if name not in header]
    if missing:
        raise DataError(
            f"{lines[0][0]} names no column '{missing[0]}': problem '{task.name}' reads "
            f"{', '.join(names)}; give a line of names with tabs between them first, or a JSON "
            "object a line."
        )
    found = []
    for place, line in lines[1:]:
        cells = dict(zip(header, columns(line, tuple(header), place), strict=True))
        record = {name: cells[name] for name in names}
        found.append(DecodeInput(task, resolved(record, task, where), place))
    return found


def is_table(where: str, problem: str | None) -> bool:
    """True if a file mixes problems: it is a .tsv, packed or not, and no flag names a problem."""
    return problem is None and where.lower().endswith(_TABLES)


def read_table(
    tasks: Mapping[str, Task], where: str, with_targets: bool = False
) -> list[DecodeInput]:
    """The inputs of a file with lines "problem<TAB>input".

    Args:
      tasks: problem -> task, of the model.
      where: the file; an image's or sound's path may be relative to it; several inputs are a JSON
        object.
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
        task = task_named(tasks, name.strip(), place)
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


def first_name(where: str) -> Path:
    """The path beside which answers go: the file or folder itself, or the first of several."""
    path = expanded(where)
    if not os.path.exists(path):
        path = expanded(where.split(",")[0].strip())
    return path if path.name else Path(os.path.abspath(path))
