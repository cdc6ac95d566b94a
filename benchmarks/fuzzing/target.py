"""A target of fuzzing: something that makes an input of a number and hands it to a reader."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from t2t_mm.errors import UserError

KEPT, REFUSED, PARTLY = "kept", "refused", "partly"

# Makes the input of one number in an empty folder, has it read, and gives the verdict. Anything
# raised besides is a fault.
Try = Callable[[random.Random, Path], str]


class Fault(Exception):
    """An answer that is wrong: something lost in silence, a value that is not what was there."""


def check(is_so: bool, what: str) -> None:
    """Raises a Fault unless it is so."""
    if not is_so:
        raise Fault(what)


def refusal(error: UserError) -> str:
    """REFUSED for an error whose sentence can be shown to a user.

    Raises:
      Fault: if it is not one line of text, or names a traceback's words.
    """
    sentence = str(error)
    check(bool(sentence.strip()), "an empty sentence")
    check(len(sentence) < 2100, f"a sentence of {len(sentence):,} characters")
    check("Traceback" not in sentence, sentence)
    return REFUSED


def emptied(folder: Path) -> Path:
    """The folder, made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
