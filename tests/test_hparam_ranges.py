"""Every hparam of every registered set says what it allows, and refuses the rest by its name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest

from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.registry import HPARAMS
from t2t_mm.training.keras_optimizer import keras_optimizer, keras_optimizers
from t2t_mm.training.optimizer_hparams import AdamHParams, MomentumHParams, OptimizerHParams
from t2t_mm.typed_record import TypedRecord
from t2t_mm.value_range import Choices, Each, Named, Range

RECORDS = {type(HPARAMS.get(name)()): name for name in HPARAMS.names()}


def _outside(rule: Any) -> list[Any]:
    """Values that a rule does not allow, one at each of its ends."""
    if isinstance(rule, Range):
        low = rule.low if rule.above else rule.low - 1
        high = rule.high if rule.below else rule.high + 1
        return [math.nan, *(value for value in (low, high) if math.isfinite(value))]
    if isinstance(rule, Each):
        short = [(1,) * (rule.least - 1)] if rule.least else []
        return [*short, *((1,) * max(rule.least - 1, 0) + (bad,) for bad in _outside(rule.item))]
    return ["no such word"]


def _fields(record: type[TypedRecord]) -> list[tuple[str, Any]]:
    kinds = record.types()
    return [(name, rule) for name, rule in record.rules().items() if kinds[name] is not bool]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_each_hparam_states_what_it_allows_and_refuses_the_rest(record: type[HParams]) -> None:
    for name, rule in _fields(record):
        assert rule is not None, f"{record.__name__}.{name} states no range"
        for value in [] if isinstance(rule, Named) else _outside(rule):
            if record.types()[name] is int and isinstance(value, float):
                if math.isnan(value):
                    continue  # not a whole number: refused by its type
                value = int(value)
            with pytest.raises(HParamError) as error:
                record().override(f"{name}={_text(value)}")
            text = str(error.value)
            whole = f"hparam '{name}' must be a whole number, got 'nan'"  # its type says that
            assert f"hparam '{name}' must be {rule}, got" in text or whole in text


def _text(value: Any) -> str:
    return f"[{','.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize("name", HPARAMS.names())
def test_registered_sets_keep_their_own_ranges(name: str) -> None:
    HPARAMS.get(name)().check()


@pytest.mark.parametrize(
    ("hparams_set", "text", "words"),
    [
        ("multimodel_tiny", "dropout=1.5", "'dropout' must be at least 0 and below 1, got '1.5'"),
        ("multimodel_tiny", "attention_dropout=1", "'attention_dropout' must be at least 0 and "),
        ("multimodel_tiny", "num_experts=0", "'num_experts' must be 1 or more, got '0'"),
        ("multimodel_tiny", "learning_rate=-1", "'learning_rate' must be 0 or more, got '-1.0'"),
        ("multimodel_tiny", "learning_rate=nan", "'learning_rate' must be 0 or more, got 'nan'"),
        ("multimodel_tiny", "learning_rate=inf", "'learning_rate' must be 0 or more, got 'inf'"),
        ("multimodel_tiny", "clip_norm=-1", "'clip_norm' must be 0 or more, got '-1.0'"),
        ("multimodel_tiny", "label_smoothing=1.5", "'label_smoothing' must be at least 0 and "),
        ("multimodel_tiny", "adam_beta1=1", "'adam_beta1' must be at least 0 and below 1, got"),
        ("multimodel_tiny", "ema_decay=1", "'ema_decay' must be at least 0 and below 1, got '1.0'"),
        ("multimodel_tiny", "weight_decay=-1", "'weight_decay' must be 0 or more, got '-1.0'"),
        ("multimodel_tiny", "batch_size=0", "'batch_size' must be 1 or more, got '0'"),
        ("multimodel_tiny", "adam_epsilon=0", "'adam_epsilon' must be above 0, got '0.0'"),
        ("multimodel_tiny", "class_exit_filters=[8]", "must be 2 numbers, each 1 or more, got"),
        ("multimodel_tiny", "long_examples=cut", "'long_examples' must be one of drop, trim, got"),
        ("multimodel_tiny", "audio_blocks=13", "'audio_blocks' must be at least 1 and at most 12"),
        ("resnet_tiny", "layer_sizes=[3,0,3]", "must be 1 or more numbers, each 1 or more, got"),
    ],
)
def test_messages_name_hparam_range_and_value(hparams_set: str, text: str, words: str) -> None:
    with pytest.raises(HParamError) as error:
        HPARAMS.get(hparams_set)().override(text)
    assert words in str(error.value)
    assert str(error.value).endswith("; change it in --hparams.")


@pytest.mark.parametrize(
    ("hparams_set", "text", "words"),
    [
        ("multimodel_tiny", "num_heads=7", "'num_heads' must divide hidden_size (128), got 7;"),
        ("multimodel_tiny", "hidden_size=100", "'num_heads' must divide hidden_size (100), got 8"),
        ("transformer_tiny", "num_heads=3", "'num_heads' must divide hidden_size (128), got 3"),
        ("gpt_tiny", "hidden_size=126", "'num_heads' must divide hidden_size (126), got 4"),
        ("multimodel_tiny", "moe_k=11", "'moe_k' must be at most num_experts (10), got 11"),
        ("multimodel_tiny", "decoder_experts=1", "must be at most decoder_experts (1), got 2"),
    ],
)
def test_hparams_that_do_not_fit_one_another(hparams_set: str, text: str, words: str) -> None:
    with pytest.raises(HParamError) as error:
        HPARAMS.get(hparams_set)().override(text).check()
    assert words in str(error.value)


def test_bounds_themselves_are_allowed() -> None:
    changed = HParams().override("dropout=0,clip_norm=0,audio_blocks=12,batch_size=1,ema_decay=0")
    changed.check()
    assert (changed.audio_blocks, changed.batch_size) == (12, 1)


def test_a_users_own_hparam_may_leave_its_range_out() -> None:
    @dataclass(frozen=True)
    class Own(HParams):
        depth: int = 3
        factor: float = 1.0

    assert Own().override("depth=-5,factor=-2.5").depth == -5
    with pytest.raises(HParamError, match="hparam 'factor' must be a finite number, got 'nan'"):
        Own().override("factor=nan")


KERAS = [name for name in keras_optimizers() if name.startswith("keras.")]


@pytest.mark.parametrize(
    "record",
    [AdamHParams, MomentumHParams, *(keras_optimizer(name).hparams_class for name in KERAS)],
    ids=lambda record: record.__name__,
)
def test_hparams_of_optimizers_state_what_they_allow(record: type[OptimizerHParams]) -> None:
    for name, rule in _fields(record):
        assert isinstance(rule, (Range, Choices)), name
        for value in _outside(rule)[:1]:
            if record.types()[name] is not int:
                with pytest.raises(HParamError, match=f"'{name}' must be"):
                    record.of(HParams(optimizer_hparams=(f"{name}={value}",)))


@pytest.mark.parametrize("name", ["hidden_size", "train_steps", "learning_rate_warmup_steps"])
def test_whole_numbers_of_more_than_64_bits(name: str) -> None:
    hparams = HPARAMS.get("transformer_tiny")()
    for digits in ("1" + "0" * 30, "9" * 400, "-9223372036854775809"):
        with pytest.raises(HParamError, match=f"'{name}' must be a whole number of 64 bits, got"):
            hparams.override(f"{name}={digits}")
    with pytest.raises(HParamError, match=f"'{name}' must be .* or more, got '9999"):
        hparams.replace(**{name: 10**400 - 1}).check()
