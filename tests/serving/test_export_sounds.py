"""WAV files inside the graph: what t2t-decoder stores, and a sentence for what is no whole one."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from t2t_mm.kinds.graph.sounds import stored_sounds
from t2t_mm.kinds.sound_files import stored_sound

RATE = 8000


@pytest.fixture(scope="module")
def graph():
    spec = [tf.TensorSpec([None], tf.string)]
    traced = tf.function(
        lambda contents: stored_sounds(contents, RATE), input_signature=spec, autograph=False
    )
    return lambda *contents: [
        np.frombuffer(pcm, "<i2").astype(int) for pcm in traced(tf.constant(contents)).numpy()
    ]


def wav(rate: int = RATE, subtype: str = "PCM_16", channels: int = 1, count: int = 900) -> bytes:
    """Two tones and a click, other ones in each channel, far below half of any rate here."""
    times = np.arange(count) / rate
    columns = [
        0.4 * np.sin(2 * np.pi * 300 * times + channel) + 0.2 * np.sin(2 * np.pi * 700 * times)
        for channel in range(channels)
    ]
    out = io.BytesIO()
    soundfile.write(out, np.stack(columns, 1), rate, format="WAV", subtype=subtype)
    return out.getvalue()


def cli(content: bytes) -> np.ndarray:
    return np.frombuffer(stored_sound(content, RATE), "<i2").astype(int)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize(
    "subtype", ["PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"]
)
def test_every_kind_of_sample_is_stored_as_by_t2t_decoder(graph, subtype, channels):
    content = wav(subtype=subtype, channels=channels)
    np.testing.assert_array_equal(graph(content)[0], cli(content))


@pytest.mark.parametrize("rate", [4000, 11025, 16000, 22050, 44100, 48000])
def test_other_sample_rates_sound_as_by_soxr(graph, rate):
    """The window's edges apart, to 1e-3 of full scale; and as many samples."""
    content = wav(rate, count=rate // 5)
    found, expected = graph(content)[0], cli(content)
    assert len(found) == len(expected)
    assert np.abs(found - expected).max() <= 32
    inner = slice(200, -200)
    assert np.abs(found - expected)[inner].max() <= 2


@pytest.mark.parametrize("count", [3, 4, 5, 1001, 1234])
def test_the_number_of_samples_is_rounded_as_by_soxr(graph, count):
    content = wav(16000, count=count)
    assert len(graph(content)[0]) == len(cli(content))


def test_an_odd_rate_keeps_its_tone(graph):
    found = graph(wav(12347, count=12347))[0]
    assert len(found) == RATE
    spectrum = np.abs(np.fft.rfft(found))
    assert sorted(np.argsort(spectrum)[-2:]) == [300, 700]


def test_rows_of_a_batch_do_not_meet(graph):
    contents = [wav(), wav(44100, count=2000), wav(channels=2, count=50)]
    for together, one in zip(graph(*contents), contents, strict=True):
        np.testing.assert_array_equal(together, graph(one)[0])


def test_other_chunks_and_streams_of_unknown_size(graph):
    whole, expected = wav(), cli(wav())
    listed = whole[:36] + b"LIST\x05\0\0\0abcde\0" + whole[36:] + b"junk"
    endless = whole[:40] + b"\xff" * 4 + whole[44:]
    for content in (listed, endless):
        np.testing.assert_array_equal(graph(content)[0], expected)


WHOLE = wav()
BROKEN = {
    "no WAV file": (b"", b"RIFF", b"fLaC" + b"\0" * 99, b"text"),
    "without a data chunk": (WHOLE[:30],),
    "without a format chunk": (WHOLE[:12] + WHOLE[36:],),
    "that breaks off: its header promises 1800 bytes of samples, and 1000": (WHOLE[:1044],),
    "that holds no samples": (WHOLE[:40] + b"\0" * 4,),
    "of encoding 2 with 16 bits": (WHOLE[:20] + b"\2\0" + WHOLE[22:],),
    "of encoding 1 with 12 bits": (WHOLE[:34] + b"\x0c\0" + WHOLE[36:],),
    "of 0 channels at 8000 Hz": (WHOLE[:22] + b"\0\0" + WHOLE[24:],),
    "of 1 channels at 0 Hz": (WHOLE[:24] + b"\0" * 4 + WHOLE[28:],),
    "samples that are not finite": (wav(subtype="FLOAT")[:-4] + struct.pack("<f", float("nan")),),
    "too short to resample": (wav(48000, count=2),),
}


@pytest.mark.parametrize(
    ("words", "content"), [(words, one) for words, all_ in BROKEN.items() for one in all_]
)
def test_what_is_no_whole_wav_file_is_refused_by_row(graph, words, content):
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        graph(WHOLE, content)
    assert words in error.value.message
    assert "inputs[1]" in error.value.message
