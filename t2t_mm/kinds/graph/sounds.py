"""WAV files of a request, as kinds/sound_files.py stores them for a problem.

The graph reads mono at the problem's rate alone. Mixing down, resampling and other encodings are
for whoever sends a sound: t2t-query-server and its Python client convert it as t2t-decoder does.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from t2t_mm.kinds.graph.checks import require
from t2t_mm.kinds.sound_containers import OPEN_SIZES
from t2t_mm.kinds.sound_limits import ABSURD, LOUD, LOUD_SHARE

_FULL_SCALE = 32768.0  # of a 16-bit sample
_HEADER = 44  # bytes before the samples of what tf.audio.encode_wav writes
_CONVERT = "convert it first, as t2t-query-server and its Python client do."

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_MOST_CHUNKS = 1000
_PADDING = b"\0" * 64  # so that every field of a cut header can be read


def stored_sounds(contents: tf.Tensor, sample_rate: int) -> tf.Tensor:
    """WAV files, string [B] -> little-endian 16-bit mono PCM at `sample_rate` (Hz), string [B].

    16-bit samples stay as they are. Fails with InvalidArgument for all that is not a whole mono WAV
    file at that rate with sound in it.
    """
    rows = tf.range(tf.size(contents))
    return tf.map_fn(
        lambda one: _stored(one[0], one[1], sample_rate),
        (contents, rows),
        fn_output_signature=tf.TensorSpec((), tf.string),
    )


def _stored(content: tf.Tensor, row: tf.Tensor, sample_rate: int) -> tf.Tensor:
    wav = _read(content, row)
    checks = [
        require(tf.equal(wav.channels, 1), row, "is a WAV file of ", wav.channels,
                f" channels, and this problem reads one; {_CONVERT}"),
        require(tf.equal(wav.rate, sample_rate), row, "is a WAV file at ", wav.rate,
                f" Hz, and this problem reads {sample_rate} Hz; {_CONVERT}"),
    ]  # fmt: skip
    exact = tf.equal(wav.encoding, _PCM) & tf.equal(wav.bits, 16)
    with tf.control_dependencies(checks):
        return tf.cond(exact, lambda: wav.samples, lambda: _converted(wav, row, sample_rate))


def _converted(wav: _Wav, row: tf.Tensor, sample_rate: int) -> tf.Tensor:
    wave = _waveform(wav)
    finite = require(
        tf.reduce_all(tf.math.is_finite(wave)), row, "holds samples that are not finite numbers."
    )
    with tf.control_dependencies([finite, _require_full_scale(wave, row)]):
        scaled = tf.clip_by_value(tf.round(wave * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
    encoded = tf.audio.encode_wav(scaled[:, None] / _FULL_SCALE, sample_rate)
    return tf.strings.substr(encoded, _HEADER, tf.strings.length(encoded) - _HEADER)


def _require_full_scale(wave: tf.Tensor, row: tf.Tensor) -> tf.Operation:
    """Refuses floats of another scale than -1 to 1, as sound_decoding.py does."""
    loud = tf.abs(wave)
    beyond, peak = tf.reduce_sum(tf.cast(loud > 1.0, tf.int32)), tf.reduce_max(loud)
    many = tf.cast(beyond, tf.float64) > LOUD_SHARE * tf.cast(tf.size(wave), tf.float64)
    return require(
        ~((many & (peak > LOUD)) | (peak > ABSURD)), row, "has ", beyond, " of ", tf.size(wave),
        " samples beyond full scale, up to ", peak, " times; samples of a float file must lie "
        "between -1 and 1, so divide 16-bit ones by 32768."
    )  # fmt: skip


class _Wav(NamedTuple):
    """A WAV file's header and its samples' bytes.

    Attributes:
      encoding: int64 [], 1 (PCM) or 3 (float).
      channels: int64 [].
      rate: int64 [], Hz.
      bits: int64 [], of a sample.
      samples: string [], whole frames.
    """

    encoding: tf.Tensor
    channels: tf.Tensor
    rate: tf.Tensor
    bits: tf.Tensor
    samples: tf.Tensor


def _read(content: tf.Tensor, row: tf.Tensor) -> _Wav:
    """The header and samples of a file, string [].

    Fails with InvalidArgument for what is not a WAV file, breaks off, holds no sample, or holds
    samples of a kind that `_waveform` does not know.
    """
    padded = tf.strings.join([content, _PADDING])
    riff = tf.equal(tf.strings.substr(padded, 0, 4), b"RIFF")
    wave = tf.equal(tf.strings.substr(padded, 8, 4), b"WAVE")
    with tf.control_dependencies(
        [
            require(
                riff & wave, row, "is not a WAV file (RIFF, WAVE); give the bytes of a whole one."
            )
        ]
    ):
        format_at, data_at = _chunks(padded, tf.strings.length(content))
    with tf.control_dependencies(
        [
            require(data_at > 0, row, "is a WAV file without a data chunk; give a whole one."),
            require(format_at > 0, row, "is a WAV file without a format chunk before its data."),
        ]
    ):
        encoding = _integer(padded, format_at, 2)
    extended = tf.equal(encoding, _EXTENSIBLE)
    encoding = tf.where(extended, _integer(padded, format_at + 24, 2), encoding)
    channels, rate = _integer(padded, format_at + 2, 2), _integer(padded, format_at + 4, 4)
    bits = _integer(padded, format_at + 14, 2)
    checks = [
        _require_known(encoding, bits, row),
        require((channels > 0) & (rate > 0), row, "is a WAV file of ", channels, " channels at ",
                rate, " Hz; both must be positive."),
    ]  # fmt: skip
    with tf.control_dependencies(checks):
        samples = _samples(content, padded, data_at, channels * bits // 8, row)
    return _Wav(encoding, channels, rate, bits, samples)


def _require_known(encoding: tf.Tensor, bits: tf.Tensor, row: tf.Tensor) -> tf.Operation:
    known = tf.reduce_any(tf.equal(_kind(encoding, bits), [_kind(*kind) for kind in _DECODERS]))
    return require(
        known, row, "is a WAV file of encoding ", encoding, " with ", bits, " bits a sample; "
        "allowed are PCM (1) of 8, 16, 24 or 32 bits and float (3) of 32 or 64."
    )  # fmt: skip


def _kind(encoding: tf.Tensor | int, bits: tf.Tensor | int) -> tf.Tensor | int:
    return encoding * 1000 + bits


def _chunks(padded: tf.Tensor, length: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The starts of the contents of the chunks "fmt " and "data"; 0 for none."""

    def go_on(at: tf.Tensor, found: tf.Tensor, data: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        return tf.equal(data, 0) & (at + 8 <= length) & (count < _MOST_CHUNKS)

    def body(
        at: tf.Tensor, found: tf.Tensor, data: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        name = tf.strings.substr(padded, at, 4)
        found = tf.where(tf.equal(name, b"fmt "), at + 8, found)
        data = tf.where(tf.equal(name, b"data"), at + 8, data)
        size = _integer(padded, at + 4, 4)
        return at + 8 + size + size % 2, found, data, count + 1

    length = tf.cast(length, tf.int64)
    zero = tf.zeros((), tf.int64)
    _, found, data, _ = tf.while_loop(go_on, body, (zero + 12, zero, zero, zero))
    return found, data


def _samples(
    content: tf.Tensor, padded: tf.Tensor, start: tf.Tensor, frame: tf.Tensor, row: tf.Tensor
) -> tf.Tensor:
    promised = _integer(padded, start - 4, 4)
    there = tf.cast(tf.strings.length(content), tf.int64) - start
    open_size = tf.reduce_any(
        [(promised >= sizes.start) & (promised < sizes.stop) for sizes in OPEN_SIZES]
    )
    empty = tf.equal(promised, 0) & (there > 0) & ~_are_chunks(padded, start, start + there)
    size = tf.where(empty | (open_size & (promised > there)), there, promised)
    whole = require(
        size <= there, row, "is a WAV file that breaks off: its header promises ", promised,
        " bytes of samples, and ", there, " are there."
    )  # fmt: skip
    some = require(size >= frame, row, "is a WAV file that holds no samples.")
    end = start + size + size % 2
    joined = tf.equal(tf.strings.substr(padded, tf.minimum(end, start + there), 4), b"RIFF")
    single = require(~joined, row, "is a WAV file that another one was joined to.")
    with tf.control_dependencies([whole, some, single]):
        return tf.strings.substr(content, start, size // frame * frame)


def _are_chunks(padded: tf.Tensor, start: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
    """True if chunks fill the file from there on: samples do not look so."""

    def is_chunk(at: tf.Tensor) -> tf.Tensor:
        name = tf.strings.substr(padded, at, 4)
        return (at + 8 <= end) & tf.strings.regex_full_match(name, "[0-9A-Za-z]{4}")

    def body(at: tf.Tensor) -> tuple[tf.Tensor]:
        size = _integer(padded, at + 4, 4)
        return (at + 8 + size + size % 2,)

    (at,) = tf.while_loop(is_chunk, body, (start,), maximum_iterations=_MOST_CHUNKS)
    return (tf.equal(at, end) | tf.equal(at, end + 1)) & (end > start)


def _integer(content: tf.Tensor, start: tf.Tensor, count: int) -> tf.Tensor:
    """The little-endian integer of `count` bytes, int64 []."""
    values = tf.io.decode_raw(tf.strings.substr(content, start, count), tf.uint8)
    return tf.reduce_sum(tf.cast(values, tf.int64) * [256**i for i in range(count)])


def _waveform(wav: _Wav) -> tf.Tensor:
    """The samples of a mono file, float32 [N], in [-1, 1)."""
    kinds = tf.constant([_kind(*kind) for kind in _DECODERS], tf.int64)
    index = tf.argmax(tf.equal(_kind(wav.encoding, wav.bits), kinds), output_type=tf.int32)
    return tf.switch_case(index, [lambda d=decode: d(wav.samples) for decode in _DECODERS.values()])


def _raw(samples: tf.Tensor, kind: tf.DType) -> tf.Tensor:
    return tf.io.decode_raw(samples, kind, little_endian=True)


def _scaled(samples: tf.Tensor, kind: tf.DType, scale: float) -> tf.Tensor:
    return tf.cast(_raw(samples, kind), tf.float32) / scale


def _three_bytes(samples: tf.Tensor) -> tf.Tensor:
    parts = tf.cast(tf.reshape(_raw(samples, tf.uint8), [-1, 3]), tf.int32)
    upper = tf.bitwise.left_shift(parts, [[8, 16, 24]])  # the sign is that of 32 bits
    return tf.cast(tf.reduce_sum(upper, 1), tf.float32) / 2.0**31


_DECODERS = {
    (_PCM, 16): lambda samples: _scaled(samples, tf.int16, 2.0**15),
    (_PCM, 8): lambda samples: (tf.cast(_raw(samples, tf.uint8), tf.float32) - 128) / 128,
    (_PCM, 24): _three_bytes,
    (_PCM, 32): lambda samples: _scaled(samples, tf.int32, 2.0**31),
    (_FLOAT, 32): lambda samples: _raw(samples, tf.float32),
    (_FLOAT, 64): lambda samples: _scaled(samples, tf.float64, 1.0),
}
