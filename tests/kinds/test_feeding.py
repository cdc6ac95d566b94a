"""Pictures, sound and text as the modalities read them, against numpy."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as Pillow

from t2t_mm.errors import DataError
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Audio, Image
from t2t_mm.kinds.audio import WAVEFORM
from t2t_mm.kinds.audio_graph import LOG_FLOOR, frame_count, mel_filters
from t2t_mm.kinds.image_graph import augment, standardize
from t2t_mm.kinds.kind import features_of
from tests.data.stored_shards import LABEL, PICTURE, SOUND, TEXT, pcm, png

HPARAMS = HParams(audio_mel_bins=40)
RATE = 8000  # of SOUND


def fed(stored, kind, hparams=HPARAMS, training=False, seed=None):
    """What the kind's default network reads."""
    return kind.feed(stored, hparams, features_of(kind, hparams), training, seed)


def decoded(*encoded: bytes, size: int = 16) -> np.ndarray:
    """Pixels in [0, 255] after decoding and resizing."""
    spec = Image(size)
    values, lengths = fed(tf.constant(encoded), spec, HPARAMS)
    assert lengths.numpy().tolist() == [size * size] * len(encoded)
    return values.numpy() * 63.75 + 127.5


def test_text_is_padded_with_zeros():
    ids = tf.ragged.constant([[5, 6, 1], [7, 1]], dtype=tf.int64)
    values, lengths = fed(ids, TEXT, HPARAMS)
    assert values.dtype == lengths.dtype == tf.int32
    assert values.numpy().tolist() == [[5, 6, 1], [7, 1, 0]]
    assert lengths.numpy().tolist() == [3, 2]


def test_labels():
    values, lengths = fed(tf.constant([3, 0], tf.int64), LABEL, HPARAMS)
    assert values.numpy().tolist() == [3, 0] and values.dtype == tf.int32
    assert lengths.numpy().tolist() == [1, 1]


def test_pictures_of_the_right_size_keep_their_pixels():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (16, 16, 3), np.uint8)
    np.testing.assert_allclose(decoded(tf.io.encode_png(pixels).numpy())[0], pixels, atol=1e-4)


def test_standardising_keeps_brightness_and_colour_apart():
    values = standardize(tf.constant([0.0, 127.5, 255.0])).numpy()
    np.testing.assert_allclose(values, [-2.0, 0.0, 2.0])
    dark, light = (
        fed(tf.constant([tf.io.encode_png(np.full((16, 16, 3), level, np.uint8)).numpy()]),
                PICTURE, HPARAMS)[0].numpy()
        for level in (40, 220)
    )  # fmt: skip
    assert light.mean() - dark.mean() == pytest.approx(180 / 63.75, rel=1e-5)


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "RGBA", "P", "1"])
def test_every_kind_of_png_becomes_three_channels(mode):
    picture = Pillow.new("RGB", (16, 16), (255, 255, 255)).convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    pixels = decoded(buffer.getvalue())
    assert pixels.shape == (1, 16, 16, 3)
    np.testing.assert_allclose(pixels, 255.0, atol=1e-3)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF"])
def test_every_format(form):
    buffer = io.BytesIO()
    Pillow.new("RGB", (20, 20), (250, 10, 10)).save(buffer, form)
    np.testing.assert_allclose(decoded(buffer.getvalue())[0, 8, 8], (250, 10, 10), atol=3)


def test_odd_sizes_keep_the_whole_picture():
    # Left third red, right third blue, in 61 x 33: both must still be there, in place.
    pixels = np.zeros((33, 61, 3), np.uint8)
    pixels[:, :20, 0] = 255
    pixels[:, 41:, 2] = 255
    small = decoded(tf.io.encode_png(pixels).numpy())[0]
    assert small.shape == (16, 16, 3)
    np.testing.assert_allclose(small[:, 0], [[255, 0, 0]] * 16, atol=1)
    np.testing.assert_allclose(small[:, -1], [[0, 0, 255]] * 16, atol=1)


