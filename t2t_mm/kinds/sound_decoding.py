"""One sound file, decoded from its beginning to its end by libsndfile."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import soundfile

from t2t_mm.kinds.broken import TooLarge, broken_sound
from t2t_mm.kinds.sound_limits import ABSURD, FULL_SCALE, LOUD, LOUD_SHARE

# Whose lengths `whole_parts` or libsndfile compare with what is there.
_FORMATS = ("WAV", "WAVEX", "RF64", "AIFF", "AU", "CAF", "FLAC", "OGG", "MP3", "W64", "NIST", "VOC",
            "SVX", "HTK")  # fmt: skip
_BLOCK = 1 << 20  # numbers read at once
_MOST_FRAMES = 1 << 29  # 3.4 hours at 44.1 kHz; 2 GB as float32
_OPEN_FRAMES = 1 << 40  # and above: libsndfile's word for an unknown length
_HEADER = 1024  # bytes in which a chunk "fact" is looked for
_FLOATS = ("FLOAT", "DOUBLE")
_GSM_BLOCK = 320  # samples
_CANCELLED = 1e-4  # of the channels' power


class Decoded(NamedTuple):
    """A sound.

    Attributes:
      samples: [N, channels], int16 if the file has 16-bit samples and they were not mixed, else
        float32 with full scale 1.
      rate: Hz.
    """

    samples: np.ndarray
    rate: int


class _Stream(soundfile.SoundFile):
    """A file that is read once: no seeks, which fail where a header leaves the length open."""

    def seekable(self) -> bool:
        return False


class _Bytes(io.BytesIO):
    """A file's bytes. A seek to before them, which damaged headers lead to, goes nowhere."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return self.tell()


def decode(content: bytes, mono: bool = True, most_seconds: float | None = None) -> Decoded:
    """Decodes a whole file, in blocks.

    Args:
      content: one of `whole_parts`.
      mono: mix several channels down to their mean.
      most_seconds: what is longer is refused before all of it is in memory.

    Raises:
      BrokenValue: if it cannot be decoded, breaks off, holds no sound or samples far beyond full
        scale, or is too long.
    """
    with _opened(_Stream, content) as file:
        promised = _promised(file, content)
        _check_length(promised, file.samplerate, most_seconds)
        blocks, frames, mixing = [], 0, _Mixing()
        for block in _blocks(file, promised):
            frames += len(block)
            _check_length(frames, file.samplerate, most_seconds, "more than ")
            blocks.append(mixing.mix(block) if mono else block)
        mixing.check()
        if promised is not None and frames < promised:
            raise broken_sound(f"it breaks off after {frames} of {promised} samples")
        samples = np.concatenate(blocks)[:promised] if frames else np.zeros((0, 1), np.int16)
        return Decoded(samples, file.samplerate)


def decode_passage(content: bytes, start: float, end: float | None) -> tuple[Decoded, float]:
    """Decodes what lies between two times, all channels.

    Args:
      content: one of `whole_parts`.
      start, end: seconds; None for the end of the file. What lies beyond it is left out.

    Returns:
      The passage, and the seconds that the whole file has.

    Raises:
      BrokenValue: as `decode`.
    """
    with _opened(soundfile.SoundFile, content) as file:
        if file.seekable() and (promised := _promised(file, content)) is not None:
            begin, stop = _frames_between(start, end, file.samplerate, promised)
            file.seek(begin)
            found = [*_blocks(file, stop - begin)]
            samples = np.concatenate(found) if found else np.zeros((0, file.channels), np.int16)
            if len(samples) < stop - begin:
                raise broken_sound(f"it breaks off after {begin + len(samples)} samples")
            return Decoded(samples, file.samplerate), promised / file.samplerate
    samples, rate = decode(content, mono=False)
    begin, stop = _frames_between(start, end, rate, len(samples))
    return Decoded(samples[begin:stop], rate), len(samples) / rate


def _frames_between(start: float, end: float | None, rate: int, frames: int) -> tuple[int, int]:
    stop = frames if end is None else min(frames, round(end * rate))
    return min(round(start * rate), stop), stop


