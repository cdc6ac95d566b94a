"""Sound: 16-bit PCM to normalised waveforms or log-mel spectrograms. Graph functions.

The front end of Tensor2Tensor: pre-emphasis, 25 ms Hann windows every 10 ms, mel filters from
20 Hz up, logarithm, mean and variance of each recording. It differs in one thing: mean and
variance are one number each over all frames and frequencies, not one per frequency. A recording
of one word has too few frames to tell its own spectrum from that of the microphone, and per
frequency the average spectrum, often the answer itself, would be taken away.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import numpy as np
import tensorflow as tf

from t2t_mm.errors import DataError
from t2t_mm.hparam import HParams

PRE_EMPHASIS = 0.97
LOWEST_HZ, HIGHEST_HZ = 20.0, 8000.0
LOG_FLOOR = 1e-6  # of the power; just above what rounding to 16 bits leaves in a silent frame


class Sampled(Protocol):
    """A kind of data that is stored as samples, as `kinds.audio.Audio`."""

    @property
    def sample_rate(self) -> int | None: ...


def decode_pcm(pcm: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Little-endian 16-bit samples to numbers.

    Args:
      pcm: string [B].

    Returns:
      float32 [B, N] in [-1, 1), padded with zeros, and int32 [B], samples before padding.
    """
    sizes = tf.strings.length(pcm) // 2
    longest = tf.maximum(1, tf.reduce_max(sizes))
    samples = tf.io.decode_raw(pcm, tf.int16, little_endian=True, fixed_length=2 * longest)
    return tf.cast(samples, tf.float32) / 32768.0, sizes


def waveform(pcm: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Recordings as waveforms of mean 0 and variance 1 each.

    Args:
      pcm: string [B].

    Returns:
      float32 [B, N] and the samples before padding, int32 [B].
    """
    samples, sizes = decode_pcm(pcm)
    return normalize(samples[..., None], sizes)[..., 0], sizes


def log_mel(pcm: tf.Tensor, kind: Sampled, hparams: HParams) -> tuple[tf.Tensor, tf.Tensor]:
    """Recordings as log-mel spectrograms.

    Args:
      pcm: string [B].
      kind: gives the sample rate.
      hparams: audio_frame_ms, audio_step_ms and audio_mel_bins (F) are read.

    Returns:
      float32 [B, T, F] of mean 0 and variance 1 each, and the frames before padding, int32 [B].
      A recording shorter than one frame is one frame. A frame never reaches into the padding,
      so that a recording's frames do not depend on the batch that it is in.
    """
    rate = sample_rate(kind)
    frame, step = _frame_and_step(rate, hparams)
    samples, sizes = decode_pcm(pcm)
    frames = 1 + tf.maximum(sizes - frame, 0) // step
    samples = tf.pad(samples, [[0, 0], [0, tf.maximum(0, frame - tf.shape(samples)[1])]])
    emphasised = samples - PRE_EMPHASIS * tf.pad(samples, [[0, 0], [1, 0]])[:, :-1]
    fft, filters = mel_filters(rate, frame, hparams.audio_mel_bins)
    spectrum = tf.signal.stft(emphasised, frame, step, fft)  # [B, T, fft / 2 + 1]
    power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
    mel = tf.math.log(tf.maximum(tf.tensordot(power, filters, 1), LOG_FLOOR))
    return normalize(mel, frames), frames


def frame_count(samples: int, kind: Sampled, hparams: HParams) -> int:
    """The number of frames of the spectrogram of a number of samples."""
    frame, step = _frame_and_step(sample_rate(kind), hparams)
    return 1 + max(0, samples - frame) // step


def _frame_and_step(rate: int, hparams: HParams) -> tuple[int, int]:
    """Samples of a frame and between the starts of two."""
    frame, step = hparams.audio_frame_ms, hparams.audio_step_ms
    return round(rate * frame / 1000), round(rate * step / 1000)


def normalize(values: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Mean 0 and variance 1 over the positions and channels of each recording.

    Args:
      values: float32 [B, T, F].
      lengths: int32 [B], positions before padding; the padding takes no part, and becomes 0.
    """
    mask = tf.sequence_mask(lengths, tf.shape(values)[1], values.dtype)[..., None]
    count = tf.maximum(
        1.0, tf.cast(lengths, values.dtype) * tf.cast(tf.shape(values)[2], values.dtype)
    )
    count = count[:, None, None]
    mean = tf.reduce_sum(values * mask, [1, 2], keepdims=True) / count
    centered = (values - mean) * mask
    variance = tf.reduce_sum(tf.square(centered), [1, 2], keepdims=True) / count
    return centered * tf.math.rsqrt(variance + 1e-8)


def sample_rate(kind: Sampled) -> int:
    """The stored sound's rate in Hz.

    Raises:
      DataError: if the problem does not declare it.
    """
    if not kind.sample_rate:
        raise DataError("a sound declares no sample_rate; write Audio(sample_rate=...), in Hz.")
    return kind.sample_rate


@lru_cache(maxsize=16)
def mel_filters(rate: int, frame: int, bins: int) -> tuple[int, np.ndarray]:
    """The transform's length and the mel filters.

    Args:
      rate: Hz.
      frame: samples of a frame.
      bins: F.

    Returns:
      The length of the Fourier transform, a power of two, long enough that no filter falls
      between two of its frequencies (it would be constant); and float32 [length / 2 + 1, F].
    """
    fft = 1 << (frame - 1).bit_length()
    for _ in range(4):
        with tf.init_scope():
            filters = tf.signal.linear_to_mel_weight_matrix(
                bins, fft // 2 + 1, rate, LOWEST_HZ, min(HIGHEST_HZ, rate / 2)
            ).numpy()
        if filters.sum(0).min() > 0:
            break
        fft *= 2
    return fft, filters
