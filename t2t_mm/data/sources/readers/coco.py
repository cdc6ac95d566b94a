"""COCO captions: a JSON file of pictures and captions, several captions per image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2t_mm.data.sources.readers.media import media_value
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Coco(Reader):
    """Captions of one split.

    In training each caption is an example. Otherwise each picture is one: its first caption is the
    target, and all of them are references.

    Attributes:
      annotations: path of captions_*.json.
      pictures: the folder of the pictures.
    """

    INPUTS = ("image",)
    TARGETS = ("text",)

    annotations: str
    pictures: str

    def rows(self, roots: Roots, training: bool) -> Iterator[Row]:
        path, folder = roots.find(self.annotations), roots.find(self.pictures)
        for name, captions in _captions_by_image(path):
            place = f"{self.annotations}, picture {name}"
            value = media_value(folder / name, place)
            if training:
                for number, caption in enumerate(captions, start=1):
                    key = f"{place}, caption {number}"
                    yield Row(key, value, caption, group=name)
            else:
                yield Row(place, value, captions[0], group=name, references=tuple(captions))


def _captions_by_image(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yields (file name, captions in the file's order); pictures without captions are left out."""
    content = _load(path)
    try:
        names = {image["id"]: image["file_name"] for image in content["images"]}
        captions: dict[Any, list[str]] = {picture: [] for picture in names}
        for note in content["annotations"]:
            if note["image_id"] not in names:
                raise DataError(
                    f"{path}: a caption belongs to the picture {note['image_id']}, which is not "
                    "among its images."
                )
            captions[note["image_id"]].append(note["caption"])
    except (KeyError, TypeError) as cause:
        raise DataError(
            f"{path} is not in the COCO captions layout: {type(cause).__name__} {cause}; it needs "
            "images (id, file_name) and annotations (image_id, caption)."
        ) from None
    for picture, name in names.items():
        if captions[picture]:
            yield name, captions[picture]


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise DataError(f"{path} is malformed JSON: {cause}.") from None
