"""The side file of a run that is not finished: what it has answered, so that a rerun goes on.

`FILE.partial` begins with a line that tells which run it belongs to; each further line is one
answer. A batch's lines are appended in one write, so a killed run leaves whole lines and at
worst the beginning of one, which is cut off.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2t_mm.errors import UserError
from t2t_mm.files.locking import lock_or_refuse

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

    from t2t_mm.decoding.decoder import Decoded

Say = Callable[[str], None]


class ResumeFile:
    """Answers by the number of their input; used as a context, which holds the file's lock.

    Args:
      path: the finished file; the side file stands beside it. None: nothing is kept.
      identity: what must be the same for a rerun to go on: name -> JSON-ready value.
      say: told what was found.

    Attributes:
      done: the answers so far.
    """

    def __init__(self, path: Path | None, identity: Mapping[str, Any], say: Say = print):
        self.path = path and path.with_name(f"{path.name}.partial")
        self.done: dict[int, Decoded] = {}
        self._identity = json.loads(json.dumps(identity))
        self._say = say
        self._file: int | None = None
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if self.path is None:
            return self
        try:
            self._open(self.path)
            self._resume()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._held.close()

    def _open(self, path: Path) -> None:
        """Opens the side file, under its lock."""
        refusal = UserError(
            f"another t2t-decoder is writing {path}; wait for it, or change --decode_to_file."
        )
        try:
            self._held.enter_context(lock_or_refuse(_lock_path(path), refusal, self._say))
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise UserError(
                f"{path} cannot be written ({error.strerror}); change --decode_to_file."
            ) from None

    def add(self, answers: Mapping[int, Decoded]) -> None:
        """Keeps the answers of a batch."""
        self.done.update(answers)
        if self._file is None:
            return
        lines = [
            json.dumps({"index": index, **dataclasses.asdict(one)}) + "\n"
            for index, one in answers.items()
        ]
        _write(self._file, "".join(lines).encode())

    def finish(self) -> None:
        """Removes the side file: the finished file is in its place."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
            _lock_path(self.path).unlink(missing_ok=True)

    def _resume(self) -> None:
        """Reads what is there, if it is of this run; else begins anew."""
        file = self._file
        assert file is not None
        with open(file, "rb", closefd=False) as reader:
            content = reader.read()
        whole = content[: content.rfind(b"\n") + 1]
        changed = self._read(whole.split(b"\n")[:-1])
        if changed:
            self._say(f"{self.path} is of another run ({changed}): beginning anew")
        elif self.done:
            self._say(f"going on: {len(self.done)} answers are in {self.path}")
        os.ftruncate(file, len(whole) if whole and not changed else 0)
        if changed or not whole:
            _write(file, json.dumps(self._identity).encode() + b"\n")

    def _read(self, lines: Sequence[bytes]) -> str:
        """Takes the answers of the lines; says what is wrong with them, "" for nothing."""
        if not lines:
            return ""
        try:
            before = json.loads(lines[0])
            found = dict(_answer(line) for line in lines[1:])
            names = sorted(before.keys() | self._identity.keys())
        except (ValueError, AttributeError, KeyError, TypeError):
            return "it cannot be read"
        changed = [n for n in names if before.get(n) != self._identity.get(n)]
        if not changed:
            self.done = found
        return ", ".join(f"{name} differ" for name in changed)


def _answer(line: bytes) -> tuple[int, Decoded]:
    from t2t_mm.decoding.decoder import Decoded, Prediction

    found = json.loads(line)
    alternatives = tuple(Prediction(**one) for one in found.pop("alternatives"))
    return found.pop("index"), Decoded(**found, alternatives=alternatives)


def _write(file: int, content: bytes) -> None:
    """All of it, in one call where the system can."""
    while content:
        content = content[os.write(file, content) :]


def _lock_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")