def test_shrinking_averages():
    # A chequered board of single pixels is grey from afar; without antialiasing it is not.
    board = np.indices((64, 64)).sum(0) % 2 * 255
    pixels = decoded(tf.io.encode_png(np.repeat(board[..., None], 3, 2).astype(np.uint8)).numpy())
    np.testing.assert_allclose(pixels[0, 4:12, 4:12], 127.5, atol=8)


def test_sizes_are_mixed_in_a_batch():
    rng = np.random.default_rng(0)
    assert decoded(png(rng), png(rng, 7, 90), png(rng, 1, 1), png(rng, 40, 40, 1)).shape[0] == 4


def seeds(number: int) -> tf.Tensor:
    return tf.constant([5, number], tf.int64)


def test_augmentation_repeats_with_its_seed():
    pictures = tf.random.stateless_uniform([8, 32, 32, 3], [1, 1])
    first = augment(pictures, True, seeds(0)).numpy()
    assert np.array_equal(first, augment(pictures, True, seeds(0)).numpy())
    assert not np.array_equal(first, augment(pictures, True, seeds(1)).numpy())


def test_shifts_are_uniform_up_to_a_sixteenth():
    # Every pixel holds its own coordinates; the middle one tells how far the picture moved.
    grid = np.stack(np.indices((32, 32)), -1).astype(np.float32)
    moved = augment(tf.constant(np.tile(grid, (5000, 1, 1, 1))), False, seeds(0)).numpy()
    shifts = moved[:, 16, 16].astype(int) - 16  # [5000, (rows, columns)]
    for axis in (0, 1):
        values, counts = np.unique(shifts[:, axis], return_counts=True)
        assert values.tolist() == [-2, -1, 0, 1, 2]
        assert abs(counts - 1000).max() < 150
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 0.05
    # What moves in repeats the edge.
    up = moved[shifts[:, 0] == 2][0]
    assert np.array_equal(up[-1], up[-2]) and np.array_equal(up[-2], up[-3])


def test_half_of_the_pictures_are_mirrored_where_allowed():
    columns = np.tile(np.arange(32, dtype=np.float32)[None, None, :, None], (2000, 32, 1, 3))
    mirrored = augment(tf.constant(columns), True, seeds(0)).numpy()
    falling = mirrored[:, 0, 0, 0] > mirrored[:, 0, -1, 0]
    assert 0.45 < falling.mean() < 0.55
    plain = augment(tf.constant(columns), False, seeds(0)).numpy()
    assert (plain[:, 0, 0, 0] < plain[:, 0, -1, 0]).all()


def test_augmentation_is_for_training_alone():
    encoded = tf.constant([png(np.random.default_rng(0), 32, 32)] * 4)
    spec = Image(32, flip=True)
    plain = fed(encoded, spec, HPARAMS)[0].numpy()
    off = fed(encoded, spec, HPARAMS.replace(image_augment=False), True, seeds(0))[0].numpy()
    on = fed(encoded, spec, HPARAMS, True, seeds(0))[0].numpy()
    assert np.array_equal(plain, off) and not np.array_equal(plain, on)


def tone(hertz: float, seconds: float, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(int(RATE * seconds)) / RATE)


def spectrogram(*waves: np.ndarray, hparams: HParams = HPARAMS) -> tuple[np.ndarray, np.ndarray]:
    values, lengths = fed(tf.constant([pcm(wave) for wave in waves]), SOUND, hparams)
    return values.numpy(), lengths.numpy()


@pytest.mark.parametrize("hertz", [200.0, 440.0, 1000.0, 3000.0])
def test_a_tone_is_in_its_bin(hertz):
    values, _ = spectrogram(tone(hertz, 0.5))
    # Centres of 40 filters, evenly spaced on the mel scale from 20 Hz to 4 kHz.
    mel = np.linspace(*(1127 * np.log(1 + f / 700) for f in (20.0, 4000.0)), 42)[1:-1]
    nearest = np.abs(700 * (np.exp(mel / 1127) - 1) - hertz).argmin()
    assert np.abs(values[0].mean(0).argmax() - nearest) <= (0 if hertz > 400 else 1)