@contextlib.contextmanager
def _opened(kind: type[soundfile.SoundFile], content: bytes) -> Iterator[soundfile.SoundFile]:
    try:
        with kind(_Bytes(content)) as file:
            if file.format not in _FORMATS:
                raise broken_sound(f"it cannot be told whether a file of {file.format} is whole")
            yield file
    except (RuntimeError, OSError, TypeError, ValueError) as error:
        raise broken_sound(str(error).rpartition(": ")[2].strip().rstrip(".")) from None


def _promised(file: soundfile.SoundFile, content: bytes) -> int | None:
    """The frames that the file should have; None if its header leaves that open."""
    if file.frames >= _OPEN_FRAMES:
        return None
    if file.subtype == "GSM610" and (at := content.find(b"fact", 0, _HEADER)) >= 0:
        told = int.from_bytes(content[at + 8 : at + 12], "little")
        if 0 < file.frames - told <= _GSM_BLOCK:  # the last block is filled up
            return told
    return int(file.frames)


def _blocks(file: soundfile.SoundFile, promised: int | None) -> Iterator[np.ndarray]:
    """The next frames, int16 or float32 [N, channels], to the file's end or the promised number."""
    dtype = "int16" if file.subtype == "PCM_16" else "float32"
    most = max(1, _BLOCK // file.channels)
    loudness = _Loudness(file.subtype in _FLOATS)
    left = _MOST_FRAMES + 1 if promised is None else promised
    while left > 0 and len(block := file.read(min(most, left), dtype, always_2d=True)):
        left -= len(block)
        loudness.add(block)
        yield block
    loudness.check()


class _Loudness:
    """Watches for samples of another scale than -1 to 1."""

    def __init__(self, watching: bool):
        self._watching, self._count, self._beyond, self._peak = watching, 0, 0, 0.0

    def add(self, block: np.ndarray) -> None:
        if self._watching:
            loud = np.abs(block)
            if not np.isfinite(loud).all():
                raise broken_sound("some samples are not finite numbers")
            self._count += block.size
            self._beyond += int((loud > 1.0).sum())
            self._peak = max(self._peak, float(loud.max()))

    def check(self) -> None:
        """Refuses what cannot have been meant as sound with a full scale of 1."""
        many = self._beyond > LOUD_SHARE * self._count
        if (many and self._peak > LOUD) or self._peak > ABSURD:
            raise broken_sound(
                f"{self._beyond:,} of {self._count:,} samples lie beyond full scale, up to "
                f"{self._peak:,.4g} times; samples of a float file must lie between -1 and 1, "
                "so divide 16-bit ones by 32768"
            )


class _Mixing:
    """Mixes channels down to their mean, and watches what is left of them."""

    def __init__(self) -> None:
        self._before, self._after = 0.0, 0.0  # sums of squares

    def mix(self, block: np.ndarray) -> np.ndarray:
        """[N, 1] of [N, channels]."""
        if block.shape[1] == 1:
            return block
        wave = as_floats(block)
        mean = wave.mean(axis=1, dtype=np.float32, keepdims=True)
        self._before += float(np.square(wave, dtype=np.float64).mean(axis=1).sum())
        self._after += float(np.square(mean, dtype=np.float64).sum())
        return mean

    def check(self) -> None:
        """Refuses channels of which next to nothing is left."""
        if self._after < _CANCELLED * self._before:
            raise broken_sound("its channels cancel each other out; give one of them alone")


def as_floats(samples: np.ndarray) -> np.ndarray:
    """float32 with full scale 1 of what `decode` gives."""
    return samples.astype(np.float32) / FULL_SCALE if samples.dtype == np.int16 else samples


def _check_length(frames: int | None, rate: int, most: float | None, word: str = "") -> None:
    if frames is not None and frames > _MOST_FRAMES:
        raise broken_sound(f"it has {word}{frames:,} samples; at most {_MOST_FRAMES:,} are read")
    if most is not None and frames is not None and frames / rate > most:
        raise TooLarge(
            "long sound", f"has {word}{frames / rate:.2f} seconds; at most {most:g} are allowed"
        )
