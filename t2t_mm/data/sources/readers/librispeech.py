"""LibriSpeech's layout: speaker/chapter/*.flac beside speaker-chapter.trans.txt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.data.sources.readers.media import media_value
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.data.sources.readers.selection import files_under, is_chosen
from t2t_mm.errors import DataError

_TRANSCRIPTS = ".trans.txt"
_SOUNDS = (".flac", ".wav")


@dataclass(frozen=True, kw_only=True)
class LibriSpeech(Reader):
    """Every chapter below a folder, at any depth.

    Attributes:
      path: the folder: of a subset such as train-clean-100, or any above it.
      files: globs or ranges of recordings to take, e.g. "dev-clean/*" or "1272-*"; none for all.
    """

    INPUTS = ("audio",)
    TARGETS = ("text", "label")

    path: str
    files: tuple[str, ...] = ()

    def rows(self, roots: Roots, training: bool) -> Iterator[Row]:
        del training  # a recording has one transcript
        chosen = 0
        for name, transcripts in files_under(roots.find(self.path), (_TRANSCRIPTS,)):
            chapter = name.rpartition("/")[0]
            for number, line in numbered_lines(transcripts):
                place = f"{self.path}/{name}, line {number}"
                utterance, _, text = line.strip().partition(" ")
                if not utterance:
                    continue  # a blank line
                sound = _sound(transcripts.parent, utterance)
                relative = f"{chapter}/{sound.name}".lstrip("/")
                if not is_chosen(relative, self.files):
                    continue
                chosen += 1
                yield Row(place, media_value(sound, place), text, group=relative)
        if not chosen:
            raise DataError(f"no recording of {self.path} matches {', '.join(self.files) or '*'}.")


def _sound(folder: Path, utterance: str) -> Path:
    """The recording, in the first format that exists; LibriSpeech's own for the error."""
    places = [folder / f"{utterance}{ending}" for ending in _SOUNDS]
    return next((place for place in places if place.is_file()), places[0])
