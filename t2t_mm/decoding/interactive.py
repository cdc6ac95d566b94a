"""A session: one line in, its answer out; the problem may change from line to line."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from t2t_mm.decoding.combinations import Combination, combination
from t2t_mm.decoding.input_files import parse_record
from t2t_mm.decoding.inputs import expanded
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import UserError
from t2t_mm.problem import Task

if TYPE_CHECKING:
    from t2t_mm.decoding.decoder import Prediction
    from t2t_mm.decoding.model_loading import LoadedModel

HELP = """\
Any line is answered: a text, or the path of an image or sound. Besides that:
  pr=NAME      answer for this problem
  in=NAME      read the inputs of this problem, whatever is answered (zero-shot)
  ou=NAME      answer with the command and targets of this problem (zero-shot)
  co=COMMAND   tell the decoder another command; co= tells the problem's own again
  ns=N         show the N best answers, or N drawn ones
  dl=N         tokens that an answer may have beyond what its input suggests
  ds=SETTINGS  as --decode_hparams, e.g. ds=beam_size=1
  it=KIND      says whether text, image, ... is read: the problem chooses
  h            this help
  q            quit"""

_COMMAND = re.compile(r"(pr|in|ou|co|ns|dl|ds|it)=(.*)")


class Session:
    """Answers lines until one of them is q; what is wrong with a line does not end it.

    Args:
      loaded: the model; it serves all of its problems.
      settings: how to search at first.
      path: the problem at first; None: the user has to choose one.
      say: shows a line.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        settings: DecodeSettings,
        path: Combination | None = None,
        say: Callable[[str], None] = print,
    ):
        self._loaded, self._settings, self._say = loaded, settings, say
        self._inputs_of = path.inputs_of if path else None
        self._targets_of = path.targets_of if path else None
        self._command = path.command if path else None
        self._shown = settings.num_outputs

    @property
    def prompt(self) -> str:
        """The prompt of the next line, e.g. "caption_shapes> "."""
        path = self._path()
        return f"{path.task.name}{' (zero-shot)' if path.zero_shot else ''}> " if path else "> "

    def run(self, lines: Iterable[str | bytes]) -> None:
        """Handles lines until they end or one of them is q."""
        for line in lines:
            if not self.handle(line):
                return

    def handle(self, line: str | bytes) -> bool:
        """Does what a line asks for; an error is shown.

        Returns:
          False if the session is over.
        """
        try:
            text = line.decode() if isinstance(line, bytes) else line
        except UnicodeDecodeError:
            self._say("error: this line is not valid UTF-8.")
            return True
        text = text.strip()
        if text in ("q", "quit"):
            return False
        try:
            self._handle(text)
        except UserError as error:
            self._say(f"error: {error}")
        return True

    def _handle(self, text: str) -> None:
        setting = _COMMAND.fullmatch(text)
        if setting:
            self._set(*setting.groups())
        elif text in ("h", "help", "?"):
            self._say(HELP)
        elif text or self._takes_nothing():
            self._answer(text)

    def _set(self, name: str, value: str) -> None:
        value = value.strip()
        if name in ("pr", "in", "ou", "co"):
            self._choose(name, value)
        elif name == "it":
            self._kind(value)
        elif name == "ds":
            self._settings = self._settings.override(value, "ds=")
            several = self._settings.return_beams or self._settings.num_decodes > 1
            self._shown = self._settings.num_outputs if several else self._shown
        else:
            self._count(name, value)

    def _kind(self, value: str) -> None:
        """Tensor2Tensor had to be told what is typed; here the problem says it."""
        path = self._path()
        if path is None:
            raise UserError(self._nothing_chosen())
        kinds = [kind.name for kind in path.task.inputs.values()]
        if value not in kinds:
            raise UserError(
                f"it={value}: {path.task.name} reads {_reads(path.task)}; pr=NAME chooses another "
                "problem."
            )
        self._say(f"{path.task.name}: give {_reads(path.task)}")

    def _choose(self, name: str, value: str) -> None:
        """Changes what is read and written, unless the model cannot."""
        if name != "co":
            self._loaded.task(value, f"{name}=")
        inputs_of, targets_of, command = self._inputs_of, self._targets_of, self._command
        if name == "pr":
            inputs_of, targets_of, command = value, value, None
        elif name == "in":
            inputs_of = value
        elif name == "ou":
            targets_of, command = value, None
        else:
            command = value or None
        if inputs_of is None or targets_of is None:
            inputs_of = targets_of = inputs_of or targets_of
        if inputs_of is None or targets_of is None:
            raise UserError(self._nothing_chosen())
        path = combination(self._loaded.tasks, inputs_of, targets_of, command)
        self._inputs_of, self._targets_of, self._command = inputs_of, targets_of, command
        self._say(f"{path.task.name}: give {_reads(path.task)}")
        if path.zero_shot:
            self._say(path.remark)

    def _count(self, name: str, value: str) -> None:
        if not value.isdecimal() or (name == "ns" and int(value) < 1):
            raise UserError(f"{name}= takes a whole number, got '{value}'.")
        if name == "dl":
            self._settings = self._settings.replace(extra_length=int(value))
            return
        self._shown = int(value)
        if self._settings.samples:
            self._settings = self._settings.replace(num_decodes=self._shown)
            return
        most = max(self._settings.beam_size, self._shown)
        self._settings = self._settings.replace(
            beam_size=most, return_beams=self._shown > 1, num_decodes=1
        )

    def _path(self) -> Combination | None:
        if self._inputs_of is None or self._targets_of is None:
            return None
        return combination(self._loaded.tasks, self._inputs_of, self._targets_of, self._command)

    def _takes_nothing(self) -> bool:
        path = self._path()
        return path is not None and not path.task.has_inputs

    def _answer(self, text: str) -> None:
        path = self._path()
        if path is None:
            raise UserError(self._nothing_chosen())
        task = self._loaded.task_between(path.inputs_of, path.targets_of, self._command)
        (decoded,) = self._loaded.decode(task, [_raw(task, text)], self._settings)
        answers: tuple[Prediction, ...] = decoded.alternatives[: self._shown] or (decoded,)
        for answer in answers:
            self._say(f"  {answer.output}   (log-probability {answer.score:.2f})")

    def _nothing_chosen(self) -> str:
        return f"choose a problem first, with pr=NAME: {', '.join(sorted(self._loaded.tasks))}."


