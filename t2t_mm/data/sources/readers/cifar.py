"""CIFAR-10 and CIFAR-100 in their Python version: pickled batches of 32 x 32 pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from t2t_mm.data.sources.readers.arrays_only import load_arrays
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.data.sources.readers.selection import files_under
from t2t_mm.errors import DataError

SIDE = 32  # pixels
_LABEL_KEYS = ("labels", "fine_labels")
_META = ("batches.meta", "meta")


@dataclass(frozen=True, kw_only=True)
class Cifar(Reader):
    """Batches, and a meta file with the classes' names.

    Attributes:
      path: the folder of the batches.
      files: globs or ranges of batches, e.g. "data_batch_*".
      label_key: which labels: "labels" of CIFAR-10, "fine_labels" or "coarse_labels" of CIFAR-100;
        None for whichever of the first two is there.
    """

    INPUTS = ("image",)
    TARGETS = ("label",)

    path: str
    files: tuple[str, ...]
    label_key: str | None = None

    def rows(self, roots: Roots, training: bool) -> Iterator[Row]:
        del training  # a picture has one class
        folder = roots.find(self.path)
        names = self.labels(roots)
        for file, path in files_under(folder, ("",), self.files):
            batch = _Batch(path, self.label_key)
            for index, (planes, label) in enumerate(batch.pictures(len(names))):
                place = f"{self.path}/{file}, picture {index}"
                # The pixels themselves travel: finding them again would unpickle the batch again.
                yield Row(place, partial(png_of_planes, planes), names[label])

    def labels(self, roots: Roots) -> tuple[str, ...]:
        folder = roots.find(self.path)
        path = next((folder / name for name in _META if (folder / name).is_file()), None)
        if path is None:
            raise DataError(f"{folder} must hold {' or '.join(_META)} with the classes' names.")
        keys = [self.label_key] if self.label_key else _LABEL_KEYS
        wanted = [key.replace("labels", "label_names") for key in keys]
        names = _first(_mapping(path), wanted, path)
        return tuple(name.decode() if isinstance(name, bytes) else name for name in names)


class _Batch:
    """One pickled batch, checked."""

    def __init__(self, path: Path, label_key: str | None):
        self.path = path
        batch = _mapping(path)
        self.data = _first(batch, ["data"], path)
        self.labels = _first(batch, [label_key] if label_key else _LABEL_KEYS, path)

    def pictures(self, classes: int) -> Iterator[tuple[bytes, int]]:
        """Yields (planes, label id)."""
        shape = (len(self.labels), 3 * SIDE * SIDE)
        if getattr(self.data, "shape", None) != shape or self.data.dtype != "uint8":
            raise DataError(f"{self.path}: 'data' must be bytes of shape {shape}.")
        for index, (row, label) in enumerate(zip(self.data, self.labels, strict=True)):
            if not isinstance(label, int) or not 0 <= label < classes:
                raise DataError(
                    f"{self.path}: the label of picture {index} must be 0 to {classes - 1}, "
                    f"got {label}."
                )
            yield row.tobytes(), label


def png_of_planes(planes: bytes) -> bytes:
    """A picture stored as its red, green and blue planes, 32 x 32 bytes each, as PNG."""
    from PIL import Image

    size = SIDE * SIDE
    bands = [
        Image.frombytes("L", (SIDE, SIDE), planes[i * size : (i + 1) * size]) for i in range(3)
    ]
    buffer = io.BytesIO()
    Image.merge("RGB", bands).save(buffer, format="PNG")
    return buffer.getvalue()


def _mapping(path: Path) -> Mapping[str, Any]:
    content = load_arrays(path)
    if not isinstance(content, dict):
        raise DataError(f"{path} must hold a dictionary, as CIFAR's batches do.")
    return {key.decode() if isinstance(key, bytes) else key: v for key, v in content.items()}


def _first(content: Mapping[str, Any], keys: list[str] | tuple[str, ...], path: Path) -> Any:
    for key in keys:
        if key in content:
            return content[key]
    raise DataError(f"{path} has no '{keys[0]}'; it has {', '.join(sorted(map(str, content)))}.")
