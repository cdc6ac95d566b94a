"""The Wall Street Journal's speech as the LDC distributes it: LDC93S6A (WSJ0), LDC94S13A (WSJ1).

Discs, or copies of them, hold a folder wsj0 or wsj1 each. Sounds are wsj?/SET/SPEAKER/UTTERANCE.wv1
(.wv2 is the second microphone's, and is not read). Transcripts are lines "words (utterance)" of
.dot and .lsn files. Which utterances belong to a set is told by lists (.ndx) on the discs.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.data.sources.readers.selection import listing
from t2t_mm.kinds.sphere import read_sound

_DEPTH = ("", "*/", "*/*/")  # where wsj0 and wsj1 lie below the root
_SOUNDS = (".wv1", ".wav", ".flac")  # the latter two: converted, with or without .wv1 before
_TEXTS = (".lsn", ".dot")  # the later one wins
_TEXT = re.compile(r"(.*)\((\w{8})\)\s*")
_ENTRY = re.compile(r"[\w.-]*:\s*(/?wsj\d/\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class PartList:
    """A list of utterances on the discs, and the folder that stands for it where it is missing.

    Attributes:
      name: of the .ndx file, the end of its path below wsj0 or wsj1, lower case.
      folder: of the sounds, e.g. "wsj0/si_tr_s".
      kinds: types of utterance, the fourth letter of their names, that are taken from the folder;
        "" for all. "c" is read without spoken punctuation.
    """

    name: str
    folder: str
    kinds: str = ""


@dataclass
class Corpus:
    """The files on the discs.

    Attributes:
      sounds: "wsj0/si_tr_s/011/011c0201" -> its file.
      texts: "011c0201" -> its transcript.
      lists: path below wsj0 or wsj1 -> a list's file.
    """

    sounds: dict[str, Path] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    lists: dict[str, Path] = field(default_factory=dict)

    def add_sound(self, name: str, path: Path) -> None:
        """Enters a sound; one that was converted goes before its compressed original."""
        if name not in self.sounds or path.suffix.lower() != ".wv1":
            self.sounds[name] = path

    def part(self, wanted: PartList) -> list[str]:
        """The sounds' names of a list, or of the folder that stands for it, sorted."""
        found = self.list_of(wanted)
        if found:
            return sorted(_entries(found))
        prefix = f"{wanted.folder}/"
        return sorted(
            name
            for name in self.sounds
            if name.startswith(prefix) and name[-5] in (wanted.kinds or name[-5])
        )

    def list_of(self, wanted: PartList) -> Path | None:
        """The list's file, if it is there."""
        return next(
            (self.lists[name] for name in sorted(self.lists) if name.endswith(wanted.name)), None
        )

    def utterances(
        self, parts: Sequence[PartList]
    ) -> Iterator[tuple[str, str | None, Callable[[], bytes] | None]]:
        """A name, its transcript and a function that reads its sound; None for what is missing."""
        for part in parts:
            for name in self.part(part):
                sound = self.sounds.get(name)
                value = functools.partial(read_sound, sound) if sound else None
                yield name, self.texts.get(name.rpartition("/")[2]), value


def open_corpus(root: Path) -> Corpus:
    """Looks through all folders wsj0 and wsj1 below `root`, at most two levels down."""
    corpus = Corpus()
    texts: dict[str, list[Path]] = {ending: [] for ending in _TEXTS}
    for disc in discs(root):
        for path in _files(disc):
            below = path.relative_to(disc.parent).as_posix().lower()
            if below.endswith(_SOUNDS):
                corpus.add_sound(_stem(below), path)
            elif path.suffix.lower() in texts:
                texts[path.suffix.lower()].append(path)
            elif below.endswith(".ndx"):
                corpus.lists[below.partition("/")[2]] = path
    for paths in texts.values():
        for path in paths:
            corpus.texts.update(_transcripts(path))
    return corpus


def discs(root: Path) -> list[Path]:
    """The folders wsj0 and wsj1, sorted."""
    pattern = "[wW][sS][jJ][01]"
    return sorted(path for depth in _DEPTH for path in root.glob(f"{depth}{pattern}"))


def _files(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in sorted(listing(folder).files))


def _stem(below: str) -> str:
    """ "wsj0/si_tr_s/011/011c0201" of that with any ending."""
    folder, _, name = below.rpartition("/")
    return f"{folder}/{name.partition('.')[0]}"


def _entries(path: Path) -> Iterator[str]:
    """The sounds that a list names: lines as "11_1_1:wsj0/si_tr_s/011/011c0201.wv1"."""
    for _, line in numbered_lines(path):
        match = _ENTRY.match(line.strip())
        if match and not line.startswith(";"):
            yield _stem(match[1].lower().lstrip("/"))


def _transcripts(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="latin-1").splitlines():
        if match := _TEXT.fullmatch(line):
            yield match[2].lower(), match[1].strip()
