"""Changes a recording's sample rate inside a graph, by a windowed sinc like soxr's.

t2t-decoder resamples with soxr's high quality. Its impulse response is a sinc of 0.95687 of the
lower rate's band under a Kaiser window of beta 13.04 over 97.25 samples of the lower rate either
way: fitted to it for 16 to 8, 8 to 16 and 48 to 16 kHz, the largest difference is 8e-8.
"""

from __future__ import annotations

import tensorflow as tf

_BAND, _BETA, _HALF = 0.9568718, 13.04, 97.25

# The ratio of the rates is taken as a fraction of limited size. All usual rates have one that is
# exact; a rate such as 44101 Hz is taken for one that differs by less than a millionth.
_LARGEST = 1024  # numerator
_MOST_PRODUCT = 2**20  # of numerator and denominator: the filter bank's memory

_BLOCK = 512  # samples computed by one product at least


def resample(wave: tf.Tensor, rate: tf.Tensor, target: int) -> tf.Tensor:
    """The same sound at another rate.

    Args:
      wave: float32 [N].
      rate: int64 [], Hz.
      target: Hz.

    Returns:
      float32 [M], M = N * target / rate rounded half up.
    """
    target_rate = tf.constant(target, tf.int64)
    samples = tf.size(wave, tf.int64)
    count = (2 * samples * target_rate + rate) // (2 * rate)
    out, step = _fraction(rate, target)
    reach = tf.cast(tf.math.ceil(_HALF * _at_least_1(step / out)), tf.int64)
    width = step + 2 * reach + 1
    bank = _filters(out, step, reach, width)
    blocks = (count + out - 1) // out
    padding = tf.stack([reach, tf.maximum(blocks * step + width - samples, 0)])
    padded = tf.pad(wave, padding[None])
    windows = tf.gather(padded, tf.range(blocks)[:, None] * step + tf.range(width)[None])
    return tf.reshape(tf.matmul(windows, bank), [-1])[:count]


def _fraction(rate: tf.Tensor, target: int) -> tuple[tf.Tensor, tf.Tensor]:
    """(samples out, samples in) of a block, in the ratio of the rates."""
    ratio = tf.cast(rate, tf.float64) / target
    outs = tf.range(1, _LARGEST + 1, dtype=tf.float64)
    ins = tf.maximum(tf.round(outs * ratio), 1)
    errors = tf.abs(ins / outs - ratio)
    allowed = (outs * ins <= _MOST_PRODUCT) | tf.equal(outs, 1)
    best = tf.argmin(tf.where(allowed, errors, float("inf")))
    out, step = (tf.cast(tf.gather(sizes, best), tf.int64) for sizes in (outs, ins))
    times = tf.maximum(_BLOCK // tf.maximum(out, step), 1)
    return out * times, step * times


def _filters(out: tf.Tensor, step: tf.Tensor, reach: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """float32 [width, out]: column p makes output p from a window `reach` before its block."""
    ratio = step / out  # float64
    at = tf.cast(tf.range(width) - reach, tf.float64)[:, None]
    times = at - tf.cast(tf.range(out), tf.float64)[None] * ratio
    low = 1.0 / _at_least_1(ratio)  # samples of the lower rate in one of the input's
    times = times * low
    inside = tf.maximum(1 - tf.square(times / _HALF), 0)
    window = tf.math.bessel_i0(_BETA * tf.sqrt(inside))
    window /= tf.math.bessel_i0(tf.constant(_BETA, tf.float64))
    window = tf.where(tf.abs(times) < _HALF, window, 0)
    return tf.cast(low * _BAND * _sinc(_BAND * times) * window, tf.float32)


def _sinc(x: tf.Tensor) -> tf.Tensor:
    angle = 3.141592653589793 * x
    one, zero = tf.ones_like(x), tf.equal(x, 0)
    return tf.where(zero, one, tf.sin(angle) / tf.where(zero, one, angle))


def _at_least_1(x: tf.Tensor) -> tf.Tensor:
    return tf.maximum(x, 1.0)
