"""Sets of classes: a sigmoid each, and what is right only as a whole."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from t2t_mm.errors import DataError, UserError
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Label
from t2t_mm.modalities.categorical import ClassLabel, MultiLabel

LOGITS = np.array([[2.0, -1.0, 0.5], [-3.0, 4.0, 1.0], [0.1, -0.1, -2.0]], "float32")
TARGETS = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 0]], "float32")  # one class of the second is off


def make(**changes) -> MultiLabel:
    arguments = {"num_outputs": 3, "exit_filters": (10, 12), "hidden_size": 8, "seed": 1}
    label = MultiLabel(**{"roles": ("target",), **arguments, **changes})
    label.build()
    return label


def log_probabilities(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Of each class being as the target says."""
    p = 1 / (1 + np.exp(-logits.astype("float64")))
    return targets * np.log(p) + (1 - targets) * np.log(1 - p)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_is_the_mean_of_the_classes(smoothing):
    wanted = TARGETS * (1 - smoothing) + smoothing / 2
    losses = -log_probabilities(LOGITS, wanted).mean(-1)
    total, weight = make().loss(LOGITS, TARGETS, smoothing)
    np.testing.assert_allclose([total, weight], [losses.sum(), 3], rtol=1e-5)


def test_large_logits_stay_finite():
    logits = np.array([[1e4, -1e4, 1e4]], "float32")
    targets = np.array([[1, 0, 0]], "float32")
    np.testing.assert_allclose(make().loss(logits, targets)[0], 1e4 / 3, rtol=1e-6)


def test_hits_and_metrics_by_hand():
    label = make()
    assert float(label.hits(LOGITS, TARGETS)) == 2
    metrics = label.step_metrics(LOGITS, TARGETS)
    found = {k: [float(v) for v in pair] for k, pair in metrics.items()}
    assert found["accuracy"] == [2, 3]
    assert found["accuracy_per_class"] == [8, 9]
    logs = log_probabilities(LOGITS, TARGETS).sum()
    np.testing.assert_allclose(found["neg_log_perplexity"], [logs, 3], rtol=1e-5)


def test_what_is_found_is_the_likeliest_of_all_sets():
    found = make().found(LOGITS, 5)
    np.testing.assert_array_equal(found.values, [[[1, 0, 1]], [[0, 1, 1]], [[1, 0, 0]]])
    sets = np.array(list(itertools.product((0, 1), repeat=3)))
    for row, logits in enumerate(LOGITS):
        logs = log_probabilities(logits[None], sets).sum(-1)
        assert sets[logs.argmax()].tolist() == np.array(found.values)[row, 0].tolist()
        np.testing.assert_allclose(found.scores[row], [logs.max()], rtol=1e-5)


def test_scores_of_all_sets_are_a_distribution():
    label = make()
    sets = np.array(list(itertools.product((0, 1), repeat=3)), "float32")
    for logits in LOGITS:
        scores = np.array(label.scores(np.tile(logits, (8, 1)), sets))
        want = log_probabilities(logits[None], sets).sum(-1)
        np.testing.assert_allclose(scores, want[:, None], atol=1e-5)
        assert np.exp(scores).sum() == pytest.approx(1, abs=1e-5)


def test_an_example_counts_once():
    np.testing.assert_array_equal(make().target_mask(TARGETS), np.ones(3))


def test_the_network_is_the_class_labels():
    one = ClassLabel(num_outputs=3, exit_filters=(10, 12), hidden_size=8, roles=("target",), seed=1)
    one.build()
    x = np.random.default_rng(0).normal(size=(2, 6, 8)).astype("float32")
    mask = np.ones((2, 6), "float32")
    np.testing.assert_array_equal(make().top(x, mask, (2, 3)), one.top(x, mask, (2, 3)))


def test_create_reads_the_kind():
    hparams = HParams(hidden_size=8, class_exit_filters=(10, 12))
    kind = Label(("a", "b", "c"), "set", multiple=True)
    made = MultiLabel.create(kind.modality, kind, hparams)
    assert (made.name, made.num_outputs) == ("multi_label.set.3.8", 3)
    with pytest.raises(DataError, match="number of classes of label set 'set' is unknown"):
        MultiLabel.create("multi_label", Label((), "set", multiple=True), hparams)
    with pytest.raises(UserError, match="cannot be an input; choose another network"):
        made.bottom(TARGETS)