def _reads(task: Task) -> str:
    """The required content of a line."""
    if not task.has_inputs:
        return "the beginning of a text, or an empty line"
    if len(task.inputs) > 1:
        return "a JSON object {" + ", ".join(f'"{name}": ...' for name in task.inputs) + "}"
    if not task.input.suffixes:
        return "text"
    noun = task.input.noun
    return f"a{'n' if noun[0] in 'aeiou' else ''} {noun}'s path"


def _raw(task: Task, text: str) -> str | dict[str, str]:
    if len(task.inputs) > 1:
        record = parse_record(text, tuple(task.inputs), "the line")
        kinds = task.inputs
        return {n: _as_path(v) if kinds[n].suffixes else v for n, v in record.items()}
    return _as_path(text) if task.input.suffixes else text


def _as_path(text: str) -> str:
    """A path as a terminal gives it when a file is dropped: quoted, or with escaped spaces."""
    if os.path.exists(expanded(text)):
        return text
    bare = text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
    return bare if os.path.exists(expanded(bare)) else re.sub(r"\\(.)", r"\1", bare)


def typed_lines(prompt: Callable[[], str]) -> Iterator[str | bytes]:
    """The lines of standard input; on a terminal after a prompt each, with editing and history."""
    if not sys.stdin.isatty():
        yield from sys.stdin.buffer
        return
    with contextlib.suppress(ImportError):  # it is there on Unix alone
        import readline  # noqa: F401
    while True:
        try:
            yield input(prompt())
        except EOFError:
            print()
            return
