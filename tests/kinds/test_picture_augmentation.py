"""T2T's augmentation of ImageNet pictures: its statistics, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from t2t_mm.hparam import HParams
from t2t_mm.kinds import Image
from t2t_mm.kinds import image_augmentation as picture_augmentation
from t2t_mm.kinds import image_graph as picture_features
from tests.problems.named import picture

COUNT = 400


@pytest.fixture(scope="module")
def tf():
    import tensorflow

    return tensorflow


def distorted(tf, encoded: bytes, size: int = 30, flip: bool = True, seed: int = 1) -> np.ndarray:
    many = tf.constant([encoded] * COUNT)
    function = tf.function(picture_augmentation.decode_distorted, reduce_retracing=True)
    return function(many, size, flip, tf.constant([seed, 2])).numpy()


def ramp(tf, side: int = 36) -> bytes:
    """A picture that grows brighter to the right and greener downwards."""
    across = np.broadcast_to(np.linspace(40, 200, side), (side, side))
    pixels = np.stack([across, across.T, across], -1).astype(np.uint8)
    return tf.io.encode_png(pixels).numpy()


def test_a_fifth_stays_as_in_evaluation_and_the_rest_varies(tf) -> None:
    encoded = ramp(tf)
    found = distorted(tf, encoded)
    plain = picture_features.decode(tf.constant([encoded]), 30).numpy()[0]
    same = np.isclose(found, plain, atol=1e-3).all((1, 2, 3))
    assert abs(same.mean() - 0.2) < 3 * np.sqrt(0.2 * 0.8 / COUNT)
    assert len(np.unique(found[~same].mean((1, 2, 3)))) == (~same).sum()
    assert found.shape == (COUNT, 30, 30, 3) and found.min() >= 0 and found.max() <= 255


def test_half_of_the_distorted_ones_are_mirrored(tf) -> None:
    def rises(found: np.ndarray) -> np.ndarray:
        grey = found.mean(-1)
        return grey[:, :, -5:].mean((1, 2)) > grey[:, :, :5].mean((1, 2))

    mirrored = 1 - rises(distorted(tf, ramp(tf))).mean()
    assert abs(mirrored - 0.4) < 3 * np.sqrt(0.4 * 0.6 / COUNT)
    assert rises(distorted(tf, ramp(tf), flip=False)).all()


def test_colours_of_a_plain_picture(tf) -> None:
    """Brightness shifts all evenly within 32; hue, saturation, contrast do nothing to grey."""
    found = distorted(tf, picture(120, 20), size=10)
    level = found.mean((1, 2, 3))
    assert np.abs(found - level[:, None, None, None]).max() < 1e-2  # still plain, still grey
    moved = level[np.abs(level - 120) > 1e-3]
    assert 24 < np.abs(moved - 120).max() <= 32.001
    assert abs(moved.mean() - 120) < 4 * 32 / np.sqrt(3 * len(moved))
    assert np.std(moved) == pytest.approx(32 / np.sqrt(3), rel=0.1)


def test_crops_are_the_share_of_299_in_360(tf) -> None:
    """A dot of one pixel is cut away as often as the crop's border is wide."""
    side = 36
    pixels = np.full((side, side, 3), 255, np.uint8)
    pixels[:, :1] = 0  # the first column, seen only where the crop begins at 0
    found = distorted(tf, tf.io.encode_png(pixels).numpy(), size=30, flip=False)
    shown = found.min((1, 2, 3)) < 100
    # The fifth that is not cropped shows it, and one crop in seven (36 - 30 + 1 places).
    assert abs(shown.mean() - (0.2 + 0.8 / 7)) < 0.075


def test_the_seed_decides_and_pictures_of_a_batch_differ(tf) -> None:
    encoded = ramp(tf)
    np.testing.assert_array_equal(distorted(tf, encoded), distorted(tf, encoded))
    assert (distorted(tf, encoded) != distorted(tf, encoded, seed=5)).any()


def test_feed_distorts_in_training_alone(tf) -> None:
    spec = Image(30, flip=True, augment="imagenet")
    stored, seed = tf.constant([ramp(tf)] * 20), tf.constant([3, 4])
    plain, lengths = spec.feed(stored, HParams())
    assert lengths.numpy().tolist() == [900] * 20
    still, _ = spec.feed(stored, HParams(image_augment=False), "", True, seed)
    np.testing.assert_array_equal(still, plain)
    varied, _ = spec.feed(stored, HParams(), "", True, seed)
    assert varied.shape == (20, 30, 30, 3) and (np.abs(varied - plain) > 0.01).any()
    assert np.abs(varied).max() <= 2.0
