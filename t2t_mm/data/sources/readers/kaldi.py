"""Kaldi's data folders: wav.scp, text and, where an utterance is a part of a recording, segments.

Commands in wav.scp are never run: of those that only decode a file (sph2pipe, flac, cat) the file
is read, others are refused. Spectra (feats.scp) are not read.
"""

from __future__ import annotations

import functools
import io
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.errors import DataError
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.sphere import read_sound

_DECODERS = ("sph2pipe", "flac", "cat")
_CONVERT = "write WAV files with Kaldi's wav-copy, and a wav.scp that names them"


def utterances(folder: Path) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """The utterances of a data folder, in the order of its `text`.

    Args:
      folder: holds wav.scp and text, and segments or not.

    Yields:
      An utterance's name, its transcript, and a function that reads its sound.

    Raises:
      DataError: for a malformed line, an utterance without a recording, or a command in wav.scp
        that is not known to decode a file only.
    """
    recordings = {name: (line, place) for name, line, place in _table(folder / "wav.scp")}
    segments = _segments(folder / "segments")
    paths: dict[str, Path] = {}
    for utterance, text, place in _table(folder / "text"):
        name, start, end = segments.get(utterance, (utterance, 0.0, -1.0))
        if name not in recordings:
            raise DataError(f"{place}: '{utterance}' has no recording in {folder / 'wav.scp'}.")
        if name not in paths:
            paths[name] = _path(*recordings[name], folder)
        if utterance in segments:
            yield utterance, text, functools.partial(_cut, paths[name], start, end)
        else:
            yield utterance, text, functools.partial(read_sound, paths[name])


def _table(path: Path) -> Iterator[tuple[str, str, str]]:
    """(first word, the rest, place) of each line."""
    for number, line in numbered_lines(path):
        if words := line.split(maxsplit=1):
            yield words[0], "".join(words[1:]).rstrip(), f"{path}, line {number}"


def _segments(path: Path) -> Mapping[str, tuple[str, float, float]]:
    """Utterance -> recording, start and end in seconds; an end of -1 is the recording's."""
    found = {}
    for utterance, rest, place in _table(path) if path.exists() else ():
        try:
            recording, start, end = rest.split()[:3]
            found[utterance] = recording, float(start), float(end)
        except ValueError:
            raise DataError(
                f"{place} must hold an utterance, a recording, its start and its end in seconds."
            ) from None
    return found


def _path(line: str, place: str, folder: Path) -> Path:
    """The sound file that a line of wav.scp reads, found from the folders that Kaldi runs in."""
    name = _decoded_file(line[:-1], place) if line.endswith("|") else line
    places = [Path(name)] if Path(name).is_absolute() else _from_around(folder, name)
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise DataError(f"{place} names {name}, which is missing.")
    return found


def _from_around(folder: Path, name: str) -> list[Path]:
    """A recipe runs in the folder that holds data/: paths mostly start there."""
    folder = folder.absolute()
    return [base / name for base in (folder.parent.parent, folder.parent, folder)]


def _decoded_file(command: str, place: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    options = set(words[1:-1])
    known = words and Path(words[0]).name in _DECODERS and not options & {"|", ">", "<", ";", "&&"}
    if not known or words[-1].startswith("-") or ("-c" in words and "2" in options):
        raise DataError(f"{place} runs '{command.strip()}', and commands are not run; {_CONVERT}.")
    return words[-1]


def _cut(path: Path, start: float, end: float) -> bytes:
    """A part of a recording, from second `start` to `end`, as a WAV file."""
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(read_sound(path))) as file:
            stop = file.frames if end < 0 else min(file.frames, round(end * file.samplerate))
            begin = min(round(start * file.samplerate), stop)
            file.seek(begin)
            samples, rate = file.read(stop - begin, dtype="int16", always_2d=True), file.samplerate
    except (RuntimeError, TypeError, ValueError) as error:
        raise BrokenValue(
            "broken sound",
            f"is not a sound that can be decoded ({path}: {error})".replace("\n", " "),
        ) from None
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()
