"""The learning rates, by value."""

from __future__ import annotations

import math

import pytest

from t2t_mm.errors import HParamError, UnknownNameError
from t2t_mm.hparam import HParams
from t2t_mm.registry import HPARAMS, SCHEDULES, register_schedule
from t2t_mm.training.schedules import Schedule, depends_on_train_steps, make_schedule


def rate(step: int, train_steps: int = 1000, **changes: object) -> float:
    hparams = HParams().replace(**{"learning_rate": 1.0, **changes})
    return make_schedule(hparams, train_steps)(step)


@pytest.mark.parametrize(
    ("width", "step", "value"),
    [
        (512, 3999, 6.98771e-4),  # the peak of T2T's multimodel_base
        (128, 3999, 1.39754e-3),  # and of multimodel_tiny
        (512, 0, 6.98771e-4 / 4000),
        (512, 1999, 6.98771e-4 / 2),
        (512, 15999, 6.98771e-4 / 2),
    ],
)
def test_noam(width: int, step: int, value: float) -> None:
    found = rate(
        step,
        hidden_size=width,
        learning_rate=0.1,
        learning_rate_schedule="noam",
        learning_rate_warmup_steps=4000,
    )
    assert found == pytest.approx(value, rel=1e-5)


def test_multimodel_base_is_tensor2tensors() -> None:
    schedule = make_schedule(HPARAMS.get("multimodel_base")(), 250_000)
    assert max(schedule(step) for step in range(3990, 4010)) == pytest.approx(6.99e-4, rel=1e-3)


@pytest.mark.parametrize("schedule", ["exp", "rsqrt", "cosine", "constant"])
def test_warm_up_is_exponential_from_one_percent(schedule: str) -> None:
    def at(step: int) -> float:
        return rate(
            step,
            train_steps=10**9,
            learning_rate_schedule=schedule,
            learning_rate_warmup_steps=100,
            learning_rate_decay_steps=10**8,
        )

    assert at(0) == pytest.approx(0.01)
    assert at(50) == pytest.approx(0.1)
    assert at(100) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("schedule", "step", "value"),
    [
        ("constant", 999, 1.0),
        ("rsqrt", 400, 0.5),
        ("rsqrt", 100, 1.0),
        ("cosine", 550, 0.5),
        ("cosine", 1000, 0.0),
        ("cosine", 5000, 0.0),
        ("cosine", 325, 0.5 * (1 + math.cos(math.pi / 4))),
        ("exp", 800, 1.0),
        ("exp", 900, math.exp(-2.25 / 2)),
        ("exp", 1000, math.exp(-2.25)),
    ],
)
def test_decay(schedule: str, step: int, value: float) -> None:
    found = rate(
        step,
        learning_rate_schedule=schedule,
        learning_rate_warmup_steps=100,
        learning_rate_decay_steps=200 if schedule == "exp" else 0,
    )
    assert found == pytest.approx(value, abs=1e-12)


def test_exp_is_tensor2tensors_exp500k() -> None:
    def at(step: int) -> float:
        return rate(
            step,
            train_steps=1_000_000,
            learning_rate_schedule="exp",
            learning_rate_warmup_steps=0,
            learning_rate_decay_steps=500_000,
        )

    assert at(500_001) / at(500_000) == pytest.approx(0.9999955, abs=1e-9)


def test_which_schedules_depend_on_the_number_of_steps() -> None:
    def depends(name: str, decay_steps: int = 0) -> bool:
        return depends_on_train_steps(
            HParams().replace(learning_rate_schedule=name, learning_rate_decay_steps=decay_steps)
        )

    assert depends("cosine") and depends("exp") and depends("step") and depends("linear_decay")
    assert not depends("cosine", 100) and not depends("noam") and not depends("rsqrt")


def test_wrong_settings_are_sentences() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'cosine'"):
        rate(0, learning_rate_schedule="cosin")
    with pytest.raises(HParamError, match="learning_rate_warmup_steps' must be 0 or more, got -1"):
        rate(0, learning_rate_warmup_steps=-1)
    with pytest.raises(UnknownNameError, match="factor 'rsqrt_deca' .*did you mean 'rsqrt_decay'"):
        rate(0, learning_rate_schedule="constant*rsqrt_deca")
    with pytest.raises(HParamError, match=r"must rise, with as many .* got \[0.5, 0.2\] and \[\]."):
        rate(0, learning_rate_schedule="step", learning_rate_boundaries=(0.5, 0.2))
    with pytest.raises(TypeError, match="'broken' must be a function of hparams, train_steps"):
        SCHEDULES.register("broken", 3)


@pytest.mark.parametrize(
    ("changes", "values"),
    [
        ({}, {0: 1.0, 499: 1.0, 500: 0.1, 749: 0.1, 750: 0.01}),
        ({"learning_rate_boundaries": (10.0, 0.5)}, {9: 1.0, 10: 0.1, 500: 0.01}),
        ({"learning_rate_multiples": (0.5, 2.0)}, {499: 1.0, 500: 0.5, 750: 2.0}),
        ({"learning_rate_decay_rate": 0.5, "learning_rate": 3.0}, {0: 3.0, 999: 0.75}),
    ],
)
def test_step(changes: dict[str, object], values: dict[int, float]) -> None:
    settings = {"learning_rate_schedule": "step", "learning_rate_warmup_steps": 0, **changes}
    assert {at: rate(at, **settings) for at in values} == pytest.approx(values)


@pytest.mark.parametrize(
    ("factors", "values"),
    [
        # transformer_base_v3 of Tensor2Tensor: its rate at a few steps.
        (
            "constant*linear_warmup*rsqrt_decay*rsqrt_hidden_size",
            {0: 0.0, 50: 2 * 0.5 * 0.1 / 16, 100: 2 * 0.1 / 16, 400: 2 * 0.05 / 16},
        ),
        ("linear_warmup * rsqrt_normalized_decay", {0: 0.0, 50: 0.5, 100: 1.0, 400: 0.5}),
        ("linear_decay", {0: 1.0, 600: 1.0, 800: 0.5, 1000: 0.0, 1200: 0.0}),
        ("cosdecay", {100: 1.0, 200: 0.5, 400: 0.0}),
        ("linear_warmup*exp_decay", {100: 1.0, 500: 0.1, 300: 0.1**0.5}),
    ],
)
def test_products_are_tensor2tensors(factors: str, values: dict[int, float]) -> None:
    settings = {
        "learning_rate_schedule": factors,
        "learning_rate": 99.0,  # not read, as there
        "learning_rate_constant": 2.0,
        "learning_rate_warmup_steps": 100,
        "learning_rate_decay_steps": 400,
        "hidden_size": 256,
    }
    found = {step: rate(step, **settings) for step in values}
    assert found == pytest.approx(values, abs=1e-12)


def test_a_schedule_of_ones_own() -> None:
    @register_schedule("halves")
    def halves(hparams: HParams, train_steps: int) -> Schedule:
        return lambda step: 0.5**step

    try:
        assert rate(2, learning_rate_schedule="halves", learning_rate=8.0) == 2.0
    finally:
        SCHEDULES.remove("halves")
