"""Speaks English sentences of the shapes world: a small formant synthesiser in numpy.

Source and filter, frame by frame: at every pitch pulse the response of four resonators is added
to the waveform, and noise shaped to a band is added for fricatives and bursts. Speakers differ in
pitch, vocal tract length and tilt; each utterance also in tempo, level, intonation and hiss.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from t2t_mm.problems.shapes.phonemes import Phoneme, pronounce

SAMPLE_RATE = 8000  # Hz
_HOP = 40  # samples a frame: 5 ms
_RESPONSE = 256  # samples of a resonance, 32 ms: it has died away by then
_NOISE_WINDOW = 2 * _HOP
_BANDWIDTHS = np.array([70.0, 100.0, 150.0, 250.0])  # Hz, of the four resonators
_FOURTH_FORMANT = 3500.0  # Hz; the same in all phonemes
_FORMANT_GLIDE = 7  # frames over which formants move from one phoneme to the next
_LEVEL_GLIDE = 3


@dataclass(frozen=True)
class Speaker:
    """A voice: mean pitch in Hz, scale of all formants, and fall of the source in dB/octave."""

    pitch: float
    tract: float
    tilt: float


SPEAKERS = (
    Speaker(pitch=105, tract=0.95, tilt=5),
    Speaker(pitch=122, tract=1.0, tilt=3.5),
    Speaker(pitch=140, tract=0.98, tilt=6),
    Speaker(pitch=185, tract=1.12, tilt=5),
    Speaker(pitch=205, tract=1.15, tilt=3.5),
    Speaker(pitch=230, tract=1.18, tilt=6),
)


@dataclass(frozen=True)
class Delivery:
    """The delivery of one utterance.

    Attributes:
        speaker: whose voice.
        pace: mean length of a phoneme, in seconds.
        level: peak of the waveform, 0..1 of full scale.
        snr: speech to background hiss, in dB.
        swing: depth of the intonation's wave, a fraction of the pitch.
        phase: where that wave starts, in radians.
        edges: silence before and after, in seconds.
    """

    speaker: Speaker
    pace: float
    level: float
    snr: float
    swing: float
    phase: float
    edges: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Delivery:
        """A random delivery by a random speaker, whose voice varies a little each time."""
        base = SPEAKERS[int(rng.integers(len(SPEAKERS)))]
        speaker = Speaker(
            pitch=base.pitch * rng.uniform(0.95, 1.05),
            tract=base.tract * rng.uniform(0.98, 1.02),
            tilt=base.tilt + rng.uniform(-0.5, 0.5),
        )
        return cls(
            speaker=speaker,
            pace=rng.uniform(0.042, 0.06),
            level=rng.uniform(0.3, 0.9),
            snr=rng.uniform(20.0, 35.0),
            swing=rng.uniform(0.03, 0.1),
            phase=rng.uniform(0.0, 2 * np.pi),
            edges=(rng.uniform(0.02, 0.06), rng.uniform(0.02, 0.06)),
        )


def _glide(track: np.ndarray, frames: int) -> np.ndarray:
    """Moving average along axis 0 of [T, C], edges repeated; same shape."""
    half = frames // 2
    padded = np.concatenate([track[:1].repeat(half + 1, 0), track, track[-1:].repeat(half, 0)])
    total = padded.cumsum(0)
    return (total[frames:] - total[:-frames]) / frames


def _tracks(
    phonemes: Sequence[Phoneme], delivery: Delivery, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Formants [T, 4] in Hz, and voice level, noise level, noise centre and width [T, 4]."""
    lengths = np.array([phoneme.length for phoneme in phonemes]) * delivery.pace
    lengths = np.concatenate(
        [delivery.edges[:1], lengths * rng.uniform(0.85, 1.15, len(lengths)), delivery.edges[1:]]
    )
    frames = np.diff(np.rint(lengths.cumsum() * SAMPLE_RATE / _HOP).astype(int), prepend=0)
    formants = np.array([(*phoneme.formants, _FOURTH_FORMANT) for phoneme in phonemes])
    sources = np.array([(p.voice, p.noise, p.noise_centre, p.noise_width) for p in phonemes])
    silence = sources[:1] * [0, 0, 1, 1], sources[-1:] * [0, 0, 1, 1]
    formants = np.concatenate([formants[:1], formants, formants[-1:]]).repeat(frames, 0)
    sources = np.concatenate([silence[0], sources, silence[1]]).repeat(frames, 0)
    sources[:, :2] = _glide(sources[:, :2], _LEVEL_GLIDE)
    return _glide(formants, _FORMANT_GLIDE) * delivery.speaker.tract, sources


