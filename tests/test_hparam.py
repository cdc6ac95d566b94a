"""Hparams are closed and typed: what parses, what is refused, and in which words."""

from __future__ import annotations

import dataclasses

import pytest

from t2t_mm.errors import HParamError, UnknownNameError
from t2t_mm.hparam import HParams, RangedHParams
from t2t_mm.registry import HPARAMS, RANGED_HPARAMS


def test_override_parses_to_the_fields_types() -> None:
    changed = HParams().override(
        "batch_size=64,learning_rate=1e-3,image_augment=false,class_exit_filters=[8,16],optimizer=x"
    )
    assert changed.batch_size == 64 and type(changed.batch_size) is int
    assert changed.learning_rate == 1e-3
    assert changed.image_augment is False
    assert changed.class_exit_filters == (8, 16)
    assert changed.optimizer == "x"


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        HParams().batch_size = 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("batch_size=big", "hparam 'batch_size' must be a whole number, got 'big'"),
        ("dropout=low", "hparam 'dropout' must be a number, got 'low'"),
        ("image_augment=maybe", "hparam 'image_augment' must be true or false, got 'maybe'"),
        ("class_exit_filters=[a]", "hparam 'class_exit_filters' must be a whole number, got 'a'"),
        ("batch_size", "--hparams got 'batch_size'; write it as name=value."),
    ],
)
def test_wrong_values_are_sentences(text: str, words: str) -> None:
    with pytest.raises(HParamError, match="hparam|write") as error:
        HParams().override(text)
    assert words in str(error.value)


def test_unknown_hparam_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'batch_size'"):
        HParams().override("batchsize=3")


def test_replace_checks_types_too() -> None:
    with pytest.raises(HParamError, match="must be a number, got 'True'"):
        HParams().replace(dropout=True)


@pytest.mark.parametrize("name", HPARAMS.names())
def test_dict_round_trip(name: str) -> None:
    made = HPARAMS.get(name)()
    assert type(made).from_dict(made.to_dict()) == made


def test_differences_name_the_fields() -> None:
    one = HParams()
    assert one.differences(one.replace(dropout=0.3)) == {"dropout": (0.1, 0.3)}


def test_ranges() -> None:
    ranged = RangedHParams()
    RANGED_HPARAMS.get("multimodel_range")(ranged)
    assert ranged.ranges["learning_rate"]["scale"] == RangedHParams.LOG
    with pytest.raises(HParamError, match="is set twice"):
        ranged.set_float("dropout", 0, 1)
