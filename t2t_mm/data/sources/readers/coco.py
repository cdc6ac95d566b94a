"""COCO captions: a JSON file of pictures and captions, several captions per image."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2t_mm.data.sources.readers.media import media_item
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.errors import DataError
from t2t_mm.files.names import same_form
from t2t_mm.files.text import read_text
from t2t_mm.problem import Broken, SourceNote


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

    def items(self, roots: Roots, training: bool) -> Iterator[Row | Broken]:
        path, folder = roots.find(self.annotations), roots.find(self.pictures)
        found = _Captions(path)
        yield from found.broken
        for name, captions in found.pictures.values():
            place = f"{self.annotations}, picture {name}"
            value = media_item(folder / name, place) if captions else place
            references = () if training else tuple(captions)
            if not training:  # the first that says something
                captions = (
                    [next((text for text in captions if text.strip()), "")] if captions else []
                )
            for number, caption in enumerate(captions, start=1):
                key = f"{place}, caption {number}" if training else place
                if isinstance(value, Broken):
                    yield Broken(value.reason, value.sentence, key)
                else:
                    yield Row(key, value, caption, group=same_form(name), references=references)

    def named_files(self, roots: Roots) -> tuple[str, set[str]]:
        pictures = _Captions(roots.find(self.annotations)).pictures.values()
        return self.pictures, {same_form(os.path.normpath(name)) for name, _ in pictures}

    def notes(self, roots: Roots) -> list[SourceNote]:
        pictures = _Captions(roots.find(self.annotations)).pictures.values()
        bare = tuple(f"{self.pictures}/{name}" for name, captions in pictures if not captions)
        empty = tuple(
            f"{self.pictures}/{name}"
            for name, captions in pictures
            for caption in captions
            if not caption.strip()
        )
        found = {"pictures without a caption are not read": bare, "captions are empty": empty}
        return [SourceNote(what, names) for what, names in found.items() if names]


class _Captions:
    """The content of a file, checked entry by entry.

    Attributes:
      pictures: id -> file name, and captions in the file's order, "" for one that is null.
      broken: what is no picture, and no caption of one.

    Raises:
      DataError: if the file has another layout.
    """

    def __init__(self, path: Path):
        self._path = path
        self.pictures: dict[str | int, tuple[str, list[str]]] = {}
        self.broken: list[Broken] = []
        self._ids: set[object] = set()  # of captions
        content = _load(path)
        for number, image in enumerate(self._list(content, "images")):
            self._add_picture(image, f"{path}, image {number}")
        for number, note in enumerate(self._list(content, "annotations")):
            self._add_caption(note, f"{path}, annotation {number}")

    def _list(self, content: Any, key: str) -> list[Any]:
        found = content.get(key) if isinstance(content, Mapping) else None
        if not isinstance(found, list):
            raise DataError(
                f"{self._path} is not in the COCO captions layout: it has no list '{key}'; it "
                "needs images (id, file_name) and annotations (image_id, caption)."
            )
        return found

    def _add_picture(self, image: Any, place: str) -> None:
        number, name = (_of(image, key) for key in ("id", "file_name"))
        if not isinstance(number, (str, int)) or not isinstance(name, str):
            self._refuse("malformed entries", place, "must hold an id and a file_name")
        elif number in self.pictures:
            there = self.pictures[number][0]
            detail = f"({name}) has the id {number!r}, as {there} has; correct one of them"
            self._refuse("ids that occur twice", place, detail)
        else:
            self.pictures[number] = name, []

    def _add_caption(self, note: Any, place: str) -> None:
        picture, caption, own = (_of(note, key) for key in ("image_id", "caption", "id"))
        known = isinstance(picture, (str, int)) and picture in self.pictures
        if not isinstance(note, Mapping) or "image_id" not in note or "caption" not in note:
            self._refuse("malformed entries", place, "must hold an image_id and a caption")
        elif not known:
            detail = f"belongs to the picture {picture}, which is not among its images"
            self._refuse("captions of unknown pictures", place, detail)
        elif not isinstance(caption, (str, type(None))):
            name = self.pictures[picture][0]
            detail = f"(picture {name}): the caption must be text, got {caption!r:.60}"
            self._refuse("captions that are no text", place, detail)
        elif isinstance(own, (str, int)) and own in self._ids:
            detail = f"has the id {own!r} of another one; correct one of them"
            self._refuse("ids that occur twice", place, detail)
        else:
            self._ids.add(own if isinstance(own, (str, int)) else None)
            self.pictures[picture][1].append(caption or "")

    def _refuse(self, reason: str, place: str, detail: str) -> None:
        self.broken.append(Broken(reason, f"{place} {detail}.", place))


def _of(entry: Any, key: str) -> Any:
    return entry.get(key) if isinstance(entry, Mapping) else None


def _load(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except (RecursionError, ValueError) as cause:
        if isinstance(cause, DataError):
            raise
        raise DataError(f"{path} is malformed JSON: {cause}.") from None
