"""MNIST's format: idx files of images and labels, plain or gzipped."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from t2t_mm.errors import DataError
from t2t_mm.files.text import DAMAGED, unpacked

_BYTES = 0x08  # the type of what is stored: unsigned bytes


def images_and_labels(image_file: Path, label_file: Path) -> Iterator[tuple[partial[bytes], int]]:
    """Yields (function that makes a PNG, label) of two idx files that belong together.

    Raises:
      DataError: if one is not an idx file, or their counts differ.
    """
    images, labels = read_idx(image_file, 3), read_idx(label_file, 1)
    if len(images) != len(labels):
        raise DataError(
            f"{image_file} has {len(images)} images, {label_file} {len(labels)} labels."
        )
    for image, label in zip(images, labels, strict=True):
        yield partial(png_of, image.tobytes(), image.shape), int(label)


def read_idx(path: Path, axes: int) -> np.ndarray:
    """The array of an idx file, uint8 with `axes` axes.

    Raises:
      DataError: if it is another file, or breaks off.
    """
    try:
        with path.open("rb") as file:
            head, rest = unpacked(file, path)
            content = head + rest.read()
    except DAMAGED as error:
        raise DataError(f"{path} cannot be read ({error}).") from None
    start = 4 + 4 * axes
    if len(content) < start or content[:4] != bytes([0, 0, _BYTES, axes]):
        raise DataError(f"{path} is not an idx file of bytes with {axes} axes.")
    shape = struct.unpack(f">{axes}I", content[4:start])
    if len(content) - start != int(np.prod(shape)):
        raise DataError(f"{path} has {len(content) - start} bytes for the shape {shape}.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def png_of(pixels: bytes, shape: tuple[int, int]) -> bytes:
    """A gray image of height x width bytes as PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.frombytes("L", (shape[1], shape[0]), pixels).save(buffer, format="PNG")
    return buffer.getvalue()
