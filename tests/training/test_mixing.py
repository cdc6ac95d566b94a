"""The choice of the problem: exact sequences, proportions, reactions, and the way back."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter

import numpy as np
import pytest

from t2t_mm.errors import HParamError, UnknownNameError, UserError
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Text
from t2t_mm.problem import Task
from t2t_mm.registry import MIXING_POLICIES, register_mixing_policy
from t2t_mm.training.mixing import (
    UNIFORM_PART,
    Adaptive,
    MixingPolicy,
    loss_weights,
    make_policy,
    smoothing_floor,
)
from t2t_mm.training.mixing_text import parse_factors, parse_schedule


def make_task(name: str, examples: int = 100, classes: int = 500) -> Task:
    spec = Text("v", classes)
    return Task(name, name, spec, spec, "to_text", train_examples=examples)


CHOICES = ("uniform", "proportional", "adaptive", "round_robin", "schedule")
TASKS = [make_task("c", 600), make_task("a", 100), make_task("b", 300)]


def policy(choice: str, seed: int = 0, tasks=TASKS, **fields):
    return make_policy(HParams(problem_choice=choice, **fields), tasks, seed)


def run(chooser, steps: int, start: int = 0) -> list[str]:
    return [chooser.choose(step) for step in range(start, start + steps)]


def assert_frequencies(chosen: list[str], expected: dict[str, float]) -> None:
    """Chi-square of the counts below the 0.1 % point for two degrees of freedom."""
    counts = Counter(chosen)
    assert set(counts) <= set(expected)
    used = {name: share for name, share in expected.items() if share > 0}
    wanted = {name: share * len(chosen) for name, share in used.items()}
    assert sum((counts[n] - w) ** 2 / w for n, w in wanted.items()) < 13.8


def test_uniform():
    assert_frequencies(run(policy("uniform"), 3000), {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})


@pytest.mark.parametrize(
    ("temperature", "shares"),
    [(1.0, (0.1, 0.3, 0.6)), (2.0, (10, math.sqrt(300), math.sqrt(600))), (1e9, (1, 1, 1))],
)
def test_proportional_to_the_size_at_a_temperature(temperature, shares):
    chooser = policy("proportional", mixing_temperature=temperature)
    expected = dict(zip("abc", np.array(shares) / sum(shares), strict=True))
    assert chooser.proportions(0) == pytest.approx(expected)
    assert_frequencies(run(chooser, 3000), expected)


def test_weights_multiply_any_choice():
    weights = "a:3; b:0"
    assert policy("uniform", mixing_weights=weights).proportions(0) == {
        "a": 0.75,
        "b": 0,
        "c": 0.25,
    }
    shares = policy("proportional", mixing_weights=weights).proportions(0)
    assert shares == pytest.approx({"a": 3 / 9, "b": 0, "c": 6 / 9})
    assert "b" not in run(policy("adaptive", mixing_weights=weights), 500)


def test_round_robin_is_exact():
    assert run(policy("round_robin"), 7) == list("abcabca")
    assert run(policy("round_robin", mixing_weights="b:2"), 8) == list("bacbbacb")


def test_the_order_of_the_problems_changes_nothing():
    for choice in CHOICES:
        fields = {"mixing_schedule": "@0 a:1;b:2;c:3"}
        forward = run(policy(choice, **fields), 50)
        assert forward == run(policy(choice, tasks=TASKS[::-1], **fields), 50)


def test_schedule_changes_at_its_steps():
    chooser = policy("schedule", mixing_schedule="@0 a:1 @10 b:1;c:1 @20 c:5")
    chosen = run(chooser, 30)
    assert set(chosen[:10]) == {"a"} and set(chosen[10:20]) == {"b", "c"}
    assert set(chosen[20:]) == {"c"}
    assert chooser.proportions(10) == {"a": 0.0, "b": 0.5, "c": 0.5}


def test_shares_are_of_the_steps_so_far():
    chooser = policy("round_robin", mixing_weights="c:2")
    assert chooser.shares() == {"a": 0.0, "b": 0.0, "c": 0.0}
    run(chooser, 40)
    assert chooser.shares() == {"a": 0.25, "b": 0.25, "c": 0.5}


def test_adaptive_starts_uniform_and_gives_the_larger_share_to_what_is_not_learnt():
    chooser = policy("adaptive", label_smoothing=0.0)
    assert chooser.proportions(0) == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    for _ in range(200):
        chooser.update("a", 0.02 * math.log(500))
        chooser.update("b", 0.08 * math.log(500))
        chooser.update("c", 0.90 * math.log(500))
    expected = {
        name: UNIFORM_PART / 3 + (1 - UNIFORM_PART) * left
        for name, left in (("a", 0.02), ("b", 0.08), ("c", 0.90))
    }
    assert chooser.proportions(200) == pytest.approx(expected, rel=1e-6)
    assert_frequencies(run(chooser, 3000), expected)


def test_adaptive_lets_no_problem_starve():
    chooser = policy("adaptive")
    for _ in range(1000):
        chooser.update("a", 0.0)
        chooser.update("b", 1e6)  # however bad another one is
    assert chooser.proportions(0)["a"] >= UNIFORM_PART / 3
    assert max(chooser.proportions(0).values()) < 0.7


def test_adaptive_compares_in_one_unit():
    # Both guess: a label of 10 classes at 2.3 nats, a token of 8,000 at 9.
    chooser = policy("adaptive", tasks=[make_task("a", classes=10), make_task("b", classes=8000)])
    assert chooser.proportions(0) == pytest.approx({"a": 0.5, "b": 0.5})
    for _ in range(300):
        chooser.update("a", math.log(10))
        chooser.update("b", 0.5 * (math.log(8000) + smoothing_floor(8000, 0.1)))
    assert isinstance(chooser, Adaptive)
    assert chooser.left() == pytest.approx({"a": 1.0, "b": 0.5}, rel=1e-6)


def test_adaptive_smooths_and_ignores_what_is_not_finite():
    chooser = policy("adaptive", label_smoothing=0.0)
    chooser.update("a", 0.0)
    assert chooser.left()["a"] == pytest.approx(0.9)
    chooser.update("a", float("nan"))
    assert chooser.left()["a"] == pytest.approx(0.9)


def test_temperature_softens_adaptive():
    hard, soft = (policy("adaptive", mixing_temperature=t) for t in (0.5, 4.0))
    for _ in range(100):
        for chooser in (hard, soft):
            chooser.update("a", 2.0)
    assert hard.proportions(0)["a"] < soft.proportions(0)["a"] < 1 / 3


def test_smoothing_floor_is_the_entropy_of_the_smoothed_target():
    target = np.array([0.9, *[0.1 / 9] * 9])
    assert smoothing_floor(10, 0.1) == pytest.approx(-(target * np.log(target)).sum())
    assert smoothing_floor(10, 0.0) == 0.0


@pytest.mark.parametrize("choice", CHOICES)
def test_resuming_gives_the_same_sequence(choice):
    fields = {"mixing_schedule": "@0 a:1;b:2 @60 b:1;c:3", "mixing_weights": "b:1.7"}

    def go_on(chooser, start):
        chosen = []
        for step in range(start, start + 50):
            chosen.append(chooser.choose(step))
            chooser.update(chosen[-1], 6.0 / (1 + step))
        return chosen

    chooser = policy(choice, **fields)
    go_on(chooser, 0)
    state = json.loads(json.dumps(chooser.state()))
    expected = go_on(chooser, 50)
    resumed = policy(choice, seed=99, **fields)
    resumed.restore(state)
    assert go_on(resumed, 50) == expected
    assert resumed.shares() == chooser.shares()
    assert resumed.proportions(100) == chooser.proportions(100)


def test_another_seed_gives_another_sequence():
    assert run(policy("uniform", 1), 30) != run(policy("uniform", 2), 30)
    assert run(policy("uniform", 1), 30) == run(policy("uniform", 1), 30)


def test_state_of_other_problems_is_refused():
    state = policy("uniform").state()
    with pytest.raises(UserError, match="of the problems a, b, c, not a, b;"):
        policy("uniform", tasks=TASKS[1:]).restore(state)


def test_loss_weights():
    expected = {"a": 1.0, "b": 0.5, "c": 2.0}
    assert loss_weights(HParams(loss_weights="b:0.5;c:2"), TASKS) == expected


def test_factors_and_schedules_are_read():
    assert parse_factors(" a:2 ;b:0.5; ", "ab", "field") == {"a": 2.0, "b": 0.5}
    assert parse_factors("", "ab", "field") == {}
    text = "@0 a:1; b:1   @1000 a:1;b:3"
    expected = [(0, {"a": 1.0, "b": 1.0}), (1000, {"a": 1.0, "b": 3.0})]
    assert parse_schedule(text, "ab") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "field got 'a'; write it as problem:factor"),
        ("a:x", "factor of 'a' must be a number >= 0, got 'x'"),
        ("a:-1", "must be a number >= 0, got '-1'"),
        ("a:inf", "must be a number >= 0, got 'inf'"),
        ("a:1;a:2", "names problem 'a' twice"),
    ],
)
def test_wrong_factors_are_sentences(text, message):
    with pytest.raises(HParamError, match=message):
        parse_factors(text, ["a"], "field")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got ''; write it as"),
        ("a:1", "got 'a:1'; write it as"),
        ("@x a:1", "got '@x'; '@' is followed by a step"),
        ("@5 a:1", "the steps 5; they must start at 0"),
        ("@0 a:1 @0 b:1", "the steps 0, 0; they must"),
        ("@0 a:1 @50 a:0", "at step 50 no problem has a positive weight"),
    ],
)
def test_wrong_schedules_are_sentences(text, message):
    with pytest.raises(UserError, match=message):
        policy("schedule", mixing_schedule=text)


def test_unknown_names_come_with_the_nearest():
    tasks = [make_task("translate_ende"), make_task("image")]
    for fields in (
        {"mixing_weights": "translat_ende:2"},
        {"mixing_schedule": "@0 translat_ende:1"},
    ):
        with pytest.raises(UnknownNameError, match="did you mean 'translate_ende'"):
            policy("schedule", tasks=tasks, **fields)
    with pytest.raises(UnknownNameError, match="did you mean 'adaptive'"):
        policy("adaptiv")
    with pytest.raises(HParamError, match="'mixing_temperature' must be above 0, got 0"):
        policy("uniform", mixing_temperature=0.0)
    with pytest.raises(UserError, match="no problem has a positive weight"):
        policy("uniform", mixing_weights="a:0;b:0;c:0")


def test_a_problems_own_weights_hold_unless_hparams_name_it() -> None:
    tasks = [
        dataclasses.replace(task, mixing_weight=weight, loss_weight=weight)
        for task, weight in ((make_task("a"), 3.0), (make_task("b"), 1.0))
    ]
    first, second = (task.name for task in tasks)
    uniform = HParams(problem_choice="uniform")
    assert make_policy(uniform, tasks, 0).proportions(0) == {first: 0.75, second: 0.25}
    assert loss_weights(uniform, tasks) == {first: 3.0, second: 1.0}
    named = uniform.replace(mixing_weights=f"{first}:1", loss_weights=f"{first}:2")
    assert make_policy(named, tasks, 0).proportions(0) == {first: 0.5, second: 0.5}
    assert loss_weights(named, tasks) == {first: 2.0, second: 1.0}


def test_a_policy_of_ones_own() -> None:
    @register_mixing_policy("last_first")
    class LastFirst(MixingPolicy):
        """The last name alone until its loss is below 1, then all alike."""

        done = False

        def update(self, problem: str, loss: float) -> None:
            self.done = self.done or loss < 1

        def _weights(self, step: int) -> np.ndarray:
            last = np.arange(len(self.names)) == len(self.names) - 1
            return np.ones(len(self.names)) if self.done else last.astype(float)

    try:
        chooser = policy("last_first")
        assert run(chooser, 5) == ["c"] * 5
        chooser.update("c", 0.5)
        assert_frequencies(run(chooser, 3000), {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
        assert policy("last_first", mixing_weights="b:0").proportions(0)["c"] == 1.0
    finally:
        MIXING_POLICIES.remove("last_first")


def test_an_unknown_policy() -> None:
    with pytest.raises(UnknownNameError) as error:
        policy("uniformly")
    assert str(error.value) == (
        "unknown mixing policy 'uniformly' (from the hparam problem_choice); did you mean "
        "'uniform'? Known: adaptive, proportional, round_robin, schedule, uniform."
    )
