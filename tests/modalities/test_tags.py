"""Tags: one class for each word; positions that begin no word count for nothing."""

from __future__ import annotations

import numpy as np
import pytest

from t2t_mm.errors import UserError
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Tags as Kind
from t2t_mm.modalities.tags import Tags

# 1 + the tag where a word begins; 0 in the midst of words, at EOS and at padding.
TARGETS = np.array([[1, 0, 3, 0, 0], [2, 3, 0, 2, 0]], "int32")
WORDS = TARGETS != 0


def make(**changes) -> Tags:
    arguments = {"num_tags": 3, "hidden_size": 8, "seed": 1, "roles": ("target",)}
    tags = Tags(**{**arguments, **changes})
    tags.build()
    return tags


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def at_targets(logits: np.ndarray) -> np.ndarray:
    """The log-probability of each word's tag; 0 elsewhere."""
    places = np.maximum(TARGETS - 1, 0)[..., None]
    return np.take_along_axis(log_softmax(logits), places, -1)[..., 0] * WORDS


def test_top_is_a_linear_map_of_each_position():
    tags, x = make(), random(2, 5, 8)
    want = x @ np.array(tags.kernel) + np.array(tags.bias)
    np.testing.assert_allclose(tags.top(x, np.ones((2, 5))), want, atol=1e-5)


def test_padding_of_a_batch_changes_no_score():
    tags, x = make(), random(2, 5, 8)
    alone = tags.found(tags.top(x, np.ones((2, 5))), 5)
    mask = np.pad(np.ones((2, 5)), [(0, 0), (0, 3)])
    padded = tags.found(tags.top(np.pad(x, [(0, 0), (0, 3), (0, 0)]), mask), 5)
    np.testing.assert_allclose(padded.scores, alone.scores, rtol=1e-6)
    np.testing.assert_array_equal(np.array(padded.values)[..., :5], alone.values)


def test_loss_by_hand():
    tags, logits = make(), random(2, 5, 3)
    total, weight = tags.loss(logits, TARGETS)
    np.testing.assert_allclose([total, weight], [-at_targets(logits).sum(), 5], rtol=1e-5)
    logs, labels = log_softmax(logits), np.full((2, 5, 3), 0.1 / 2)
    for row, place in zip(*np.nonzero(WORDS), strict=True):
        labels[row, place, TARGETS[row, place] - 1] = 0.9
    smoothed = -(labels * logs).sum(-1)[WORDS].sum()
    np.testing.assert_allclose(tags.loss(logits, TARGETS, 0.1)[0], smoothed, rtol=1e-5)


def test_what_begins_no_word_changes_nothing():
    tags, logits = make(), random(2, 5, 3)
    other = np.where(WORDS[..., None], logits, 7 * logits[::-1])
    np.testing.assert_array_equal(tags.loss(logits, TARGETS), tags.loss(other, TARGETS))
    np.testing.assert_array_equal(tags.scores(logits, TARGETS), tags.scores(other, TARGETS))
    assert float(tags.hits(logits, TARGETS)) == float(tags.hits(other, TARGETS))


def test_hits_and_metrics_by_hand():
    tags = make()
    chosen = np.array([[1, 1, 3, 1, 1], [2, 3, 3, 1, 1]])  # the last word is wrong
    logits = 4 * np.eye(3, dtype="float32")[chosen - 1]
    assert float(tags.hits(logits, TARGETS)) == 4
    found = {k: [float(v) for v in pair] for k, pair in tags.step_metrics(logits, TARGETS).items()}
    assert found["accuracy"] == [4, 5]
    assert found["accuracy_per_sequence"] == [1, 2]
    np.testing.assert_allclose(
        found["neg_log_perplexity"], [at_targets(logits).sum(), 5], rtol=1e-5
    )


def test_what_is_found_is_a_tag_for_every_position():
    logits = random(2, 5, 3)
    found = make().found(logits, 5)
    np.testing.assert_array_equal(found.values, logits.argmax(-1)[:, None] + 1)
    best = log_softmax(logits).max(-1).sum(-1)
    np.testing.assert_allclose(found.scores, best[:, None], rtol=1e-5)


def test_scores_are_log_probabilities_of_words():
    logits = random(2, 5, 3)
    np.testing.assert_allclose(make().scores(logits, TARGETS), at_targets(logits), atol=1e-5)
    np.testing.assert_array_equal(make().target_mask(TARGETS), WORDS)


def test_it_is_a_target_alone():
    with pytest.raises(UserError, match="got the role input; it can only be target"):
        make(roles=("input", "target"))
    with pytest.raises(UserError, match="cannot be an input; choose another network"):
        make().bottom(TARGETS)


def test_create_reads_the_kind():
    hparams = HParams(hidden_size=8)
    kind = Kind(("O", "A", "B"), "set", vocabulary="v")
    made = Tags.create("tags", kind, hparams)
    assert (made.name, made.num_tags, made.roles) == ("tags.set.3.8", 3, ("target",))


def test_config_round_trip():
    tags = make()
    other = Tags.from_config(tags.get_config())
    other.build()
    x, mask = random(2, 5, 8), np.ones((2, 5))
    np.testing.assert_array_equal(tags.top(x, mask), other.top(x, mask))
