"""Samples as the bytes of a WAV file."""

from __future__ import annotations

import io
import wave

import numpy as np

from t2t_mm.errors import DataError

_LIMITS = np.iinfo(np.int16)


def wav_file(samples: np.ndarray, sample_rate: int) -> bytes:
    """A mono WAV file of 16-bit samples.

    Args:
      samples: whole numbers [N].
      sample_rate: Hz.

    Raises:
      DataError: if a sample does not fit into 16 bits.
    """
    if len(samples) and not (_LIMITS.min <= samples.min() and samples.max() <= _LIMITS.max):
        raise DataError(
            f"a sound has samples from {samples.min()} to {samples.max()}, and 16 bits hold "
            f"{_LIMITS.min} to {_LIMITS.max}; prepare the data with 16-bit samples."
        )
    return pcm_file(samples.astype("<i2").tobytes(), sample_rate)


def pcm_file(pcm: bytes, sample_rate: int) -> bytes:
    """A mono WAV file of 16-bit samples, given as little-endian bytes."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, sample_rate, len(pcm) // 2, "NONE", "not compressed"))
        file.writeframes(pcm)
    return out.getvalue()
