"""Names that are not UTF-8: of classes one sentence, of files written all the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from t2t_mm.data.generation.preparation import _check_labels
from t2t_mm.errors import DataError


def test_a_label_that_cannot_be_written_is_named() -> None:
    _check_labels("pets", ("café", "猫"))
    with pytest.raises(DataError) as caught:
        _check_labels("pets", ("cat", os.fsdecode(b"caf\xe9")))
    assert str(caught.value) == (
        "problem 'pets' has the class 'caf\\udce9', which is not valid UTF-8; rename what it is "
        "named after, such as a folder."
    )
    with pytest.raises(DataError, match=r"^problem 'pets' must declare `labels`"):
        _check_labels("pets", ())


def test_files_whose_names_are_not_utf8_are_listed_in_utf8(tmp_path: Path) -> None:
    from t2t_mm.decoding.output_files import write_lines

    write_lines(tmp_path / "x.inputs", [os.fsdecode(b"a/0\xff.png"), "猫.png"])
    assert (tmp_path / "x.inputs").read_text(encoding="utf-8") == "a/0\\udcff.png\n猫.png\n"
