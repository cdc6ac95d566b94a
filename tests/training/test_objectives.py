"""A body of two objectives: what each moves, in which order, and what is refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from t2t_mm.errors import HParamError, UserError
from t2t_mm.layers.seeds import fold_in
from t2t_mm.models.objective import ForwardPass, Objective
from t2t_mm.models.transformer import Transformer
from t2t_mm.registry import MODELS
from t2t_mm.training.step_stats import FIELDS, StepStats
from tests.training.made_step import DIGITS, RATE, Made, text_batch

PROBE_RATE = 3.0


class Probed(Transformer):
    """A Transformer and a probe that learns to tell a target's length from what was encoded.

    As in a GAN, one part is moved by a loss that passes through the others and leaves them alone.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        start = keras.initializers.RandomNormal(
            0.0, 0.3, fold_in(self.seed_generator.get_config()["seed"], "probe")
        )
        self.probe = keras.layers.Dense(1, kernel_initializer=start, name="probe")

    def build(self, input_shape=None):
        super().build(input_shape)
        if not self.probe.built:
            self.probe.build((None, self.hidden_size))

    def stages(self):
        return {**super().stages(), "probe": [self.probe]}

    def objectives(self):
        return (
            Objective(),
            Objective("probe", self.probe_loss, frozenset({"probe"}), PROBE_RATE),
        )

    def probe_loss(self, forward: ForwardPass):
        told = self.probe(ops.mean(forward.encoded.rep.x, axis=1))[:, 0]
        lengths = ops.sum(ops.cast(forward.targets != 0, "float32"), axis=1)
        errors = ops.square(told - lengths)
        return ops.sum(errors), ops.sum(ops.ones_like(errors))


@pytest.fixture(scope="module", autouse=True)
def registered():
    MODELS.register("probed", Probed)
    yield
    MODELS.remove("probed")


SGD = {"optimizer": "momentum", "text": "optimizer.momentum=0.0", "clip_norm": 0.0}


def probe_of(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {path: value for path, value in values.items() if "/probe/" in path}


def test_each_objective_moves_its_own_and_they_take_turns() -> None:
    made, plain, batch = Made("probed", **SGD), Made(**SGD), text_batch()
    before = made.values()
    report = made.step(DIGITS, [batch], 1.0, RATE)
    plain(DIGITS, batch)
    after = made.values()
    for path, value in plain.values().items():
        own = path.replace("/transformer/", "/probed/")
        np.testing.assert_array_equal(after[own], value, err_msg=path)

    # The probe's step begins where the first one ended.
    probes = [v for v in made.model.trainable_variables if "/probe/" in v.path]
    assert len(probes) == 2
    for variable in probes:
        variable.assign(before[variable.path])
    with tf.GradientTape() as tape:
        forward = made.model.forward_pass(
            made.model.route(DIGITS), batch, batch["targets"], made.model.command_id(DIGITS), True
        )
        total, weight = made.model.body.probe_loss(forward)
        loss = total / weight
    gradients = tape.gradient(loss, [v.value for v in probes])
    for variable, gradient in zip(probes, gradients, strict=True):
        want = before[variable.path] - RATE * PROBE_RATE * gradient
        np.testing.assert_allclose(after[variable.path], want, rtol=1e-5, atol=1e-7)
    assert report.shape == (len(FIELDS) + 1,)
    assert report[-1] == pytest.approx(float(loss), rel=1e-5)


def test_the_further_loss_is_logged_and_kept_with_the_run() -> None:
    made, batch = Made("probed"), text_batch()
    stats = StepStats(objectives=made.step.further_objectives)
    reports = [made.step(DIGITS, [batch], 1.0, RATE) for _ in range(2)]
    stats.add(reports[0].tolist(), 1.0)
    stats = StepStats(stats.state())
    stats.add(reports[1].tolist(), 1.0)
    assert stats.metrics()["loss/probe"] == pytest.approx((reports[0][-1] + reports[1][-1]) / 2)
    assert reports[1][-1] < reports[0][-1]


def test_batches_of_several_objectives_are_not_accumulated() -> None:
    with pytest.raises(HParamError, match=r"accumulate_steps' is 2 .*\(loss, probe\)"):
        Made("probed", accumulate_steps=2)


@pytest.mark.parametrize(
    ("objectives", "sentence"),
    [
        ((), "there must be at least one"),
        ((Objective(stages=frozenset({"probe"})),), "'loss', must name no stage"),
        ((Objective(), Objective("x")), "'x' must name the stages"),
        ((Objective(), Objective("loss", None, frozenset({"probe"}))), "'loss' is there twice"),
        (
            (Objective(), Objective("x", None, frozenset({"probes"}))),
            "the stage 'probes', the body",
        ),
        (
            (
                Objective(),
                Objective("x", None, frozenset({"probe"})),
                Objective("y", None, frozenset({"probe"})),
            ),
            "'x' and 'y' both move the stage 'probe'",
        ),
    ],
)
def test_objectives_that_do_not_fit_are_refused(monkeypatch, objectives, sentence) -> None:
    monkeypatch.setattr(Probed, "objectives", lambda self: objectives)
    with pytest.raises(UserError, match=sentence):
        Made("probed")
