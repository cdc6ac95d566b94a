from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import HParamError, UserError
from t2t_mm.kinds import Image, Label, Text
from t2t_mm.layers.batch_normalization import BatchNorm, batch_norm
from t2t_mm.layers.rep import Rep
from t2t_mm.layers.residual import ConvNorm, ResidualBlock
from t2t_mm.modalities.linear_label import LinearLabel
from t2t_mm.modalities.pixels import Pixels
from t2t_mm.models.resnet import ResNet
from t2t_mm.problem import Task
from t2t_mm.registry import HPARAMS, MODALITIES, MODELS

LABELS = Label(tuple("abcdefghij"), "colors")
IMAGE = Image(32)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def model(name: str = "resnet_tiny", classes: int = 10) -> tuple[Pixels, ResNet, LinearLabel]:
    """Way in, body and way out of a set, built."""
    hparams = HPARAMS.get(name)()
    generator = keras.random.SeedGenerator(1)
    labels = Label(tuple(map(str, range(classes))), "things")
    layers = (
        MODALITIES.get("pixels").create("pixels", IMAGE, hparams, generator, ("input",)),
        MODELS.get("resnet").from_hparams(hparams, generator),
        MODALITIES.get("linear_label").create(
            "linear_label", labels, hparams, generator, ("target",)
        ),
    )
    for layer in layers:
        layer.build()
    return layers


def logits(layers, pictures, training=False):
    pixels, body, head = layers
    rep = body.encode(pixels.bottom(pictures, None, training), training).rep
    return head.top(rep.x, rep.mask, rep.grid)


@pytest.mark.parametrize(
    "name,classes,parameters",
    [
        ("resnet_20", 10, 269_722),
        ("resnet_32", 10, 464_154),
        ("resnet_44", 10, 658_586),
        ("resnet_56", 10, 853_018),
        ("resnet_110", 10, 1_727_962),
        ("resnet_18", 1000, 11_689_512),
        ("resnet_34", 1000, 21_797_672),
        ("resnet_50", 1000, 25_557_032),
        ("resnet_101", 1000, 44_549_160),
        ("resnet_152", 1000, 60_192_808),
        ("resnet_tiny", 10, 19_218),
    ],
)
def test_the_published_number_of_parameters(name, classes, parameters):
    with keras.StatelessScope(initialize_variables=False):  # shapes alone
        layers = model(name, classes)
    variables = [variable for layer in layers for variable in layer.trainable_variables]
    assert sum(math.prod(variable.shape) for variable in variables) == parameters


def test_batch_norm_is_the_equations_and_its_averages_follow():
    layer = BatchNorm()
    layer.build((None, None, None, 3))
    layer.scale.assign([1.0, 2.0, 0.5])
    layer.bias.assign([0.0, 1.0, -1.0])
    x = 3 * random(4, 5, 6, 3) + 2
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    normal = (x - mean) / np.sqrt(variance + 1e-5)
    expected = normal * np.array(layer.scale) + np.array(layer.bias)
    np.testing.assert_allclose(layer(x, training=True), expected, atol=1e-4)
    unbiased = variance * 120 / 119
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * unbiased, rtol=1e-4)
    moved = np.array(layer.moving_mean), np.array(layer.moving_variance)
    normal = (x - moved[0]) / np.sqrt(moved[1] + 1e-5)
    expected = normal * np.array(layer.scale) + np.array(layer.bias)
    np.testing.assert_allclose(layer(x), expected, atol=1e-4)
    np.testing.assert_array_equal(layer.moving_mean, moved[0])
    np.testing.assert_array_equal(layer.moving_variance, moved[1])


