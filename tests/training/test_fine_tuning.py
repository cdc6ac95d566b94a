"""Frozen variables, and rates of parts, by value."""

from __future__ import annotations

import numpy as np
import pytest

from t2t_mm.errors import HParamError
from tests.training.made_step import COLOURS, DIGITS, WORDS, Made, pictures, text_batch

FROZEN = "joint/text.*;*/encoder_?/*"


def test_what_is_frozen_stays_and_has_no_slots() -> None:
    made = Made(freeze=FROZEN, weight_decay=0.3, ema_decay=0.5)
    before = made.values()
    for _ in range(2):
        made(DIGITS, text_batch())
        made(COLOURS, pictures())
    changed = {path for path, value in made.values().items() if (value != before[path]).any()}
    frozen = {p for p in before if p.startswith("joint/text.") or "/encoder_0/" in p}
    assert frozen and changed == before.keys() - frozen
    assert {name.rpartition("/")[0] for name in made.slots()} == changed
    with made.averages.swapped():
        assert all((made.values()[path] == before[path]).all() for path in frozen)


def test_the_rest_is_trained_as_without_it() -> None:
    plain, made = (Made(text=f"clip_norm=0,freeze={text}") for text in ("", FROZEN))
    for one in (plain, made):
        one(DIGITS, text_batch())
    for path, value in made.values().items():
        if f"{path}/m" in made.slots():
            np.testing.assert_array_equal(value, plain.values()[path])


def test_a_commands_row_may_be_frozen_alone() -> None:
    made = Made(freeze="joint/commands/to_digits", weight_decay=0.3, ema_decay=0.5)
    row = made.model.command_names.index("to_digits")
    before = made.values()["joint/commands"]
    for _ in range(3):
        made(DIGITS, text_batch())
        made(WORDS, text_batch())
    after, average = made.values()["joint/commands"], made.slots()["joint/commands/sliding_average"]
    np.testing.assert_array_equal(after[row], before[row])
    np.testing.assert_array_equal(average[row], before[row])
    assert (after[1 - row] != before[1 - row]).all() and (average[1 - row] != before[1 - row]).all()
    assert not made.slots()["joint/commands/m"][row].any()


@pytest.mark.parametrize("optimizer", ["momentum", "keras.SGD"])
def test_parts_have_rates_of_their_own(optimizer: str) -> None:
    text = f"optimizer={optimizer},optimizer.momentum=0,weight_decay=0.5,learning_rate_multipliers="
    plain = Made(text=text)
    made = Made(text=f"{text}*/encoder_?/*:0.25;joint/text*:2;joint/*:1")
    before = plain.values()
    for one in (plain, made):
        one(DIGITS, text_batch())
    for path, value in made.values().items():
        factor = 0.25 if "/encoder_0/" in path else 2.0 if path.startswith("joint/text") else 1.0
        wanted = before[path] + factor * (plain.values()[path] - before[path])
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"freeze": "joint/txt*"},
            "hparam 'freeze' has the pattern 'joint/txt\\*', which matches no variable of this "
            "model; the nearest are joint/",
        ),
        ({"freeze": "*"}, "which freezes every variable of the model; leave something to train."),
        ({"learning_rate_multipliers": "joint/*"}, "got 'joint/\\*'; write pattern:factor with a"),
        ({"learning_rate_multipliers": "joint/*:0"}, "got 'joint/\\*:0'; write pattern:factor"),
        ({"learning_rate_multipliers": "x*:1"}, "'learning_rate_multipliers' has the pattern 'x"),
    ],
)
def test_wrong_patterns_are_sentences(changes: dict[str, str], message: str) -> None:
    with pytest.raises(HParamError, match=message):
        Made(**changes)


def test_a_problem_with_nothing_to_train_is_named() -> None:
    made = Made(freeze="joint/text*;joint/commands*;joint/transformer*")
    with pytest.raises(
        HParamError, match="leaves nothing to train where the inputs are text.vocab"
    ):
        made(DIGITS, text_batch())
    assert made(COLOURS, pictures())["norm"] > 0
