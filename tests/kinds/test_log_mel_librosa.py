"""Log-mel spectra against librosa: a tone, and a recording-like chirp in noise.

Ours: pre-emphasis 0.97, periodic Hann windows of 25 ms every 10 ms, the next power of two as FFT
size (512 at 16 kHz), HTK's mel scale from 20 to 8000 Hz (not Slaney's), filters of height 1, the
natural logarithm of the power, mean 0 and variance 1. Our filters are straight lines in mels, and
librosa's in Hz: at most 0.004 of their height apart, whence the tolerance; 0.004 was measured.
"""

from __future__ import annotations

import numpy as np
import pytest

from t2t_mm.hparam import HParams
from t2t_mm.kinds import Audio
from t2t_mm.kinds.audio_graph import LOG_FLOOR, PRE_EMPHASIS, log_mel, mel_filters

librosa = pytest.importorskip(
    "librosa", reason="librosa, of the extra 'tests', is the reference: pip install librosa"
)

RATE, FRAME, STEP, FFT, BINS = 16_000, 400, 160, 512, 80
TOLERANCE = 0.006  # standard deviations of a spectrum
FILTERS = {"sr": RATE, "n_fft": FFT, "n_mels": BINS, "fmin": 20.0, "fmax": 8000.0, "norm": None}


def pcm(wave: np.ndarray) -> np.ndarray:
    """int16 [N] of -1 .. 1."""
    return np.int16(np.clip(np.rint(wave * 32768), -32768, 32767))


def tone(hertz: float) -> np.ndarray:
    return pcm(0.5 * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE))


def chirp_in_noise() -> np.ndarray:
    """Two seconds: 100 to 7000 Hz, louder and quieter three times a second, in noise."""
    times = np.arange(2 * RATE) / RATE
    phase = 2 * np.pi * (100 * times + (7000 - 100) / 4 * times**2)
    loudness = 0.2 + 0.15 * np.sin(2 * np.pi * 3 * times)
    noise = np.random.default_rng(0).normal(0, 0.01, len(times))
    return pcm(loudness * np.sin(phase) + noise)


def ours(samples: np.ndarray) -> np.ndarray:
    """[T, F], of mean 0 and variance 1."""
    spec = Audio(RATE)
    hparams = HParams(audio_frame_ms=25.0, audio_step_ms=10.0, audio_mel_bins=BINS)
    values, lengths = log_mel([samples.astype("<i2").tobytes()], spec, hparams)
    assert lengths.numpy().tolist() == [values.shape[1]]
    return values.numpy()[0]


def librosas(samples: np.ndarray, htk: bool = True) -> np.ndarray:
    """[T, F], natural logarithms.

    librosa puts a window into the middle of an FFT, we at its beginning: the power is the same once
    half of the difference stands before the sound.
    """
    wave = samples.astype(np.float32) / 32768
    emphasised = wave - PRE_EMPHASIS * np.concatenate([[0], wave[:-1]])
    power = librosa.feature.melspectrogram(
        y=np.pad(emphasised, (FFT - FRAME) // 2).astype(np.float32),
        hop_length=STEP,
        win_length=FRAME,
        window="hann",
        center=False,
        power=2.0,
        htk=htk,
        **FILTERS,
    )
    return np.log(np.maximum(power.T, LOG_FLOOR))


def normalised(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()


def test_the_filters_are_htks() -> None:
    fft, filters = mel_filters(RATE, FRAME, BINS)
    assert fft == FFT
    np.testing.assert_allclose(filters, librosa.filters.mel(htk=True, **FILTERS).T, atol=0.004)
    slaneys = librosa.filters.mel(htk=False, **FILTERS).T
    assert np.abs(filters - slaneys).max() > 0.5


@pytest.mark.parametrize("hertz", [120.0, 440.0, 1000.0, 3999.0])
def test_a_tone(hertz: float) -> None:
    samples = tone(hertz)
    expected = librosas(samples)
    values = ours(samples)
    assert values.shape == expected.shape == (98, BINS)
    centres = librosa.mel_frequencies(BINS + 2, fmin=20.0, fmax=8000.0, htk=True)[1:-1]
    nearest = int(np.abs(centres - hertz).argmin())
    assert abs(int(values.mean(0).argmax()) - nearest) <= 1
    assert values.mean(0).argmax() == expected.mean(0).argmax()
    np.testing.assert_allclose(values, normalised(expected), atol=TOLERANCE)


def test_a_recording() -> None:
    samples = chirp_in_noise()
    expected = librosas(samples)
    values = ours(samples)
    assert values.shape == expected.shape == (198, BINS)
    np.testing.assert_allclose(values, normalised(expected), atol=TOLERANCE)
    assert np.abs(values - normalised(expected)).mean() < 1e-3
    assert np.abs(values - normalised(librosas(samples, htk=False))).mean() > 0.05
