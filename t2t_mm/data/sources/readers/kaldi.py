"""Kaldi's data folders: wav.scp, text and, where an utterance is a part of a recording, segments.

Commands in wav.scp are never run: of those that only decode a file (sph2pipe, flac, cat) the file
is read, others are refused. Spectra (feats.scp) are not read.
"""

from __future__ import annotations

import functools
import math
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.errors import DataError
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.sound_files import passage
from t2t_mm.kinds.sphere import read_sound

# Programs that decode a whole file, and their options that change nothing about that; there are
# others, such as those that take a part of it.
_DECODERS = {
    "sph2pipe": re.compile(r"-f wav|-p|-c 1"),
    "flac": re.compile(r"-[dcs]+|--decode|--stdout|--silent|--totally-silent"),
    "cat": re.compile(r"-u"),
}
_FIRST_CHANNEL = "-c 1"  # of sph2pipe
_CONVERT = "write WAV files with Kaldi's wav-copy, and a wav.scp that names them"


def utterances(folder: Path) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """The utterances of a data folder, in the order of its `text`.

    Args:
      folder: holds wav.scp and text, and segments or not.

    Yields:
      An utterance's name, its transcript, and a function that reads its sound.

    Raises:
      DataError: for a malformed line, a name that two lines have, an utterance without a
        recording, or a command in wav.scp that is not known to decode a file only.
    """
    recordings = _table(folder / "wav.scp")
    segments = _segments(folder / "segments")
    found: dict[str, _Recording] = {}
    for utterance, (text, place) in _table(folder / "text").items():
        part = segments.get(utterance, _Segment(utterance))
        if part.recording not in recordings:
            raise DataError(f"{place}: '{utterance}' has no recording in {folder / 'wav.scp'}.")
        if part.recording not in found:
            found[part.recording] = _recording(*recordings[part.recording], folder)
        path, channel = found[part.recording]
        channel = channel if part.channel is None else part.channel
        if utterance in segments or channel is not None:
            yield (
                utterance,
                text,
                functools.partial(_passage, path, utterance, part.start, part.end, channel),
            )
        else:
            yield utterance, text, functools.partial(read_sound, path)


class _Segment(NamedTuple):
    """A part of a recording: seconds, None for its end; a channel from 0, None for all."""

    recording: str
    start: float = 0.0
    end: float | None = None
    channel: int | None = None


class _Recording(NamedTuple):
    """A sound file, and which of its channels is meant, from 0; None for all."""

    path: Path
    channel: int | None


def _table(path: Path) -> dict[str, tuple[str, str]]:
    """First word -> the rest, and the place, of each line.

    Raises:
      DataError: if two lines begin with one word: what belongs to it could not be told.
    """
    found: dict[str, tuple[str, str]] = {}
    for number, line in numbered_lines(path):
        if words := line.split(maxsplit=1):
            place = f"{path}, line {number}"
            if words[0] in found:
                first = found[words[0]][1].rpartition(" ")[2]
                raise DataError(f"{place}: '{words[0]}' stands in line {first} already.")
            found[words[0]] = "".join(words[1:]).rstrip(), place
    return found


def _segments(path: Path) -> Mapping[str, _Segment]:
    """Utterance -> its part of a recording; an end of -1 is the recording's."""
    found = {}
    for utterance, (rest, place) in (_table(path) if path.exists() else {}).items():
        try:
            recording, start, end, *channel = rest.split()[:4]
            times = float(start), float(end)
            if not all(map(math.isfinite, times)):
                raise ValueError
            stop = None if times[1] < 0 else times[1]
            found[utterance] = _Segment(recording, times[0], stop, *map(int, channel))
        except ValueError:
            raise DataError(
                f"{place} must hold an utterance, a recording, its start and its end in seconds."
            ) from None
    return found


def _recording(line: str, place: str, folder: Path) -> _Recording:
    """The sound file that a line of wav.scp reads, found from the folders that Kaldi runs in."""
    name, channel = _decoded_file(line[:-1], place) if line.endswith("|") else (line, None)
    places = [Path(name)] if Path(name).is_absolute() else _from_around(folder, name)
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise DataError(f"{place} names {name}, which is missing.")
    return _Recording(found, channel)


def _from_around(folder: Path, name: str) -> list[Path]:
    """A recipe runs in the folder that holds data/: paths mostly start there."""
    folder = folder.absolute()
    return [base / name for base in (folder.parent.parent, folder.parent, folder)]


def _decoded_file(command: str, place: str) -> tuple[str, int | None]:
    """The file that a command decodes as a whole, and the channel that it takes."""
    try:
        program, *options, name = shlex.split(command)
    except ValueError:
        program, options, name = "", [], "-"
    words = " ".join(options)
    known = _DECODERS.get(Path(program).name)
    if not known or name.startswith("-") or known.sub("", words).strip():
        raise DataError(f"{place} runs '{command.strip()}', and commands are not run; {_CONVERT}.")
    return name, 0 if _FIRST_CHANNEL in words else None


def _passage(
    path: Path, utterance: str, start: float, end: float | None, channel: int | None
) -> bytes:
    """A part of a recording, as a WAV file."""
    try:
        return passage(read_sound(path), start, end, channel)
    except BrokenValue as error:
        raise BrokenValue(error.reason, f"{error.detail} (utterance '{utterance}')") from None
