"""The synthesiser: pitch, length, level, and words that sound different."""

from __future__ import annotations

import dataclasses
import io
import itertools
import wave

import numpy as np
import pytest

from t2t_mm.problems.shapes import languages, phonemes, voice, world
from t2t_mm.problems.shapes.voice import SAMPLE_RATE, SPEAKERS, Delivery

PLAIN = Delivery(
    SPEAKERS[1], pace=0.05, level=0.8, snr=60, swing=0.0, phase=0.0, edges=(0.03, 0.03)
)
SENTENCE = "the small red circle is left of the big yellow triangle"


def log_bands(waveform: np.ndarray, steps: int = 12, bands: int = 20) -> np.ndarray:
    """A coarse log spectrogram of a fixed size, [steps, bands], mean 0."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform, 200)[::40] * np.hanning(200)
    power = np.abs(np.fft.rfft(frames, 256)) ** 2
    rows = [part.mean(0) for part in np.array_split(power, steps)]
    cells = [[c.mean() for c in np.array_split(row, bands)] for row in rows]
    logs = np.log(np.array(cells) + 1e-5)
    return logs - logs.mean()


def say(word: str, seed: int, speaker: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    delivery = dataclasses.replace(Delivery.draw(rng), speaker=SPEAKERS[speaker])
    return voice.synthesize(word, delivery, rng)


def test_every_word_of_the_world_can_be_said_and_no_two_alike():
    words = {word for scene in world.all_scenes() for word in languages.english(scene).split()}
    assert words == set(phonemes.LEXICON)
    assert len(set(phonemes.LEXICON.values())) == len(phonemes.LEXICON)


def test_words_are_recognised_by_the_nearest_mean_spectrum():
    words = sorted(phonemes.LEXICON)
    means = {
        word: np.mean(
            [log_bands(say(word, seed, speaker)) for seed in range(4) for speaker in range(6)], 0
        )
        for word in words
    }
    right = []
    for word in words:
        for speaker in range(6):
            heard = log_bands(say(word, 100 + speaker, speaker))
            nearest = min(words, key=lambda other: np.square(heard - means[other]).sum())
            right.append(nearest == word)
    # So crude a listener, who knows no pitch from a formant, is right 17 times in 20; by guessing
    # it would be once in 20.
    assert np.mean(right) >= 0.8


def test_pitch_is_the_speakers():
    for delivery in _all_speakers():
        # The middle of a falling pitch is its mean; 1000 samples are too few for it to blur.
        middle = _sustained("A", delivery, frames=60)[700:1700]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(1000), 4096)) ** 2
        lags = np.fft.irfft(spectrum)[: SAMPLE_RATE // 60]
        shortest = SAMPLE_RATE // 300
        period = shortest + int(np.argmax(lags[shortest:]))
        assert SAMPLE_RATE / period == pytest.approx(delivery.speaker.pitch, rel=0.05)


def test_formants_are_where_the_phoneme_has_them():
    spectrum = np.abs(voice._resonance(np.array([[730.0, 1100.0, 2450.0, 3500.0]]), 0.0))[0]
    hertz = np.fft.rfftfreq(256, 1 / SAMPLE_RATE)
    inner = spectrum[1:-1]
    peaks = hertz[1:-1][(inner > spectrum[:-2]) & (inner > spectrum[2:])]
    np.testing.assert_allclose(peaks, [730, 1100, 2450, 3500], atol=40)
    assert spectrum[0] == pytest.approx(1.0)


def test_sibilants_are_high_and_vowels_are_low():
    def share_above(symbol: str) -> float:
        waveform = _sustained(symbol)
        power = np.abs(np.fft.rfft(waveform)) ** 2
        hertz = np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE)
        return power[hertz > 2800].sum() / power.sum()

    assert share_above("s") > 0.7
    assert share_above("A") < 0.1


def _sustained(symbol: str, delivery: Delivery = PLAIN, frames: int = 40) -> np.ndarray:
    """One phoneme for so many frames of 5 ms."""
    phoneme = phonemes.PHONEMES[symbol]
    ones = np.ones(frames)
    formants = np.tile([*phoneme.formants, 3500.0], (frames, 1))
    voiced = voice._voiced(formants, phoneme.voice * ones, delivery)
    level, centre, width = phoneme.noise, phoneme.noise_centre, phoneme.noise_width
    rng = np.random.default_rng(0)
    return voiced + voice._noisy(level * ones, centre * ones, width * ones, rng)


def test_duration_follows_the_pace():
    lengths = [
        len(voice.synthesize(SENTENCE, dataclasses.replace(PLAIN, pace=pace), _rng()))
        for pace in (0.04, 0.08)
    ]
    assert (lengths[1] - 480) / (lengths[0] - 480) == pytest.approx(2.0, rel=0.02)


def _rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_utterances_are_short_and_never_clipped():
    scenes = world.sample_scenes("train", 60, seed=3)
    seconds, peaks = [], []
    for index, scene in enumerate(scenes):
        waveform = voice.speak(languages.english(scene), (3, index))
        assert waveform.dtype == np.int16
        seconds.append(len(waveform) / SAMPLE_RATE)
        peaks.append(np.abs(waveform.astype(int)).max())
    assert min(seconds) > 1.0 and max(seconds) < 3.2 and np.mean(seconds) < 2.2
    assert min(peaks) > 0.29 * 32767 and max(peaks) < 0.91 * 32767


def test_speakers_differ():
    said = [log_bands(voice.synthesize(SENTENCE, d, _rng()), bands=60) for d in _all_speakers()]
    again = log_bands(voice.synthesize(SENTENCE, PLAIN, np.random.default_rng(4)), bands=60)
    same_voice = np.abs(said[1] - again).mean()
    for one, other in itertools.combinations(said, 2):
        assert np.abs(one - other).mean() > same_voice


def _all_speakers() -> list[Delivery]:
    return [dataclasses.replace(PLAIN, speaker=speaker) for speaker in SPEAKERS]


def test_same_seed_same_bytes_and_another_seed_another_delivery():
    first = voice.speak_wav(SENTENCE, (1, 2, 3))
    assert voice.speak_wav(SENTENCE, (1, 2, 3)) == first
    assert voice.speak_wav(SENTENCE, (1, 2, 4)) != first


def test_wav_is_mono_16_bit_8_khz_and_holds_the_samples():
    with wave.open(io.BytesIO(voice.speak_wav(SENTENCE, (9,)))) as file:
        assert file.getparams()[:3] == (1, 2, 8000)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    np.testing.assert_array_equal(samples, voice.speak(SENTENCE, (9,)))


def test_an_unknown_word_is_refused_by_name():
    with pytest.raises(ValueError, match="cannot say 'purple'; it knows the, small"):
        phonemes.pronounce("the purple star")
