"""The audio modalities: padding must change nothing, whatever its amount and parity."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm import kinds
from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.layers.conv2d import grid_timing
from t2t_mm.modalities.audio import Audio, AudioSpectral, time_mask

COMMON = {"hidden_size": 8, "roles": ("input",), "seed": 1, "num_blocks": 3, "min_filters": 4}


def make(kind: str):
    if kind == "waveform":
        audio = Audio(**COMMON)
    else:
        audio = AudioSpectral(mel_bins=5, frequency=kind, **COMMON)
    audio.build()
    return audio


def sound(kind: str, length: int) -> np.ndarray:
    shape = (1, length) if kind == "waveform" else (1, length, 5)
    return np.random.default_rng(length).normal(size=shape).astype("float32")


def padded(x: np.ndarray, more: int, value: float = 0.0) -> np.ndarray:
    width = [(0, 0), (0, more)] + [(0, 0)] * (x.ndim - 2)
    return np.pad(x, width, constant_values=value)


@pytest.mark.parametrize("kind", ["waveform", "keep", "merge"])
@pytest.mark.parametrize("length", [1, 13, 16, 22])
def test_padding_changes_nothing(kind, length):
    audio, x = make(kind), sound(kind, length)
    want = audio.bottom(x)
    assert want.mask.shape[1] == -(-length // 8) * (5 if kind == "keep" else 1)
    assert np.all(want.mask)
    for more in (1, 2, 7, 8):
        got = audio.bottom(padded(x, more))
        real = want.x.shape[1]
        np.testing.assert_allclose(got.x[:, :real], want.x, atol=2e-5)
        assert not np.any(got.x[:, real:]) and not np.any(got.mask[:, real:])
        noisy = audio.bottom(padded(x, more, 9.0), np.array([length]))
        np.testing.assert_allclose(noisy.x, got.x, atol=2e-5)


@pytest.mark.parametrize("kind", ["waveform", "keep", "merge"])
def test_bottom_is_the_chain_of_its_layers(kind):
    audio, x = make(kind), sound(kind, 16)
    h = {"waveform": lambda: x[:, :, None, None], "keep": lambda: x[..., None],
         "merge": lambda: x[:, :, None]}[kind]()  # fmt: skip
    for block in audio.blocks:
        h = block(h)
    h = audio.project(h)
    if kind == "keep":
        h = h + grid_timing(2, 5, 8)
    rep = audio.bottom(x)
    np.testing.assert_allclose(rep.x, np.reshape(h, (1, -1, 8)), atol=1e-5)
    assert rep.grid == ((2, 5) if kind == "keep" else None)


def test_blocks_double_their_filters_and_keep_the_frequencies():
    audio = AudioSpectral(**{**COMMON, "num_blocks": 4, "min_filters": 2})
    assert [block.filters for block in audio.blocks] == [2, 4, 8, 16]
    assert {(block.kernel_size, block.strides) for block in audio.blocks} == {((3, 3), (2, 1))}
    assert [block.raw for block in audio.blocks] == [True, False, False, False]


def test_mask_ends_at_the_last_sound_not_at_a_pause():
    x = np.array([[1.0, 0, 0, 2, 0, 0], [0, 0, 0, 0, 0, 0]], "float32")
    want = [[1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0]]  # an empty recording keeps one position
    np.testing.assert_array_equal(time_mask(x), want)
    np.testing.assert_array_equal(time_mask(np.stack([x, 0 * x], -1)), want)
    np.testing.assert_array_equal(
        time_mask(x, np.array([2, 6])), [[1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]]
    )


@pytest.mark.parametrize("kind", ["waveform", "keep", "merge"])
def test_unknown_lengths(kind):
    audio = make(kind)
    shape = [None, None] if kind == "waveform" else [None, None, 5]
    traced = tf.function(lambda x: audio.bottom(x).x, input_signature=[tf.TensorSpec(shape)])
    for length in (9, 16):
        x = sound(kind, length)
        np.testing.assert_allclose(traced(x), audio.bottom(x).x, atol=2e-5)


def test_create_reads_hparams():
    hparams = HParams().replace(hidden_size=8, audio_blocks=2, audio_mel_bins=6)
    audio = AudioSpectral.create("audio_spectral", kinds.Audio(), hparams)
    assert (audio.name, audio.mel_bins, audio.frequency) == ("audio_spectral.8", 6, "keep")
    with pytest.raises(HParamError, match="'audio_frequency' must be keep or merge, got 'split'"):
        AudioSpectral.create("a", kinds.Audio(), hparams.replace(audio_frequency="split"))
    with pytest.raises(HParamError, match="audio_blocks must be at least 1, got 0"):
        Audio.create("audio", kinds.Audio(), hparams.replace(audio_blocks=0))


@pytest.mark.parametrize("kind", ["waveform", "keep", "merge"])
def test_config_round_trip(kind):
    audio, x = make(kind), sound(kind, 9)
    other = type(audio).from_config(audio.get_config())
    other.build()
    np.testing.assert_array_equal(audio.bottom(x).x, other.bottom(x).x)
