"""Which tokens constraints forbid, and that the settings choose them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.search.constraints import (
    MinLength,
    MinLengths,
    NeverEnd,
    NoRepeatNgram,
    Written,
    constraints_of,
    forbidden_by,
)
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import HParamError

EOS, SIZE = 1, 7


def written(rows: list[list[int]], begin: list[int] | int = 0) -> Written:
    """Rows of equal lengths; the buffer has room for two tokens more."""
    past = np.pad(np.array(rows, np.int32), [[0, 0], [0, 2]])
    return Written(tf.constant(len(rows[0])), tf.constant(begin), tf.constant(past))


def tokens(mask: tf.Tensor) -> list[set[int]]:
    return [set(np.flatnonzero(row)) for row in mask.numpy()]


@pytest.mark.parametrize(
    ("position", "forbidden"), [(0, {EOS}), (2, {EOS}), (3, set()), (9, set())]
)
def test_min_length_forbids_the_end_alone(position, forbidden):
    here = Written(tf.constant(position), tf.constant(0), None)
    assert tokens(MinLength(3).forbidden(here, SIZE)) == [forbidden]


def test_min_length_counts_from_the_end_of_each_prefix():
    here = Written(tf.constant(4), tf.constant([0, 1, 2, 4]), None)
    assert tokens(MinLength(3).forbidden(here, SIZE)) == [set(), set(), {EOS}, {EOS}]


def test_never_end_forbids_the_end_everywhere():
    here = Written(tf.constant(99), tf.constant(0), None)
    assert tokens(NeverEnd().forbidden(here, SIZE)) == [{EOS}]


def repeating(ids: list[int], n: int) -> set[int]:
    """The tokens that would complete an n-gram which is there."""
    grams = [ids[i : i + n] for i in range(len(ids) - n + 1)]
    return {token for token in range(2, SIZE) if [*ids, token][-n:] in grams}


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_no_repeat_ngram_forbids_what_would_repeat_one(n):
    random, seen = np.random.default_rng(n), 0
    for length in (1, 2, 3, 8, 30):
        rows = random.integers(2, 5, (20, length)).tolist()
        wanted = [repeating(row, n) for row in rows]
        assert tokens(NoRepeatNgram(n).forbidden(written(rows), SIZE)) == wanted
        seen += sum(map(len, wanted))
    assert seen > 20


def test_no_repeat_ngram_never_forbids_the_end():
    """An EOS stands in a prefix at most; what ends an output may always be written."""
    for n in (1, 2):
        (found,) = tokens(NoRepeatNgram(n).forbidden(written([[2, EOS, 2]]), SIZE))
        assert EOS not in found


def test_nothing_is_forbidden_at_the_first_position():
    here = Written(tf.constant(0), tf.constant(0), tf.zeros([2, 5], tf.int32))
    assert tokens(NoRepeatNgram(2).forbidden(here, SIZE)) == [set(), set()]


def test_what_one_constraint_forbids_is_forbidden_but_an_output_may_always_end():
    both = (MinLength(9), NoRepeatNgram(1))
    here = written([[2, 3, 4, 5, 6], [2, 3, 4, 2, 3]])
    assert tokens(forbidden_by(both, here, SIZE)) == [{2, 3, 4, 5, 6}, {EOS, 2, 3, 4}]


def test_a_minimum_for_each_input_holds_in_all_of_its_rows():
    least = MinLengths(tf.constant([2, 0]))
    here = Written(tf.constant(1), tf.constant(0), None, beams=2)
    assert tokens(least.forbidden(here, SIZE)) == [{EOS}, {EOS}, set(), set()]
    assert least.repeated(3).tokens.numpy().tolist() == [2, 2, 2, 0, 0, 0]


@pytest.mark.parametrize("text", ["min_length_ratio=-1", "eos_penalty=-0.5", "extra_length=-1"])
def test_settings_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(HParamError, match=f"'{text.split('=')[0]}' must be 0"):
        DecodeSettings().override(text)


def test_the_settings_choose_constraints():
    def chosen(text: str) -> tuple:
        return constraints_of(DecodeSettings().override(text), lambda: tf.constant([4, 1, 0]))

    assert chosen("") == ()
    assert chosen("min_length=3") == (MinLength(3),)
    assert chosen("no_repeat_ngram_size=2") == (NoRepeatNgram(2),)
    (ratio,) = chosen("min_length_ratio=0.6")
    assert ratio.tokens.numpy().tolist() == [3, 1, 0]
    # What never ends needs no minimum.
    forced = chosen("force_decode_length=True,min_length=3,no_repeat_ngram_size=4")
    assert forced == (NeverEnd(), NoRepeatNgram(4))
