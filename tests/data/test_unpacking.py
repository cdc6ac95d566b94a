"""Archives that are damaged, and disks that are full, each told as what it is."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from t2t_mm.data.unpacking import unpack
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
