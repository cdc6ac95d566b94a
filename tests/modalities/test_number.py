"""Numbers: squared errors on the inner scale, and everything that is read from an output."""

from __future__ import annotations

import numpy as np
import pytest

from t2t_mm.hparam import HParams
from t2t_mm.kinds import Number as Kind
from t2t_mm.layers.rep import Encoded, Rep
from t2t_mm.modalities.number import Number

OUTPUTS = np.array([[0.5], [-1.25], [0.0]], "float32")  # on the scale from -1 to 1
TARGETS = np.array([8.0, 2.0, 6.8], "float32")  # from 2 to 10: 0.5, -1 and 0.2


def make(**changes) -> Number:
    arguments = {"low": 2.0, "high": 10.0, "exit_filters": (10, 12), "hidden_size": 8, "seed": 1}
    number = Number(**{"roles": ("target",), **arguments, **changes})
    number.build()
    return number


def pairs(found: dict) -> dict[str, list[float]]:
    return {name: [float(value) for value in pair] for name, pair in found.items()}


def test_loss_is_the_squared_error_on_the_inner_scale():
    total, weight = make().loss(OUTPUTS, TARGETS, 0.1)  # there is nothing to smooth
    np.testing.assert_allclose([total, weight], [0 + 0.25**2 + 0.2**2, 3], rtol=1e-5)


def test_metrics_are_on_the_numbers_own_scale():
    found = pairs(make().step_metrics(OUTPUTS, TARGETS))
    errors = np.array([8.0, 1.0, 6.0]) - TARGETS
    np.testing.assert_allclose(found["mse"], [(errors**2).sum(), 3], rtol=1e-5)
    np.testing.assert_allclose(found["mae"], [np.abs(errors).sum(), 3], rtol=1e-5)


def test_hits_are_within_a_twentieth_of_the_range():
    targets = np.array([8.0, 8.39, 8.41, 7.61, 7.59], "float32")  # a twentieth is 0.4
    assert float(make().hits(np.full((5, 1), 0.5, "float32"), targets)) == 3


def test_what_is_found_is_the_number_and_has_no_probability():
    found = make().found(OUTPUTS, 5)
    np.testing.assert_allclose(found.values, [[8.0], [1.0], [6.0]], rtol=1e-6)
    np.testing.assert_array_equal(found.scores, np.zeros((3, 1)))


def test_scores_are_a_normal_density():
    """Of variance 1/2 about the output: its integral over the inner scale is 1."""
    number, grid = make(), np.linspace(-14, 28, 20_001)[1:].astype("float32")
    logs = np.array(number.scores(np.full((len(grid), 1), 0.25, "float32"), grid))
    assert logs.shape == (len(grid), 1)
    inner = (grid - 6) / 4
    np.testing.assert_allclose(logs[:, 0], -((0.25 - inner) ** 2) - np.log(np.pi) / 2, atol=1e-4)
    step = 42 / 4 / 20_000
    assert np.exp(logs.astype("float64")).sum() * step == pytest.approx(1, abs=1e-3)


def test_the_mask_counts_every_target():
    np.testing.assert_array_equal(make().target_mask(TARGETS), np.ones(3))


def test_reading_out_sees_no_targets():
    number, x = make(), np.random.default_rng(0).normal(size=(3, 4, 8)).astype("float32")
    rep = Rep(x, np.ones((3, 4), "float32"))
    outputs, aux_loss = number.read_out(None, Encoded(rep, 0.0), None, None)
    np.testing.assert_array_equal(outputs, number.top(rep.x, rep.mask))
    assert outputs.shape == (3, 1) and float(aux_loss) == 0


def test_as_an_input_it_is_a_point_on_a_line():
    number = make(roles=("input",))
    assert [v.name for v in number.trainable_variables] == ["line"]
    rep = number.bottom(TARGETS)
    slope, start = np.array(number.line)
    np.testing.assert_allclose(
        np.array(rep.x)[:, 0], np.array([[0.5], [-1], [0.2]]) * slope + start, atol=1e-6
    )
    np.testing.assert_array_equal(rep.mask, np.ones((3, 1)))
    both = make(roles=("input", "target"))
    parts = both.role_variables("input") + both.role_variables("target")
    assert sorted(map(id, parts)) == sorted(map(id, both.trainable_variables))


def test_what_is_shared_is_the_range():
    hparams = HParams(hidden_size=8, class_exit_filters=(10, 12))
    made = Number.create("number", Kind(0, 5), hparams, None, ["target"])
    assert (made.name, made.low, made.high) == ("number.0.5.8", 0, 5)
    assert made.exit_filters == (10, 12) and made.num_outputs == 1
    assert Number.sharing_key("number", Kind(0, 4), hparams) != made.name


def test_config_round_trip():
    number = make()
    other = Number.from_config(number.get_config())
    other.build()
    x, mask = np.ones((2, 9, 8), "float32"), np.ones((2, 9), "float32")
    np.testing.assert_array_equal(number.top(x, mask), other.top(x, mask))
    assert (other.low, other.high) == (2.0, 10.0)
