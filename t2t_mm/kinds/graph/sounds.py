"""WAV files of a request, as kinds/sound_files.py stores them for a problem.

The graph reads mono at the problem's rate alone. Mixing down, resampling and other encodings are
for whoever sends a sound: t2t-query-server and its Python client convert it as t2t-decoder does.
"""

from __future__ import annotations

import tensorflow as tf

from t2t_mm.kinds.graph import wav as graph_wav
from t2t_mm.kinds.graph.checks import require

_FULL_SCALE = 32768.0  # of a 16-bit sample
_HEADER = 44  # bytes before the samples of what tf.audio.encode_wav writes
_CONVERT = "convert it first, as t2t-query-server and its Python client do."


def stored_sounds(contents: tf.Tensor, sample_rate: int) -> tf.Tensor:
    """WAV files, string [B] -> little-endian 16-bit mono PCM at `sample_rate` (Hz), string [B].

    16-bit samples stay as they are. Fails with InvalidArgument for all that is not a whole mono WAV
    file at that rate with sound in it.
    """
    rows = tf.range(tf.size(contents))
    return tf.map_fn(
        lambda one: _stored(*one, sample_rate),
        (contents, rows),
        fn_output_signature=tf.TensorSpec((), tf.string),
    )


def _stored(content: tf.Tensor, row: tf.Tensor, sample_rate: int) -> tf.Tensor:
    wav = graph_wav.read(content, row)
    checks = [
        require(tf.equal(wav.channels, 1), row, "is a WAV file of ", wav.channels,
                f" channels, and this problem reads one; {_CONVERT}"),
        require(tf.equal(wav.rate, sample_rate), row, "is a WAV file at ", wav.rate,
                f" Hz, and this problem reads {sample_rate} Hz; {_CONVERT}"),
    ]  # fmt: skip
    exact = tf.equal(wav.encoding, graph_wav.PCM) & tf.equal(wav.bits, 16)
    with tf.control_dependencies(checks):
        return tf.cond(exact, lambda: wav.samples, lambda: _converted(wav, row, sample_rate))


def _converted(wav: graph_wav.Wav, row: tf.Tensor, sample_rate: int) -> tf.Tensor:
    wave = graph_wav.waveform(wav)
    finite = require(
        tf.reduce_all(tf.math.is_finite(wave)), row, "holds samples that are not finite numbers."
    )
    with tf.control_dependencies([finite]):
        scaled = tf.clip_by_value(tf.round(wave * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
    encoded = tf.audio.encode_wav(scaled[:, None] / _FULL_SCALE, sample_rate)
    return tf.strings.substr(encoded, _HEADER, tf.strings.length(encoded) - _HEADER)
