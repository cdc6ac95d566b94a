"""LibriSpeech's layout: speaker/chapter/*.flac beside speaker-chapter.trans.txt."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from t2t_mm.data.sources.readers.lines import broken_line
from t2t_mm.data.sources.readers.media import endings, media_item
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row, repeated
from t2t_mm.data.sources.readers.selection import (
    files_under,
    is_chosen,
    is_excluded,
    listing,
    notes_under,
)
from t2t_mm.errors import DataError
from t2t_mm.files.names import in_any_form, same_form
from t2t_mm.files.text import BadLine, lines_of
from t2t_mm.problem import Broken, SourceNote

_TRANSCRIPTS = ".trans.txt"
_WITHOUT = "recordings without a transcript are not read"


@dataclass(frozen=True, kw_only=True)
class LibriSpeech(Reader):
    """Every chapter below a folder, at any depth.

    Attributes:
      path: the folder: of a subset such as train-clean-100, or any above it.
      files: globs or ranges of recordings to take, e.g. "dev-clean/*" or "1272-*"; none for all.
      exclude: globs of recordings and folders to leave out.
    """

    INPUTS = ("audio",)
    TARGETS = ("text", "label")

    path: str
    files: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def items(self, roots: Roots, training: bool) -> Iterator[Row | Broken]:
        del training  # a recording has one transcript
        chosen = 0
        for item in self._every_item(roots.find(self.path)):
            if isinstance(item, Broken):
                yield item
            elif is_chosen(item.group, self.files) and not is_excluded(item.group, self.exclude):
                chosen += 1
                found = media_item(item.sound, item.place)
                if isinstance(found, Broken):
                    yield found
                else:
                    yield Row(item.place, found, item.text, group=item.group)
        if not chosen:
            raise DataError(f"no recording of {self.path} matches {', '.join(self.files) or '*'}.")

    def _every_item(self, folder: Path) -> Iterator[_Utterance | Broken]:
        for name, transcripts in files_under(folder, (_TRANSCRIPTS,)):
            chapter = name.rpartition("/")[0]
            seen: dict[str, int] = {}
            for number, line in enumerate(lines_of(transcripts), start=1):
                place = f"{self.path}/{name}, line {number}"
                if isinstance(line, BadLine):
                    yield broken_line(f"{self.path}/{name}", number, line)
                    continue
                utterance, _, text = line.strip().partition(" ")
                if not utterance:
                    continue  # a blank line
                if utterance in seen:
                    yield repeated(utterance, place, seen[utterance])
                    continue
                seen[utterance] = number
                sound = _sound(transcripts.parent, utterance)
                group = same_form(f"{chapter}/{sound.name}".lstrip("/"))
                yield _Utterance(place, sound, group, text)

    def notes(self, roots: Roots) -> list[SourceNote]:
        folder = roots.find(self.path)
        notes = notes_under(folder, (*_sounds(), _TRANSCRIPTS), self.exclude, self.path)
        items = self._every_item(folder)
        told = {item.group for item in items if isinstance(item, _Utterance)}
        names = [same_form(name) for name in listing(folder).files]
        silent = tuple(
            f"{self.path}/{name}"
            for name in sorted(names)
            if name.lower().endswith(_sounds())
            and name not in told
            and not is_excluded(name, self.exclude)
        )
        return [*notes, *([SourceNote(_WITHOUT, silent)] if silent else [])]


@dataclass(frozen=True)
class _Utterance:
    """A line of a transcript: its place, its recording, that one's path below the source, text."""

    place: str
    sound: Path
    group: str
    text: str


def _sounds() -> tuple[str, ...]:
    """The endings of recordings, LibriSpeech's own first."""
    return tuple(dict.fromkeys([".flac", *endings("audio")]))


def _sound(folder: Path, utterance: str) -> Path:
    """The recording, in the first format that exists; LibriSpeech's own for the error."""
    places = [in_any_form(folder / f"{utterance}{ending}") for ending in _sounds()]
    return next((place for place in places if os.path.isfile(place)), places[0])
