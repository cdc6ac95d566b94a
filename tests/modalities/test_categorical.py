"""The class label: the exit flow's chain, masks over sequences and grids, losses and metrics."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import DataError, HParamError
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Label
from t2t_mm.layers.conv2d import max_pool
from t2t_mm.modalities.categorical import ClassLabel


def make(**changes) -> ClassLabel:
    arguments = {"num_outputs": 6, "exit_filters": (10, 12), "hidden_size": 8, "seed": 1}
    label = ClassLabel(**{"roles": ("target",), **arguments, **changes})
    label.build()
    return label


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("grid", [(4, 6), (3, 3), None])
def test_top_is_the_chain_of_its_layers(grid):
    label = make()
    height, width = grid or (5, 1)
    x = random(2, height * width, 8)
    h = x.reshape(2, height, width, 8)
    h = max_pool(label.second(label.first(h)), (3, 3), (2, 2)) + label.skip(h)
    h = np.maximum(label.fifth(label.fourth(h)), 0).mean((1, 2))
    want = h @ np.array(label.kernel) + np.array(label.bias)
    got = label.top(x, np.ones((2, height * width), "float32"), grid)
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("length", [1, 4, 7, 8])
def test_padding_of_a_sequence_changes_nothing(length):
    label, x = make(), random(2, length, 8)
    want = label.top(x, np.ones((2, length), "float32"))
    for more in (1, 2, 5):
        longer = np.pad(x, [(0, 0), (0, more), (0, 0)], constant_values=3)
        mask = np.pad(np.ones((2, length), "float32"), [(0, 0), (0, more)])
        np.testing.assert_allclose(label.top(longer, mask), want, atol=1e-5)


@pytest.mark.parametrize("length", [3, 4])
def test_padding_of_a_spectrogram_changes_nothing(length):
    label, x = make(), random(1, length, 5, 8)
    flat = lambda a: a.reshape(1, -1, *a.shape[3:])  # noqa: E731
    want = label.top(flat(x), np.ones((1, length * 5), "float32"), (length, 5))
    for more in (1, 2):
        longer = np.pad(x, [(0, 0), (0, more), (0, 0), (0, 0)], constant_values=3)
        mask = np.pad(np.ones((1, length, 5), "float32"), [(0, 0), (0, more), (0, 0)])
        got = label.top(flat(longer), flat(mask), (length + more, 5))
        np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_loss_and_metrics_by_hand(shape):
    label, logits = make(), random(3, 6)
    targets = np.argmax(logits, -1)
    targets[1] = np.argmin(logits[1])  # the sixth of six
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    labels = np.full((3, 6), 0.1 / 5)
    labels[np.arange(3), targets] = 0.9
    targets = targets.reshape(shape)
    np.testing.assert_allclose(
        label.loss(logits, targets, 0.1), [-(labels * log_p).sum(), 3], rtol=1e-5
    )
    found = {k: [float(v) for v in pair] for k, pair in label.step_metrics(logits, targets).items()}
    assert found["accuracy"] == found["accuracy_top5"] == [2, 3]
    picked = log_p[np.arange(3), targets.reshape(-1)].sum()
    np.testing.assert_allclose(found["neg_log_perplexity"], [picked, 3], rtol=1e-5)


def test_class_zero_is_a_class():
    total, weight = make().loss(np.zeros((2, 6), "float32"), np.array([0, 0]))
    np.testing.assert_allclose([total, weight], [2 * np.log(6), 2], rtol=1e-6)


def test_as_an_input_it_is_an_embedding():
    label = make(roles=("input",))
    assert [v.name for v in label.trainable_variables] == ["embedding"]
    rep = label.bottom(np.array([2, 0]))
    np.testing.assert_array_equal(rep.x, np.array(label.embedding)[[[2], [0]]])
    np.testing.assert_array_equal(rep.mask, [[1], [1]])
    both = make(roles=("input", "target"))
    parts = both.role_variables("input") + both.role_variables("target")
    assert sorted(map(id, parts)) == sorted(map(id, both.trainable_variables))


def test_unknown_grid():
    label = make()
    traced = tf.function(
        lambda x, h, w: label.top(x, tf.ones(tf.shape(x)[:2]), (h, w)),
        input_signature=[tf.TensorSpec([None, None, 8])] + 2 * [tf.TensorSpec([], tf.int32)],
    )
    x = random(2, 12, 8)
    np.testing.assert_allclose(traced(x, 3, 4), label.top(x, np.ones((2, 12)), (3, 4)), atol=1e-5)


def test_create_reads_hparams():
    hparams = HParams().replace(hidden_size=8)
    spec = Label(tuple(map(str, range(12))), "shapes")
    label = ClassLabel.create("class_label", spec, hparams, None, ["target"])
    assert (label.name, label.exit_filters) == ("class_label.shapes.12.8", (1536, 2048))
    with pytest.raises(DataError, match="number of classes of label set 'shapes' is unknown"):
        ClassLabel.create("class_label", Label((), "shapes"), hparams)
    with pytest.raises(HParamError, match=r"must be two widths such as \[1536,2048\], got '\[7\]'"):
        ClassLabel.create("class_label", spec, hparams.replace(class_exit_filters=(7,)))


def test_config_round_trip():
    label = make()
    other = ClassLabel.from_config(label.get_config())
    other.build()
    x, mask = random(2, 9, 8), np.ones((2, 9), "float32")
    np.testing.assert_array_equal(label.top(x, mask, (3, 3)), other.top(x, mask, (3, 3)))
