"""Samples as the bytes of a WAV file."""

from __future__ import annotations

import io
import wave

import numpy as np

from t2t_mm.errors import DataError

_LIMITS = np.iinfo(np.int16)


def wav_file(samples: np.ndarray, sample_rate: int) -> bytes:
    """A mono WAV file of 16-bit samples; of floats, if they are floats with a full scale of 1.

    Args:
      samples: [N].
      sample_rate: Hz.

    Raises:
      DataError: if a whole number does not fit into 16 bits.
    """
    if np.issubdtype(samples.dtype, np.floating):
        return _float_file(samples, sample_rate)
    if len(samples) and not (_LIMITS.min <= samples.min() and samples.max() <= _LIMITS.max):
        raise DataError(
            f"a sound has samples from {samples.min()} to {samples.max()}, and 16 bits hold "
            f"{_LIMITS.min} to {_LIMITS.max}; prepare the data with 16-bit samples."
        )
    return pcm_file(samples.astype("<i2").tobytes(), sample_rate)


def _float_file(samples: np.ndarray, sample_rate: int) -> bytes:
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, samples, sample_rate, format="WAV", subtype="FLOAT")
    return out.getvalue()


def pcm_file(pcm: bytes, sample_rate: int) -> bytes:
    """A mono WAV file of 16-bit samples, given as little-endian bytes."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, sample_rate, len(pcm) // 2, "NONE", "not compressed"))
        file.writeframes(pcm)
    return out.getvalue()
