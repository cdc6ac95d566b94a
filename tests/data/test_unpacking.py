"""Archives that are damaged, and disks that are full, each told as what it is."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2t_mm.data.sources.unpacking import unpack
from t2t_mm.errors import DataError


def quiet(line: str) -> None:
    pass


def packed(folder: Path, ending: str) -> Path:
    """An archive of one file, `made`."""
    content = folder / "content"
    content.write_bytes(np.random.default_rng(0).integers(48, 58, 1 << 16, np.uint8).tobytes())
    path = folder / f"a.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(content, "made")
    else:
        with tarfile.open(path, f"w:{ending.removeprefix('tar').removeprefix('.')}") as archive:
            archive.add(content, "made")
    return path


@pytest.mark.parametrize("damage", [b"\xff" * 4000, np.random.default_rng(1).bytes(4000)])
@pytest.mark.parametrize("ending", ["tar.gz", "tar.xz", "tar.bz2", "zip"])
def test_damaged_bytes_are_a_sentence(tmp_path: Path, ending: str, damage: bytes) -> None:
    path = packed(tmp_path, ending)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = damage
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        unpack(path, "made", quiet)
    assert str(error.value).startswith(f"{path} cannot be unpacked (")
    assert str(error.value).endswith("); it may be half downloaded: get it again.")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device"), "no space is left in {}; free some or choose"),
        (OSError(30, "Read-only file system"), "cannot write to {} (Read-only file system); make"),
    ],
)
def test_the_disk_is_not_blamed_on_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, message: str
) -> None:
    path = packed(tmp_path, "tar")

    def fails(*arguments: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(tarfile.TarFile, "extractall", fails)
    with pytest.raises(DataError) as caught:
        unpack(path, "made", quiet)
    assert str(caught.value).startswith(message.format(tmp_path))
    assert "--tmp_dir" in str(caught.value)


def test_what_is_unpacked_already_needs_nothing_to_be_written(tmp_path: Path) -> None:
    path = packed(tmp_path, "tar")
    (tmp_path / "made").mkdir()
    before = sorted(tmp_path.iterdir())
    assert unpack(path, "made", quiet) == tmp_path / "made"
    assert sorted(tmp_path.iterdir()) == before