def test_other_backends_formula_gives_the_same(monkeypatch):
    x, scale, bias = random(4, 5, 6, 3), random(3, seed=1), random(3, seed=2)
    expected = batch_norm(x, scale, bias, 1e-5)
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    for got, want in zip(batch_norm(x, scale, bias, 1e-5), expected, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_statistics_are_float32_in_half_precision(policy):
    block = ResidualBlock(8, 2, dtype=policy)
    block.build((None, None, None, 3))
    y = block(random(2, 6, 6, 3), training=True)
    assert y.dtype == policy.removeprefix("mixed_")
    moving = block.branch[0].norm.moving_variance
    assert moving.dtype == "float32" and not np.allclose(moving, 1)
    assert np.isfinite(tf.cast(block(random(2, 6, 6, 3)), "float32")).all()


def convolve(x, kernel, stride):
    """A loop over windows with a border of k // 2."""
    size = kernel.shape[0]
    x = np.pad(x, [[0, 0], [size // 2] * 2, [size // 2] * 2, [0, 0]])
    rows, columns = (range(0, side - size + 1, stride) for side in x.shape[1:3])
    return np.stack(
        [
            np.stack(
                [
                    np.einsum("bijc,ijcf->bf", x[:, r : r + size, c : c + size], kernel)
                    for c in columns
                ],
                1,
            )
            for r in rows
        ],
        1,
    )


@pytest.mark.parametrize("size,stride", [(3, 1), (3, 2), (1, 2), (7, 2)])
@pytest.mark.parametrize("side", [6, 7])
def test_a_strided_window_does_not_depend_on_the_side(size, stride, side):
    layer = ConvNorm(4, size, stride, activate=False)
    layer.build((None, None, None, 3))
    x = random(2, side, side, 3)
    expected = convolve(x, np.array(layer.kernel), stride) / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(layer(x), expected, atol=1e-4)


def by_hand(block, x):
    y = x
    for conv in block.branch:
        y = np.array(conv(y))
    if block.projection is not None:
        return np.maximum(y + np.array(block.projection(x)), 0)
    skip = np.zeros_like(y)
    skip[..., : x.shape[-1]] = x[:, :: block.stride, :: block.stride]
    return np.maximum(y + skip, 0)


@pytest.mark.parametrize("shortcut", ["projection", "zeros"])
@pytest.mark.parametrize("bottleneck,stride_first", [(False, False), (True, False), (True, True)])
def test_a_block_adds_its_branch_to_its_input(shortcut, bottleneck, stride_first):
    block = ResidualBlock(3, 2, bottleneck, shortcut, stride_first)
    block.build((None, None, None, 3))
    x = random(2, 7, 7, 3)
    y = block(x)
    np.testing.assert_allclose(y, by_hand(block, x), atol=1e-5)
    assert y.shape == (2, 4, 4, 12 if bottleneck else 3)
    assert [conv.stride for conv in block.branch].index(2) == int(bottleneck and not stride_first)
    assert (block.projection is None) == (shortcut == "zeros")


def test_the_head_is_a_mean_and_a_linear_map():
    head = LinearLabel(3, hidden_size=4, roles=("target",), seed=1)
    head.build()
    head.bias.assign([1.0, 2.0, 3.0])
    x, mask = random(2, 5, 4), np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], "float32")
    means = np.stack([x[0].mean(0), x[1, :2].mean(0)])
    expected = means @ np.array(head.kernel) + [1, 2, 3]
    np.testing.assert_allclose(head.top(x, mask), expected, atol=1e-5)
    total, weight = head.loss(expected, np.array([0, 2]))
    chances = np.exp(expected) / np.exp(expected).sum(-1, keepdims=True)
    assert float(total) == pytest.approx(-np.log(chances[0, 0]) - np.log(chances[1, 2]), rel=1e-4)
    assert float(weight) == 2
    assert LinearLabel.from_config(head.get_config()).get_config() == head.get_config()


def test_pixels_are_the_picture_itself():
    pixels, *_ = model()
    picture = random(2, 4, 6, 3)
    rep = pixels.bottom(picture)
    np.testing.assert_array_equal(rep.x, picture.reshape(2, 24, 3))
    assert tuple(rep.grid) == (4, 6) and np.all(np.array(rep.mask) == 1) and not pixels.variables


def test_the_grid_shrinks_stage_by_stage():
    pixels, body, _ = model()
    encoded = body.encode(pixels.bottom(random(2, 32, 32, 3)))
    assert tuple(map(int, encoded.rep.grid)) == (8, 8) and encoded.rep.x.shape == (2, 64, 32)
    large = ResNet(16, (1, 1), (4, 8, 16), block_fn="residual")
    large.build()
    rep = large.encode(Rep(random(1, 64 * 48, 3), np.ones((1, 64 * 48)), (64, 48))).rep
    assert tuple(map(int, rep.grid)) == (8, 6)


def test_it_learns_and_its_averages_serve_afterwards():
    """Four colours told apart, out of training too, in a graph with unknown sizes."""
    layers = model()
    variables = [v.value for layer in layers for v in layer.trainable_variables]

    @tf.function(
        input_signature=[tf.TensorSpec([None, 32, 32, 3]), tf.TensorSpec([None], tf.int32)]
    )
    def step(pictures, labels):
        with tf.GradientTape() as tape:
            total, weight = layers[-1].loss(logits(layers, pictures, True), labels)
            loss = total / weight
        gradients = tape.gradient(loss, variables)
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.assign_sub(0.05 * gradient)
        return loss, [tf.reduce_max(tf.abs(gradient)) for gradient in gradients]

    labels = np.arange(16, dtype="int32") % 4
    colours = random(4, 3, seed=3)
    pictures = random(16, 32, 32, 3, seed=4) + 2 * colours[labels][:, None, None]
    first, gradients = step(pictures, labels)
    assert all(gradient > 0 for gradient in gradients)
    for _ in range(30):
        last, _ = step(pictures, labels)
    assert float(last) < 0.3 * float(first)
    answers = np.argmax(logits(layers, pictures), -1)
    np.testing.assert_array_equal(answers, labels)


def test_only_images_with_labels():
    def task(inputs, targets):
        return Task("mine", "mine", inputs, targets, "to_label")

    text = Text("vocab")
    assert ResNet.refuses(task(IMAGE, LABELS)) is None
    assert ResNet.refuses(task(text, text)) == (
        "reads images and answers with labels; 'mine' is text to text"
    )
    assert ResNet.refuses(task(IMAGE, text)).endswith("'mine' is image to text")
    with pytest.raises(UserError, match="model 'resnet' answers with labels and has no decoder"):
        model()[1].decode(None, None, None)


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"stem": "5x5"}, "hparam 'stem' must be 7x7 or 3x3, got '5x5'"),
        ({"hidden_size": 128}, "hparam 'hidden_size' must be the width of the last stage, 32"),
        ({"layer_sizes": (1, 1)}, "'filter_sizes' must name the stem's width and one for each"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes, message):
    hparams = HPARAMS.get("resnet_tiny")().replace(**changes)
    with pytest.raises(HParamError, match=message):
        ResNet.from_hparams(hparams, keras.random.SeedGenerator(1))


def test_every_variable_is_in_a_stage_and_the_config_round_trips():
    _, body, _ = model()
    staged = [v for layers in body.stages().values() for layer in layers for v in layer.variables]
    assert {id(v) for v in body.trainable_variables} <= {id(v) for v in staged}
    assert ResNet.from_config(body.get_config()).get_config() == body.get_config()
    for layer in (BatchNorm(0.8, 1e-3), ConvNorm(3, 1, 2), ResidualBlock(3, 2, True)):
        assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
