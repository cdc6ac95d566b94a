from __future__ import annotations

import numpy as np

from t2t_mm.layers.timing import add_timing, timing_signal


def expected(length: int, depth: int) -> np.ndarray:
    signal = np.zeros((length, depth))
    for t in range(length):
        for channel in range(depth):
            angle = t / 10000 ** (2 * (channel // 2) / depth)
            signal[t, channel] = np.cos(angle) if channel % 2 else np.sin(angle)
    return signal


def test_even_channels_are_sines_and_odd_ones_cosines():
    np.testing.assert_allclose(timing_signal(50, 8), expected(50, 8), atol=1e-5)


def test_an_odd_depth_ends_with_a_sine():
    np.testing.assert_allclose(timing_signal(9, 5), expected(9, 5), atol=1e-5)


def test_a_start_shifts_the_positions():
    np.testing.assert_allclose(timing_signal(3, 6, start=7), expected(10, 6)[7:], atol=1e-5)


def test_it_is_added_to_every_row_of_a_batch():
    x = np.random.default_rng(0).normal(size=(2, 4, 6)).astype("float32")
    np.testing.assert_allclose(add_timing(x), x + expected(4, 6), atol=1e-5)
