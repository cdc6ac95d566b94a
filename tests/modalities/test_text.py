"""The text modality: values, padding, and its losses and metrics by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm import kinds
from t2t_mm.errors import DataError
from t2t_mm.hparam import HParams
from t2t_mm.modalities.text import Text

IDS = np.array([[3, 5, 1, 0], [2, 1, 0, 0]])


def make(**changes) -> Text:
    arguments = {"vocab_size": 7, "hidden_size": 4, "roles": ("input", "target"), "seed": 1}
    text = Text(**{**arguments, **changes})
    text.build()
    return text


def test_embedding_values():
    text = make()
    rep = text.bottom(IDS)
    table = np.array(text.embedding) * 2  # sqrt(4)
    np.testing.assert_allclose(rep.x, table[IDS] * (IDS != 0)[..., None], rtol=1e-6)
    np.testing.assert_array_equal(rep.mask, IDS != 0)
    assert rep.grid is None
    np.testing.assert_array_equal(text.target_bottom(IDS), rep.x)
    big = make(vocab_size=2000, hidden_size=64)
    np.testing.assert_allclose(np.std(big.embedding), 64**-0.5, rtol=0.02)


def test_logits_are_a_linear_map():
    text = make()
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    np.testing.assert_allclose(text.top(x, None), x @ np.array(text.softmax), rtol=1e-5)
    tied = make(tied=True)
    np.testing.assert_allclose(tied.top(x, None), x @ np.array(tied.embedding).T, rtol=1e-5)
    assert len(tied.trainable_variables) == 1 and len(text.trainable_variables) == 2


def test_loss_leaves_out_padding():
    logits = np.random.default_rng(0).normal(size=(2, 4, 7)).astype("float32")
    shifted = logits - logits.max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    labels = np.full((2, 4, 7), 0.1 / 6)
    np.put_along_axis(labels, IDS[..., None], 0.9, -1)
    want = -((labels * log_p).sum(-1) * (IDS != 0)).sum()
    np.testing.assert_allclose(make().loss(logits, IDS, 0.1), [want, 5], rtol=1e-5)


def test_no_tokens_no_loss():
    total, weight = make().loss(np.zeros((1, 2, 7), "float32"), np.zeros((1, 2), int))
    assert float(total) == float(weight) == 0


def test_metrics_by_hand():
    logits = 5 * tf.one_hot([[3, 5, 1, 6], [2, 2, 6, 6]], 7)  # wrong: the second row's end
    found = {k: [float(v) for v in pair] for k, pair in make().step_metrics(logits, IDS).items()}
    assert found["accuracy"] == [4, 5]
    assert found["accuracy_per_sequence"] == [1, 2]
    assert found["accuracy_top5"] == [5, 5]
    assert found["neg_log_perplexity"][1] == 5


def test_roles_make_no_idle_variables():
    assert [v.name for v in make(roles=["input"]).trainable_variables] == ["embedding"]
    text = make()
    assert text.role_variables("input") == [text.embedding]
    assert text.role_variables("target") == [text.embedding, text.softmax]


def test_sharing_key_is_the_vocabulary_and_the_width():
    hparams = HParams().replace(hidden_size=8)
    key = Text.sharing_key("text", kinds.Text("vocab.a", 50), hparams)
    assert key == "text.vocab.a.8"
    made = Text.create("text", kinds.Tree("vocab.a", 50), hparams)
    assert (made.name, made.vocab_size, made.hidden_size) == (key, 50, 8)


def test_unknown_vocabulary_size_is_a_sentence():
    with pytest.raises(DataError, match=r"size of vocabulary 'vocab.a' is unknown; generate the"):
        Text.create("text", kinds.Text("vocab.a"), HParams())


def test_config_round_trip():
    text = make(tied=True)
    other = Text.from_config(text.get_config())
    other.build()
    np.testing.assert_array_equal(text.embedding, other.embedding)
    assert other.tied and other.roles == text.roles
