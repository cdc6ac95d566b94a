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
from t2t_mm.kinds.wav_files import pcm_file

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


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_kind_of_sample_is_stored_as_by_t2t_decoder(graph, subtype):
    content = wav(subtype=subtype)
    np.testing.assert_array_equal(graph(content)[0], cli(content))


@pytest.mark.parametrize(
    "content",
    [wav(44100), wav(12347, "ULAW"), wav(channels=3), wav(16000, "FLOAT", 2), wav(subtype="ALAW")],
)
def test_what_is_converted_before_is_read(graph, content):
    """As the server and the client hand it on."""
    ready = pcm_file(stored_sound(content, RATE), RATE)
    np.testing.assert_array_equal(graph(ready)[0], cli(content))


def test_rows_of_a_batch_do_not_meet(graph):
    contents = [wav(), wav(subtype="FLOAT", count=2000), wav(subtype="PCM_24", count=50)]
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
    "not a WAV file": (b"", b"RIFF", b"fLaC" + b"\0" * 99, b"text"),
    "without a data chunk": (WHOLE[:30],),
    "without a format chunk": (WHOLE[:12] + WHOLE[36:],),
    "that breaks off: its header promises 1800 bytes of samples, and 1000": (WHOLE[:1044],),
    "that holds no samples": (WHOLE[:40] + b"\0" * 4,),
    "of encoding 2 with 16 bits": (WHOLE[:20] + b"\2\0" + WHOLE[22:],),
    "of encoding 1 with 12 bits": (WHOLE[:34] + b"\x0c\0" + WHOLE[36:],),
    "of 0 channels at 8000 Hz": (WHOLE[:22] + b"\0\0" + WHOLE[24:],),
    "of 1 channels at 0 Hz": (WHOLE[:24] + b"\0" * 4 + WHOLE[28:],),
    "samples that are not finite": (wav(subtype="FLOAT")[:-4] + struct.pack("<f", float("nan")),),
    "is a WAV file at 44100 Hz, and this problem reads 8000 Hz; convert it first, as "
    "t2t-query-server and its Python client do.": (wav(44100), wav(44100, "FLOAT")),
    "is a WAV file of 2 channels, and this problem reads one; convert it first": (wav(channels=2),),
    "of encoding 7 with 8 bits a sample; allowed are PCM (1)": (wav(subtype="ULAW"),),
}


@pytest.mark.parametrize(
    ("words", "content"), [(words, one) for words, all_ in BROKEN.items() for one in all_]
)
def test_what_is_no_whole_wav_file_is_refused_by_row(graph, words, content):
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        graph(WHOLE, content)
    assert words in error.value.message
    assert "inputs[1]" in error.value.message