def numpy_log_mel(wave: np.ndarray, frame: int = 200, step: int = 80) -> np.ndarray:
    """The definition, frame by frame."""
    samples = np.round(wave * 32767) / 32768
    emphasised = samples - 0.97 * np.concatenate([[0], samples[:-1]])
    fft, filters = mel_filters(RATE, frame, 40)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    rows = []
    for begin in range(0, len(wave) - frame + 1, step):
        spectrum = np.fft.rfft(emphasised[begin : begin + frame] * window, fft)
        rows.append(np.log(np.maximum(np.abs(spectrum) ** 2 @ filters, LOG_FLOOR)))
    log_mel = np.array(rows)
    return (log_mel - log_mel.mean()) / log_mel.std()


def test_log_mel_is_its_definition():
    rng = np.random.default_rng(0)
    wave = 0.3 * tone(700, 0.3) + rng.normal(0, 0.01, 2400)
    values, lengths = spectrogram(wave)
    expected = numpy_log_mel(wave)
    assert values.shape[1:] == expected.shape and lengths.tolist() == [len(expected)]
    np.testing.assert_allclose(values[0], expected, atol=2e-3)


def test_a_recording_does_not_depend_on_its_batch():
    rng = np.random.default_rng(1)
    short, long = rng.normal(0, 0.1, 3333), rng.normal(0, 0.2, 9000)
    alone, lengths = spectrogram(short)
    together, both = spectrogram(short, long)
    assert both[0] == lengths[0] == alone.shape[1]
    np.testing.assert_allclose(together[0, : lengths[0]], alone[0], atol=1e-5)
    assert (together[0, lengths[0] :] == 0).all()
    for values, length in zip(together, both, strict=True):
        real = values[:length]
        assert abs(real.mean()) < 1e-4 and real.std() == pytest.approx(1, abs=1e-3)


def test_loudness_does_not_matter():
    rng = np.random.default_rng(2)
    wave = rng.normal(0, 0.1, 4000)
    loud, quiet = spectrogram(wave)[0], spectrogram(wave / 4)[0]
    np.testing.assert_allclose(loud, quiet, atol=2e-2)


def test_frames_by_length():
    for samples, frames in ((0, 1), (1, 1), (200, 1), (279, 1), (280, 2), (8000, 98)):
        values, lengths = spectrogram(np.ones(samples) * 0.1)
        assert values.shape[1] == lengths[0] == frames == frame_count(samples, SOUND, HPARAMS)
        assert np.isfinite(values).all()


def test_every_filter_covers_a_frequency():
    for rate, bins in ((8000, 40), (8000, 80), (16000, 80), (16000, 128), (44100, 80)):
        fft, filters = mel_filters(rate, round(rate * 0.025), bins)
        assert filters.shape == (fft // 2 + 1, bins) and (filters.sum(0) > 0).all()
    filters = mel_filters(44100, 1102, 80)[1]
    top = np.flatnonzero(filters.sum(1)).max() * 44100 / (2 * (filters.shape[0] - 1))
    assert 7800 < top < 8000  # Hz


def test_a_waveform_is_normalised_without_its_padding():
    spec = Audio(RATE)
    rng = np.random.default_rng(0)
    waves = [0.2 + rng.normal(0, 0.1, n) for n in (500, 900)]
    values, lengths = spec.feed(tf.constant([pcm(wave) for wave in waves]), HPARAMS, WAVEFORM)
    assert values.shape == (2, 900) and lengths.numpy().tolist() == [500, 900]
    for got, wave in zip(values.numpy(), waves, strict=True):
        expected = (wave - wave.mean()) / wave.std()
        np.testing.assert_allclose(got[: len(wave)], expected, atol=2e-3)
        assert (got[len(wave) :] == 0).all()


def test_what_is_not_declared_is_a_sentence():
    with pytest.raises(DataError, match=r"a sound declares no sample_rate; write Audio\(sample"):
        fed(tf.constant([pcm(np.zeros(9))]), Audio())
