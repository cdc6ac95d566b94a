"""A problems file and its raw files, written and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from t2t_mm import lookup, problems_file
from t2t_mm.errors import DataError, UserError
from t2t_mm.problem import Broken, Dropped, Split


def write(folder: Path, **files: str | list[str]) -> None:
    for name, content in files.items():
        text = content if isinstance(content, str) else "".join(f"{line}\n" for line in content)
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")


def load(folder: Path, text: str, tmp_dir: Path | None = None) -> list[str]:
    (folder / "my.toml").write_text(text, encoding="utf-8")
    return problems_file.load(folder / "my.toml", tmp_dir)


def fails(folder: Path, text: str) -> str:
    """The error, with the file's folder left out."""
    with pytest.raises(UserError) as error:
        load(folder, text)
    return str(error.value).replace(f"{folder}/", "")


def samples(name: str, split: Split = Split.TRAIN, folder: Path = Path("/nowhere")) -> list[Any]:
    """The samples, without what filters leave out.

    Raises:
      DataError: for the first that is broken, as t2t-datagen does.
    """
    found = []
    for sample in lookup.find_problem(name).generate_samples(split, folder, 0):
        if isinstance(sample, Broken):
            raise DataError(sample.sentence)
        if not isinstance(sample, Dropped):
            found.append(sample)
    return found


PAIR = """
[problems.pair]
kind = "text2text"
format = "text_lines"
{more}
train = {{ inputs = "a.en", targets = "a.de" {inner} }}
{end}
"""


def pair(more: str = "", inner: str = "", end: str = "") -> str:
    return PAIR.format(more=more, inner=f", {inner}" if inner else "", end=end)