def _resonance(formants: np.ndarray, tilt: float) -> np.ndarray:
    """Spectrum of four resonators in a row, [N, 4] Hz -> complex [N, bins]."""
    hertz = np.fft.rfftfreq(_RESPONSE, 1 / SAMPLE_RATE)
    z1 = np.exp(-2j * np.pi * hertz / SAMPLE_RATE)
    z2 = z1 * z1
    decay = np.exp(-np.pi * _BANDWIDTHS / SAMPLE_RATE)
    # A digital resonator is 1 / (1 - a z^-1 + b z^-2), here scaled to gain 1 at 0 Hz.
    a = 2 * decay * np.cos(2 * np.pi * np.minimum(formants, 3900.0) / SAMPLE_RATE)
    b = decay**2
    below = np.ones((len(formants), len(hertz)), complex)
    for column in range(formants.shape[1]):
        below *= 1 - a[:, column, None] * z1 + b[column] * z2
    gain = np.prod(1 - a + b, axis=1)[:, None]
    source = np.maximum(hertz, 100.0) / 100.0
    return gain / below * source ** (-tilt / 20 / np.log10(2))


def _overlap_add(pieces: np.ndarray, starts: np.ndarray, samples: int) -> np.ndarray:
    """Sum of pieces [N, W], each laid down at its start; [samples]."""
    places = starts[:, None] + np.arange(pieces.shape[1])
    total = np.bincount(places.ravel(), pieces.ravel(), minlength=samples)
    return total[:samples]


def _voiced(formants: np.ndarray, level: np.ndarray, delivery: Delivery) -> np.ndarray:
    """The voiced part: a resonance at each pitch pulse, [T * _HOP]."""
    samples = len(level) * _HOP
    time = np.arange(samples) / SAMPLE_RATE
    # Pitch falls through a statement, with a wave on top; a speaker is never monotonous.
    course = 1.1 - 0.2 * np.arange(samples) / samples
    course += delivery.swing * np.sin(2 * np.pi * 1.5 * time + delivery.phase)
    cycles = np.cumsum(delivery.speaker.pitch * course) / SAMPLE_RATE
    at = np.interp(np.arange(1, int(cycles[-1])), cycles, np.arange(samples))
    level = np.interp(at, (np.arange(len(level)) + 0.5) * _HOP, level)
    at, level = at[level > 0.01], level[level > 0.01]
    starts = at.astype(int)
    spectrum = _resonance(formants[starts // _HOP], delivery.speaker.tilt) * level[:, None]
    # Pulses fall between samples: without this fraction the pitch would sound rough.
    turn = -2j * np.pi * np.fft.rfftfreq(_RESPONSE)
    spectrum *= np.exp((at - starts)[:, None] * turn)
    return _overlap_add(np.fft.irfft(spectrum, _RESPONSE), starts, samples)


def _noisy(
    level: np.ndarray, centre: np.ndarray, width: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The noise part: each frame is noise in its own band, [T * _HOP]."""
    active = np.flatnonzero(level > 0.005)
    hertz = np.fft.rfftfreq(_NOISE_WINDOW, 1 / SAMPLE_RATE)
    offset = (hertz - centre[active, None]) / width[active, None]
    # Equal power whatever the width of the band.
    shape = np.exp(-0.5 * offset**2)
    shape *= level[active, None] / np.sqrt((shape**2).mean(1, keepdims=True))
    normal = rng.standard_normal((2, *shape.shape))
    # The factor undoes irfft's scaling: a noise level is the RMS of the noise.
    pieces = np.fft.irfft(shape * (normal[0] + 1j * normal[1]), _NOISE_WINDOW)
    pieces *= np.sqrt(_NOISE_WINDOW / 2)
    return _overlap_add(pieces * np.hanning(_NOISE_WINDOW), active * _HOP, len(level) * _HOP)


def synthesize(sentence: str, delivery: Delivery, rng: np.random.Generator) -> np.ndarray:
    """The waveform of an English sentence, float in -1..1, [samples] at SAMPLE_RATE."""
    formants, sources = _tracks(pronounce(sentence), delivery, rng)
    voiced = _voiced(formants, sources[:, 0], delivery)
    noisy = _noisy(sources[:, 1], sources[:, 2], sources[:, 3], rng)
    # The voice's overall RMS becomes 1, the unit in which the phonemes' noise levels are given.
    speech = voiced / (_rms(voiced) + 1e-9) + noisy
    speech += rng.standard_normal(len(speech)) * _rms(speech) * 10 ** (-delivery.snr / 20)
    return speech * (delivery.level / np.abs(speech).max())


def _rms(signal: np.ndarray) -> float:
    return float(np.sqrt(np.mean(signal**2)))


def speak(sentence: str, seed: Sequence[int]) -> np.ndarray:
    """A random delivery of a sentence: int16 [samples]; the same for the same seed."""
    rng = np.random.default_rng(seed)
    waveform = synthesize(sentence, Delivery.draw(rng), rng)
    return np.rint(waveform * 32767).astype(np.int16)


def speak_wav(sentence: str, seed: Sequence[int]) -> bytes:
    """`speak` as a mono 16-bit wav file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(speak(sentence, seed).astype("<i2").tobytes())
    return buffer.getvalue()
