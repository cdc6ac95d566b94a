"""Tensor2Tensor's flags that have another name here, no meaning here, or nothing that answers.

From one table (t2t_rows.py) the flags of t2t-trainer, t2t-decoder and t2t-datagen are made, and
docs/from_t2t.md is (`python -m t2t_mm.bin.t2t_flags`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from absl import flags

from t2t_mm.bin.t2t_row import Flag
from t2t_mm.bin.t2t_rows import ROWS, SETTINGS, TABLES
from t2t_mm.console.table import markdown
from t2t_mm.errors import UserError

_DEFINE = {
    str: flags.DEFINE_string,
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
}


def define(values: flags.FlagValues, command: str) -> None:
    """Makes the flags of a command's rows that it does not declare itself; --help hides them."""
    for row in ROWS[command]:
        if row.does != "works":
            make: Any = _DEFINE[row.kind]
            make(row.name, None, HIDDEN, flag_values=values, module_name=command)


HIDDEN = "Tensor2Tensor's; see docs/from_t2t.md."


def apply(values: flags.FlagValues, command: str) -> None:
    """Does what the rows say of the flags that are given.

    Args:
      values: the command's flags, parsed.
      command: its name.

    Raises:
      UserError: for a flag that is refused, with what to give instead.
    """
    for row in ROWS[command]:
        if row.does == "works" or not values[row.name].present:
            continue
        value = values[row.name].value
        if row.apply is not None:
            row.apply(values, value)
        elif value in row.harmless:
            continue
        elif row.does == "refused":
            raise UserError(f"--{row.name} of Tensor2Tensor is not here: {row.says}.")
        else:
            note = f"note: --{row.name} of Tensor2Tensor has no effect here: {row.says}."
            print(note, file=sys.stderr, flush=True)


def apply_settings(values: flags.FlagValues) -> None:
    """Takes Tensor2Tensor's own fields out of --decode_hparams, and does what their rows say.

    Raises:
      UserError: for a field that is refused, with what to give instead.
    """
    known = {row.name: row for row in SETTINGS if row.does != "works"}
    kept = []
    for item in (values.decode_hparams or "").split(","):
        name, _, text = (part.strip() for part in item.partition("="))
        row = known.get(name)
        if row is None:
            kept.append(item)
            continue
        value = _parsed(row, text)
        if row.apply is not None:
            row.apply(values, value)
        elif row.does == "refused" and value not in row.harmless:
            raise UserError(f"--decode_hparams: {name} of Tensor2Tensor is not here: {row.says}.")
    values["decode_hparams"].value = ",".join(kept)


def _parsed(row: Flag, text: str) -> Any:
    try:
        if row.kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        return row.kind(text)
    except (ValueError, KeyError):
        raise UserError(
            f"--decode_hparams: {row.name} must be "
            f"{'true or false' if row.kind is bool else 'a number'}, got '{text}'."
        ) from None


def with_hparams(argv: Sequence[str]) -> list[str]:
    """Arguments with --hp_NAME VALUE and --hp_NAME=VALUE appended to --hparams, as in T2T.

    Raises:
      UserError: for an --hp_NAME without a value.
    """
    rest: list[str] = []
    given: list[str] = []
    changes: list[str] = []
    words = iter(argv)
    for word in words:
        found = re.fullmatch(r"--?(hp_\w[\w.]*|hparams)(?:=(.*))?", word, re.DOTALL)
        if not found:
            rest.append(word)
            continue
        name, value = found.groups()
        if value is None:
            value = next(words, None)
        if value is None:
            raise UserError(f"--{name} has no value; write --{name}=VALUE.")
        if name == "hparams":
            given = [value]
        else:
            changes.append(f"{name.removeprefix('hp_')}={value}")
    if not given and not changes:
        return rest
    return [*rest, f"--hparams={','.join(filter(None, [*given, *changes]))}"]


def tables() -> str:
    """The tables of docs/from_t2t.md, in Markdown."""
    parts = []
    for command, rows in TABLES.items():
        dashes = "--" if command in ROWS else ""
        shown = [[f"`{dashes}{row.name}`", row.does, _says(row)] for row in rows]
        parts.append(f"### {command}\n\n{markdown(['T2T', 'here', ''], shown)}")
    return "\n\n".join(parts)


def _says(row: Flag) -> str:
    """The last cell of a row: what it says, and which values a refused flag may have."""
    values: Iterable[Any] = row.harmless if row.does == "refused" else ()
    taken = ", ".join(f"`{value}`" for value in values if value != "")
    return f"{row.says} (taken: {taken})" if taken else row.says


if __name__ == "__main__":
    print(tables())
