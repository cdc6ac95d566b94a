"""Encoded sounds: decoded, mixed down to mono and resampled, stored as 16-bit PCM.

Every entrance reads a sound by these functions; `graph/sounds.py` does as they do for WAV files.
"""

from __future__ import annotations

import io

import numpy as np

from t2t_mm.kinds.broken import BrokenValue, broken_sound
from t2t_mm.kinds.notes import tell
from t2t_mm.kinds.sound_containers import whole_parts
from t2t_mm.kinds.sound_limits import FULL_SCALE

_MOST_SAMPLES = 1 << 29  # 9 hours at 16 kHz; a false rate would make more of a small file
_OVERSHOOT = 0.5  # seconds beyond its recording that a passage may end, as for Kaldi
_SEGMENT = "broken segment"


def stored_sound(content: bytes, sample_rate: int, most_seconds: float | None = None) -> bytes:
    """Little-endian 16-bit mono PCM at `sample_rate` (Hz).

    Samples beyond full scale are clipped, and a note tells their number.

    Args:
      content: a WAV or FLAC file, or another that libsndfile reads.
      sample_rate: Hz to resample to.
      most_seconds: what is longer is refused; None: no bound.

    Raises:
      BrokenValue: if it cannot be decoded, breaks off, holds no sound, or is too long.
    """
    from t2t_mm.kinds.sound_decoding import decode

    stored = []
    for part in whole_parts(content):
        samples, rate = decode(part, most_seconds=most_seconds)
        if len(samples) == 0:
            raise broken_sound("it holds no samples")
        if samples.dtype == np.int16 and rate == sample_rate:
            stored.append(samples[:, 0].astype("<i2").tobytes())
        else:
            stored.append(_to_pcm(samples[:, 0], rate, sample_rate))
        if most_seconds is not None:
            most_seconds = max(0.0, most_seconds - len(samples) / rate)
    return b"".join(stored)


def passage(
    content: bytes, start: float, end: float | None = None, channel: int | None = None
) -> bytes:
    """What lies between two times of a sound, as a WAV file with the same samples.

    Args:
      content: as for `stored_sound`.
      start: seconds.
      end: seconds, up to half a second beyond the sound's end; None: that end.
      channel: the only one that is taken, from 0; None: all.

    Raises:
      BrokenValue: as `stored_sound`, and if the passage is empty or not in the sound.
    """
    import soundfile

    from t2t_mm.kinds.sound_decoding import decode_passage

    if start < 0 or (end is not None and end <= start):
        raise BrokenValue(_SEGMENT, f"reads from {start:g} to {end:g} s, which is nothing")
    parts = whole_parts(content)
    if len(parts) > 1:
        raise broken_sound(f"{len(parts)} sounds are joined in it, and a part of one is asked for")
    (samples, rate), seconds = decode_passage(parts[0], start, end)
    stop = seconds if end is None else end
    told = f"reads from {start:g} to {stop:g} s of a sound of {seconds:g} s"
    if start >= seconds or stop > seconds + _OVERSHOOT:
        raise BrokenValue(_SEGMENT, told)
    if stop > seconds + 0.5 / rate:
        tell("segments that overshoot", f"{told}, and ends there")
    if channel is not None:
        if channel >= samples.shape[1]:
            raise BrokenValue(_SEGMENT, f"reads channel {channel} of {samples.shape[1]}, from 0")
        samples = samples[:, [channel]]
    out = io.BytesIO()
    exact = samples.dtype == np.int16
    soundfile.write(out, samples, rate, format="WAV", subtype="PCM_16" if exact else "FLOAT")
    return out.getvalue()


def _to_pcm(samples: np.ndarray, rate: int, sample_rate: int) -> bytes:
    """16-bit PCM at `sample_rate` of samples [N] at `rate`."""
    import soxr

    from t2t_mm.kinds.sound_decoding import as_floats

    wave = as_floats(samples)
    if not np.isfinite(wave).all():
        raise broken_sound("some samples are not finite numbers")
    if len(wave) * sample_rate / rate > _MOST_SAMPLES:
        raise broken_sound(f"at its rate of {rate} Hz it is too long to resample")
    if rate != sample_rate:
        wave = soxr.resample(wave, rate, sample_rate)
    if len(wave) == 0:
        raise broken_sound("it is too short to resample")
    scaled = np.rint(wave * FULL_SCALE)
    clipped = int((np.abs(scaled) > FULL_SCALE).sum())
    if clipped:
        tell("clipped samples", f"had {clipped:,} of {len(wave):,} samples clipped", clipped)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()
