"""WAV files of a request, as kinds/sound_files.py stores them for a problem."""

from __future__ import annotations

import tensorflow as tf

from t2t_mm.kinds.graph import wav as graph_wav
from t2t_mm.kinds.graph.checks import require
from t2t_mm.kinds.graph.resampling import resample

_FULL_SCALE = 32768.0  # of a 16-bit sample
_HEADER = 44  # bytes before the samples of what tf.audio.encode_wav writes


def stored_sounds(contents: tf.Tensor, sample_rate: int) -> tf.Tensor:
    """WAV files, string [B] -> little-endian 16-bit mono PCM at `sample_rate` (Hz), string [B].

    16-bit mono at that rate stays as it is. Fails with InvalidArgument for all that is no whole
    WAV file with sound in it.
    """
    rows = tf.range(tf.size(contents))
    return tf.map_fn(
        lambda one: _stored(*one, sample_rate),
        (contents, rows),
        fn_output_signature=tf.TensorSpec((), tf.string),
    )


def _stored(content: tf.Tensor, row: tf.Tensor, sample_rate: int) -> tf.Tensor:
    wav = graph_wav.read(content, row)
    exact = (
        tf.equal(wav.encoding, graph_wav.PCM)
        & tf.equal(wav.bits, 16)
        & tf.equal(wav.channels, 1)
        & tf.equal(wav.rate, sample_rate)
    )
    return tf.cond(exact, lambda: wav.samples, lambda: _converted(wav, row, sample_rate))


def _converted(wav: graph_wav.Wav, row: tf.Tensor, sample_rate: int) -> tf.Tensor:
    wave = graph_wav.mono(wav)
    finite = require(
        tf.reduce_all(tf.math.is_finite(wave)), row, "holds samples that are not finite numbers."
    )
    with tf.control_dependencies([finite]):
        wave = tf.cond(
            tf.equal(wav.rate, sample_rate),
            lambda: wave,
            lambda: resample(wave, wav.rate, sample_rate),
        )
    with tf.control_dependencies([require(tf.size(wave) > 0, row, "is too short to resample.")]):
        scaled = tf.clip_by_value(tf.round(wave * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
    encoded = tf.audio.encode_wav(scaled[:, None] / _FULL_SCALE, sample_rate)
    return tf.strings.substr(encoded, _HEADER, tf.strings.length(encoded) - _HEADER)
