"""Several inputs in MultiModel: how they are fused, and how their label is read."""

from __future__ import annotations

import numpy as np
import pytest

from t2t_mm.kinds import Image, Label, Text
from t2t_mm.layers.attention import padding_bias
from t2t_mm.layers.rep import Encoded, Rep
from t2t_mm.layers.timing import timing_signal
from t2t_mm.modalities.linear_label import DecodedLabel
from t2t_mm.models.multi_model import FUSION_LAYERS, MultiModel
from t2t_mm.problem import Task
from t2t_mm.registry import HPARAMS
from tests.models.test_multi_model import WIDTH, multi_model, random

ONE = Task("one", "one", Text("vocab.x", 30), Text("vocab.x", 30), "to_text")
TWO = Task("two", "two", {"inputs": Image(8), "question": Text("vocab.x", 30)},
           Label(("no", "yes"), "two").beside({"inputs": Image(8), "question": ONE.targets}),
           "to_label")  # fmt: skip


def rep(length: int, real: int, seed: int) -> Rep:
    """Two rows of `length` positions, of which the second one has `real`; padding is 0."""
    mask = np.ones((2, length), "float32")
    mask[1, real:] = 0
    return Rep(random(2, length, WIDTH, seed=seed) * mask[:, :, None], mask)


def test_inputs_are_fused_after_each_was_encoded_by_itself() -> None:
    body = multi_model(fusion_layers=2)
    reps = {"a": rep(5, 5, 0), "b": rep(4, 4, 1)}
    parts = []
    for one in reps.values():
        timing = np.array(timing_signal(one.x.shape[1], WIDTH))
        parts.append(one.x + timing + 0.5 * np.array(body.encode(one).rep.x))
    x, mask = np.concatenate(parts, 1), np.ones((2, 9), "float32")
    for layer in body.fusion:
        x = layer(x, padding_bias(mask))
    found = body.encode_inputs(reps)
    np.testing.assert_allclose(found.rep.x, body.fusion_norm(x), atol=1e-5)
    want = sum(float(body.encode(one).aux_loss) for one in reps.values())
    assert float(found.aux_loss) == pytest.approx(want)


def test_padding_of_one_input_changes_nothing_of_another() -> None:
    body = multi_model(fusion_layers=2)
    short = {"a": rep(5, 5, 0), "b": rep(4, 2, 1)}
    want = body.encode_inputs(short).rep
    a, b = short["a"], short["b"]
    longer = {
        "a": Rep(np.pad(a.x, [(0, 0), (0, 3), (0, 0)]), np.pad(a.mask, [(0, 0), (0, 3)])),
        "b": b,
    }
    got = body.encode_inputs(longer).rep
    np.testing.assert_allclose(got.x[:, :9], want.x, atol=1e-5)
    np.testing.assert_array_equal(np.array(got.mask).sum(1), [9, 7])
    assert not np.any(np.array(got.x)[1, 7:])


def test_each_input_is_seen_by_the_other() -> None:
    body = multi_model(fusion_layers=1)
    reps = {"a": rep(3, 3, 0), "b": rep(4, 4, 1)}
    first = np.array(body.encode_inputs(reps).rep.x)
    changed = np.array(body.encode_inputs({**reps, "b": rep(4, 4, 2)}).rep.x)
    assert np.abs(first[:, :3] - changed[:, :3]).max() > 1e-3


def test_one_input_passes_by_the_fusion() -> None:
    body, one = multi_model(fusion_layers=2), rep(5, 3, 0)
    np.testing.assert_array_equal(body.encode_inputs({"inputs": one}).rep.x, body.encode(one).rep.x)
    assert set(body.stages()) == {"encoder", "mixer", "decoder", "fusion"}


def test_fusion_is_made_where_there_is_something_to_fuse() -> None:
    hparams = HPARAMS.get("multimodel_tiny")()
    assert hparams.fusion_layers == -1

    def layers(*tasks: Task, **changes: object) -> int:
        return MultiModel.fitted(hparams.replace(**changes), tasks).fusion_layers

    assert layers(ONE) == 0
    assert layers(ONE, TWO) == FUSION_LAYERS
    assert layers(ONE, TWO, use_attention=False) == 0
    assert layers(ONE, fusion_layers=5) == 5


def test_a_label_of_several_inputs_is_read_from_the_decoder() -> None:
    assert TWO.targets.modality == "decoded_label"
    assert Label(("no", "yes"), "one").beside({"inputs": ONE.targets}).modality == "class_label"
    label = DecodedLabel(3, hidden_size=WIDTH, roles=("target",), seed=1)
    label.build()
    body, encoded = multi_model(), Encoded(rep(5, 3, 0), 0.0)
    first = random(2, WIDTH, seed=3)
    y, _ = body.decode(encoded, first[:, None], np.ones((2, 1), "float32"))
    want = np.array(y)[:, 0] @ np.array(label.kernel) + np.array(label.bias)
    outputs, _ = label.read_out(body, encoded, np.array([0, 1]), first)
    np.testing.assert_allclose(outputs, want, atol=1e-5)
