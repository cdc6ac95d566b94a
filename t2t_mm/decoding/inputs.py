"""Users' inputs, as a problem stores them, or a sentence on what is wrong with them.

No TensorFlow: what is stored is turned into a model's input by the kinds, as in training.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_mm.errors import DataError
from t2t_mm.files.text import BadLine, lines_of_bytes
from t2t_mm.kinds import Kind
from t2t_mm.kinds.broken import BrokenValue, TooLarge
from t2t_mm.kinds.kind import BYTES, FLOATS, INT, InputBounds, StoredInput
from t2t_mm.kinds.notes import heard
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import Task

_LOG = logging.getLogger("t2t_mm")

Value = str | bytes | Path
Raw = Value | Mapping[str, Value]


class LargeInput(DataError):
    """An input beyond the bounds: it alone is not answered."""


def stored_inputs(
    raw: Raw,
    task: Task,
    vocabularies: Mapping[str, Vocabulary],
    place: str | None = None,
    bounds: InputBounds | None = None,
) -> dict[str, StoredInput]:
    """Checks the inputs of one example and encodes them.

    Args:
      raw: the one input, or name -> input where the problem has several. A text is str or UTF-8
        bytes; an image or a sound is a file's path (str or Path), or the bytes of an encoded file.
      task: the problem.
      vocabularies: by name.
      place: where it comes from, for the error; None: its path, or "the input".
      bounds: what is larger is refused; None: nothing is.

    Returns:
      Input's name -> what records would hold. A language model reads nothing: what is handed in
      for it is a prompt, see `stored_prompt`.

    Raises:
      DataError: names the place, and says what is wrong and what is allowed; a LargeInput for what
        is too large.
    """
    found = {}
    for name, value in named_inputs(raw if task.has_inputs else "", task, place).items():
        kind = task.inputs[name]
        where = place or _place(value, kind)
        if len(task.inputs) > 1:
            where = f"{where}: {name}{_path_of(value, kind)}"
        try:
            with heard() as notes:
                if bounds is None:
                    found[name] = kind.read(value, vocabularies)
                else:
                    found[name] = kind.read_bounded(value, vocabularies, bounds)
        except TooLarge as error:
            raise LargeInput(f"{where} {error.detail}.") from None
        except BrokenValue as error:
            raise DataError(f"{where} {error.detail}.") from None
        for note in notes:
            _LOG.warning("note: %s %s.", where, note.detail)
    return found


def stored_prompt(
    raw: Raw, task: Task, vocabularies: Mapping[str, Vocabulary], place: str | None = None
) -> list[int]:
    """The token ids that the output of a language model is to begin with; none for other problems.

    Raises:
      DataError: for what is not text.
    """
    if task.has_inputs or raw in ("", b""):
        return []
    try:
        text = raw.decode() if isinstance(raw, bytes) else str(raw)
        return task.targets.parse_target(text, vocabularies)[:-1]  # without the end
    except UnicodeDecodeError as error:
        reason = f"is not valid UTF-8 ({error.reason} at byte {error.start}); convert it to UTF-8"
    except BrokenValue as error:
        reason = error.detail
    raise DataError(f"{place or 'the prompt'} {reason}.")


def named_inputs(raw: Raw, task: Task, place: str | None = None) -> dict[str, Value]:
    """Name -> input, in the order of names; one input needs no name.

    Raises:
      DataError: for names that are not those of the problem's inputs.
    """
    if not isinstance(raw, Mapping):
        if len(task.inputs) > 1:
            raise DataError(
                f"{place or 'the input'} must name the inputs of problem '{task.name}': "
                f"{', '.join(task.inputs)}; got one value."
            )
        return {next(iter(task.inputs)): raw}
    if raw.keys() != task.inputs.keys():
        raise DataError(
            f"{place or 'the input'} must have {', '.join(task.inputs)} for problem "
            f"'{task.name}', got {', '.join(map(str, raw)) or 'nothing'}."
        )
    return {name: raw[name] for name in task.inputs}


def shown_input(raw: Raw) -> str:
    """One line for what a user handed in; several inputs are a JSON object."""
    if isinstance(raw, Mapping):
        return json.dumps({name: str(value) for name, value in raw.items()}, ensure_ascii=False)
    return str(raw)


def unprepared_note(tasks: Iterable[Task]) -> str:
    """A note for users of a run before run.json knew how texts are prepared; "" for none."""
    names = sorted(t.name for t in tasks if any(k.preparation is None for k in t.kinds.values()))
    if not names:
        return ""
    return (
        f"note: run.json does not say how texts of {', '.join(names)} were prepared for training, "
        "for an earlier t2t_mm wrote it: they are read as they stand; give them as the data have "
        "them (in lower case, say), or go on with the training, which writes it down."
    )


def expanded(path: str | Path) -> Path:
    """The path with "~" resolved, or as it is where there is no such home."""
    return Path(os.path.expanduser(path))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _place(value: Value, kind: Kind) -> str:
    path = _path_of(value, kind)
    return f"the {kind.noun}{path}" if path else "the input"


def _path_of(value: Value, kind: Kind) -> str:
    return f" {value}" if kind.suffixes and not isinstance(value, bytes) else ""


def read_lines(path: str | Path, empty: bool = False) -> list[str]:
    """The lines of a text file, none of them empty unless `empty` allows it; see files/text.py.

    Raises:
      DataError: for a file that cannot be read or holds nothing, an empty line, or what is no text.
    """
    try:
        content = expanded(path).read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({_reason(error)}); check the path.") from None
    return text_lines(content, path, empty)


def text_lines(content: bytes, path: str | Path, empty: bool = False) -> list[str]:
    """The lines of what was read from `path`; see `read_lines`."""
    lines = list(lines_of_bytes(content, path))
    if not lines:
        raise DataError(f"{path} is empty; give it one input a line.")
    return [_line(line, number, path, empty) for number, line in enumerate(lines, 1)]


def _line(line: str | BadLine, number: int, path: str | Path, empty: bool) -> str:
    if isinstance(line, BadLine):
        raise DataError(f"line {number} of {path} {line.detail}.")
    if not line.strip() and not empty:
        raise DataError(f"line {number} of {path} is empty; give one input a line.")
    return line


def stacked(kind: Kind, values: Sequence[Any]) -> Any:
    """Stored values of one kind as `Kind.feed` takes them; imports TensorFlow."""
    import tensorflow as tf

    if kind.record == BYTES:
        return tf.constant(values, tf.string)
    if kind.record == INT:
        return tf.constant([one[0] if isinstance(one, list) else one for one in values], tf.int64)
    dtype = tf.float32 if kind.record == FLOATS else tf.int64
    rows = [one if isinstance(one, (list, tuple)) else [one] for one in values]
    return tf.ragged.constant(rows, dtype, ragged_rank=1, row_splits_dtype=tf.int64)
