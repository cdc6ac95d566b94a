"""Names of classes and tags are known in any Unicode normal form, in Python and in a graph."""

from __future__ import annotations

import unicodedata

import pytest

from t2t_mm.kinds import Label, Tags
from t2t_mm.kinds.broken import BrokenValue

C, D = "\u00e9", unicodedata.normalize("NFD", "\u00e9")


@pytest.mark.parametrize("name", [C, D])
def test_one_class_in_all_its_forms(name: str) -> None:
    label, tags = Label(("x", name), "g"), Tags(("x", name), "g")
    assert [label.check(form) for form in (C, D, "x")] == [[1], [1], [0]]
    assert [label.parse_target(f" {form} ", {}) for form in (C, D)] == [1, 1]
    assert tags.check(f"{C} x {D}") == [2, 1, 2]
    assert label.shown(1, {}, "") == name
    with pytest.raises(BrokenValue):
        label.check("e")


def test_data_made_before_names_were_compared_so_keep_their_two_classes() -> None:
    both = Label((C, D), "g")
    assert [both.check(form) for form in (C, D)] == [[0], [1]]


@pytest.mark.parametrize("name", [C, D])
def test_a_graph_knows_the_same_classes(name: str) -> None:
    import tensorflow as tf

    label = Label(("x", name), "g")
    read = label.graph_read(tf.constant([C, "x", D]), {})
    assert read.numpy().tolist() == [1, 0, 1]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"inputs\[1\] is none of x, "):
        label.graph_read(tf.constant(["x", "e"]), {})
