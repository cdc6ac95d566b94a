"""Encoded sounds: decoded, mixed down to mono and resampled, stored as 16-bit PCM."""

from __future__ import annotations

import io

import numpy as np

from t2t_mm.kinds.broken import BrokenValue

_FULL_SCALE = 32768  # of a 16-bit sample
_UNKNOWN_SIZES = 0xFFFFFF00  # and above: what a program that writes WAV into a pipe leaves there


def stored_sound(content: bytes, sample_rate: int) -> bytes:
    """Little-endian 16-bit mono PCM at `sample_rate` (Hz).

    Args:
      content: a WAV or FLAC file, or another that libsndfile reads.
      sample_rate: Hz to resample to.

    Raises:
      BrokenValue: if it cannot be decoded, or holds no sound.
    """
    import soundfile

    _check_whole_wav(content)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            rate, promised = file.samplerate, file.frames
            exact = file.subtype == "PCM_16" and file.channels == 1
            samples = file.read(dtype="int16" if exact else "float32", always_2d=True)
    except (RuntimeError, OSError, TypeError, ValueError) as error:
        raise _broken(str(error).rpartition(": ")[2].strip().rstrip(".")) from None
    if len(samples) == 0:
        raise _broken("it holds no samples")
    if len(samples) < promised:
        raise _broken(f"it breaks off after {len(samples)} of {promised} samples")
    if rate == sample_rate and exact:
        return samples[:, 0].astype("<i2").tobytes()
    return _to_pcm(_mono(samples), rate, sample_rate)


def _check_whole_wav(content: bytes) -> None:
    """Refuses a WAV file whose samples break off, which libsndfile reads without a word."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return
    at = 12
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        if content[at : at + 4] == b"data":
            there = len(content) - at - 8
            if there < size < _UNKNOWN_SIZES:
                raise _broken(f"it breaks off after {there} of {size} bytes")
            return
        at += 8 + size + size % 2


def _mono(samples: np.ndarray) -> np.ndarray:
    """float32 [N] in -1 .. 1 of int16 or float32 [N, channels]."""
    if samples.dtype == np.int16:
        samples = samples.astype(np.float32) / _FULL_SCALE
    return samples.mean(axis=1, dtype=np.float32)


def _to_pcm(wave: np.ndarray, rate: int, sample_rate: int) -> bytes:
    import soxr

    if not np.isfinite(wave).all():
        raise _broken("some samples are not finite numbers")
    if rate != sample_rate:
        wave = soxr.resample(wave, rate, sample_rate)
    if len(wave) == 0:
        raise _broken("it is too short to resample")
    scaled = np.clip(np.rint(wave * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
    return scaled.astype("<i2").tobytes()


def _broken(why: str) -> BrokenValue:
    return BrokenValue(
        "broken sound",
        f"is not a sound that can be decoded ({why}); give a whole WAV or FLAC file",
    )
