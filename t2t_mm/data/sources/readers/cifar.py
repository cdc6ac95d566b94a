"""CIFAR-10 and CIFAR-100 in their Python version: pickled batches of 32 x 32 pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any

from t2t_mm.data.sources.readers.arrays_only import load_arrays
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.data.sources.readers.selection import files_under
from t2t_mm.errors import DataError
from t2t_mm.files.names import same_form
from t2t_mm.problem import Broken

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

    def items(self, roots: Roots, training: bool) -> Iterator[Row | Broken]:
        del training  # a picture has one class
        folder = roots.find(self.path)
        names = self.labels(roots)
        for file, path in files_under(folder, ("",), self.files):
            batch = _Batch(path, self.label_key)
            for index, (planes, label) in enumerate(batch.pictures()):
                place = f"{self.path}/{file}, picture {index}"
                if label is None or label >= len(names):
                    yield _unknown_label(batch, index, len(names), place)
                    continue
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
        names = names.tolist() if hasattr(names, "tolist") else names
        if not isinstance(names, (list, tuple)):
            got = type(names).__name__
            raise DataError(f"{path}: the classes' names must be a list, got {got}.")
        texts = (name.decode() if isinstance(name, bytes) else str(name) for name in names)
        found = tuple(map(same_form, texts))
        twice = sorted(name for name in set(found) if found.count(name) > 1)
        if twice:
            raise DataError(f"{path} names the class '{twice[0]}' twice; give each its own name.")
        return found


class _Batch:
    """One pickled batch, checked."""

    def __init__(self, path: Path, label_key: str | None):
        self.path = path
        batch = _mapping(path)
        self.data = _first(batch, ["data"], path)
        self.labels = _one_each(
            _first(batch, [label_key] if label_key else _LABEL_KEYS, path), path
        )

    def pictures(self) -> Iterator[tuple[bytes, int | None]]:
        """Yields (planes, label id, None for what is no whole number from 0)."""
        shape = (len(self.labels), 3 * SIDE * SIDE)
        if getattr(self.data, "shape", None) != shape or self.data.dtype != "uint8":
            raise DataError(f"{self.path}: 'data' must be bytes of shape {shape}.")
        for row, label in zip(self.data, self.labels, strict=True):
            number = int(label) if isinstance(label, Integral) else -1
            known = number >= 0 and not isinstance(label, bool)
            yield row.tobytes(), number if known else None


def _one_each(labels: Any, path: Path) -> list[Any]:
    """The labels of a batch, a list or an array [N] or [N, 1], as a list."""
    shape = getattr(labels, "shape", None)
    if shape and len(shape) == 2 and shape[1] == 1:
        labels = labels[:, 0]
    elif not isinstance(labels, (list, tuple)) and (shape is None or len(shape) != 1):
        got = type(labels).__name__ if shape is None else f"an array of shape {tuple(shape)}"
        raise DataError(f"{path}: the labels must be a list or an array of one axis, got {got}.")
    return list(labels)


def _unknown_label(batch: _Batch, index: int, classes: int, place: str) -> Broken:
    return Broken(
        "unknown label",
        f"{batch.path}: the label of picture {index} must be 0 to {classes - 1}, got "
        f"{batch.labels[index]!s:.60}.",
        place,
    )


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
