"""What benchmarks/fuzzing itself promises: the same inputs again, and a loss that it would see."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzzing import runner
from benchmarks.fuzzing.balance import Wanted, verdict_of_table, vocabulary
from benchmarks.fuzzing.mutation import damaged_bytes, damaged_tree
from benchmarks.fuzzing.target import KEPT, PARTLY, REFUSED, Fault, emptied
from benchmarks.fuzzing.targets import TARGETS

TABLE = {"kind": "text2text", "format": "tsv", "train": {"path": "t.tsv"}}


def test_an_input_depends_on_seed_target_and_number_alone() -> None:
    drawn = [
        damaged_bytes(runner.generator(seed, target, number), b"content" * 9)
        for seed, target, number in ((0, "csv", 1), (0, "csv", 1), (1, "csv", 1), (0, "csv", 2))
    ]
    assert drawn[0] == drawn[1] and len(set(drawn)) == 3


def test_damage_leaves_the_whole_as_it_was() -> None:
    whole = {"a": [1, {"b": "c"}], "d": True}
    trees = [damaged_tree(runner.generator(0, "x", number), whole) for number in range(50)]
    assert whole == {"a": [1, {"b": "c"}], "d": True}
    assert sum(tree != whole for tree in trees) > 40


def test_the_balance_sees_what_is_lost(tmp_path: Path) -> None:
    words = vocabulary(tmp_path)
    (tmp_path / "t.tsv").write_text("inputs\ttargets\na dog\tA DOG\na cat\n")
    untouched = {"a dog": "A DOG"}

    def verdict(wanted: Wanted) -> str:
        return verdict_of_table(TABLE, tmp_path, words, wanted)

    assert verdict(Wanted(2, untouched=untouched)) == PARTLY
    with pytest.raises(Fault, match="3 items in the source, counted are {'kept': 1"):
        verdict(Wanted(3))
    with pytest.raises(Fault, match="'a cat' was whole and is lost"):
        verdict(Wanted(2, untouched={"a cat": "A CAT"}))
    with pytest.raises(Fault, match="'a dog' has the targets .'A DOG'., not 'a dog'"):
        verdict(Wanted(2, untouched={"a dog": "a dog"}))
    assert verdict_of_table({**TABLE, "train": {}}, tmp_path, words, Wanted()) == REFUSED


@pytest.mark.parametrize("name", ["text_lines", "jsonl", "treebank", "coco", "kaldi", "parallel"])
def test_some_inputs_of_cheap_targets(name: str, tmp_path: Path) -> None:
    tries = TARGETS[name]()
    found = {tries(runner.generator(0, name, i), emptied(tmp_path / "input")) for i in range(40)}
    assert found <= {KEPT, PARTLY, REFUSED} and len(found) > 1
