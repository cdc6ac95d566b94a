"""The image modalities: sizes, the chain of layers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm import kinds
from t2t_mm.errors import UserError
from t2t_mm.hparam import HParams
from t2t_mm.layers.conv2d import grid_timing
from t2t_mm.modalities.image import Image, ImageSmall


def make(kind=ImageSmall, **changes):
    image = kind(**{"hidden_size": 16, "roles": ("input",), "seed": 1, **changes})
    image.build()
    return image


def pictures(count: int, side: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, side, side, channels)).astype("float32")


@pytest.mark.parametrize(
    "kind,side,options,want",
    [
        (Image, 64, {}, 4),
        (Image, 75, {}, 5),  # 38, 19, 10, 5: each half rounded up, as 299 -> 150, 75, 38, 19
        (ImageSmall, 32, {}, 8),
        (ImageSmall, 32, {"stride": 1, "num_blocks": 2}, 8),
        (ImageSmall, 28, {"num_blocks": 0}, 14),
        (ImageSmall, 16, {"channels": 1}, 4),
    ],
)
def test_grid(kind, side, options, want):
    image = make(kind, **options)
    rep = image.bottom(pictures(2, side, image.channels))
    assert rep.grid == (want, want)
    assert rep.x.shape == (2, want * want, 16)
    np.testing.assert_array_equal(rep.mask, np.ones((2, want * want)))


def test_bottom_is_the_chain_of_its_layers_plus_timing():
    image, x = make(), pictures(2, 8)
    h = image.blocks[0](image.steps[1](image.steps[0](x)))
    want = np.array(h + grid_timing(2, 2, 16)).reshape(2, 4, 16)
    np.testing.assert_allclose(image.bottom(x).x, want, atol=1e-6)
    assert image.steps[0].raw and not image.steps[1].raw


def test_widths_are_the_papers():
    image = make(Image, hidden_size=1024)
    assert [s.filters for s in image.steps] == [32, 64]
    assert [b.filters for b in image.blocks] == [128, 256, 1024]
    assert [b.filters for b in make(num_blocks=3, hidden_size=128).blocks] == [64, 64, 128]


def test_unknown_sides():
    image = make()
    traced = tf.function(
        lambda x: image.bottom(x).x, input_signature=[tf.TensorSpec([None, None, None, 3])]
    )
    for side in (8, 13):
        np.testing.assert_allclose(
            traced(pictures(2, side)), image.bottom(pictures(2, side)).x, atol=1e-5
        )


def test_create_reads_hparams():
    hparams = HParams().replace(hidden_size=12, image_small_stride=1, image_small_blocks=2)
    image = ImageSmall.create("image_small", kinds.Image(32), hparams)
    assert (image.name, image.stride, image.num_blocks) == ("image_small.12", 1, 2)
    gray = kinds.Image(32, channels=1)
    assert ImageSmall.sharing_key("image_small", gray, hparams) == "image_small.1ch.12"


def test_a_picture_is_no_target():
    with pytest.raises(UserError, match="got the role target; it can only be input: choose"):
        make(roles=("input", "target"))
    with pytest.raises(UserError, match="cannot be a target; choose another network"):
        make().top(None, None)


@pytest.mark.parametrize("kind", [Image, ImageSmall])
def test_config_round_trip(kind):
    image = make(kind, channels=1)
    other = kind.from_config(image.get_config())
    other.build()
    x = pictures(1, 32, 1)
    np.testing.assert_array_equal(image.bottom(x).x, other.bottom(x).x)
