"""Files appear whole or not at all, and what a killed process left of them goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_mm.files.writing import replacing, rewrite, write_atomically


def test_text_is_written_in_utf8(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", "für")
    assert (tmp_path / "a").read_bytes() == "für".encode()


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(RuntimeError), replacing(tmp_path / "a") as file:
        file.write(b"half")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_rewriting_removes_the_leftovers_of_the_same_file_alone(tmp_path: Path) -> None:
    for name in (".run.json.7-ab.tmp", ".other.json.7-ab.tmp"):
        (tmp_path / name).write_text("half")
    rewrite(tmp_path / "run.json", "{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.json.7-ab.tmp", "run.json"]
