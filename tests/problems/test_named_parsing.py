"""Parsing problems: standard sections, a part of the treebank, T2T's files; what is taken out."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from t2t_mm.errors import DataError
from t2t_mm.evaluation.metrics import compute, flatten
from t2t_mm.kinds import tree_tags, trees
from t2t_mm.kinds.trees import ParseTree
from tests.problems.named import made
from tests.problems.recordings import write

LABELS = ("NP", "VP", "PP", "ADJP", "SBAR")
TAGS = ("DT", "NN", "VBZ", "IN", "-LRB-", ",", "``", "PRP$")
FUNCTIONS = ("-SBJ", "-TMP-1", "=2", "|X", "")


def random_tree(rng: random.Random, depth: int = 0) -> ParseTree:
    """A tree as it may stand in a treebank, no traces in it."""
    children = tuple(
        random_tree(rng, depth + 1)
        if depth < 4 and rng.random() < 0.5
        else ParseTree(rng.choice(TAGS), (f"w{rng.randrange(99)}",))
        for _ in range(rng.randint(1, 3))
    )
    return ParseTree(rng.choice(LABELS) + rng.choice(FUNCTIONS), children)


def with_traces(tree: ParseTree, rng: random.Random) -> ParseTree:
    """The tree with traces, and constituents of nothing else, put in."""
    if isinstance(tree.children[0], str):
        return tree
    children = [with_traces(child, rng) for child in tree.children]
    trace = ParseTree("-NONE-", ("*T*-1",))
    empty = rng.choice(
        [trace, ParseTree("NP-SBJ", (trace,)), ParseTree("S", (ParseTree("NP", (trace,)), trace))]
    )
    children.insert(rng.randint(0, len(children)), empty)
    return ParseTree(tree.label, tuple(children))


def forest(count: int, seed: int = 0) -> list[ParseTree]:
    rng = random.Random(seed)
    return [ParseTree("S", (random_tree(rng), random_tree(rng))) for _ in range(count)]


def mrg(found: list[ParseTree]) -> str:
    """As a .mrg file holds them: an outermost bracket without a name, several lines a tree."""
    return "".join(f"( {trees.linearize(tree)} )\n".replace(" (", "\n  (") for tree in found)


def pairs(found: list[ParseTree]) -> set[tuple[str, str]]:
    cleaned = [trees.clean(tree) for tree in found]
    return {(" ".join(trees.words(tree)), tree_tags.write(tree)) for tree in cleaned if tree}


def check(examples: dict, **wanted: list[ParseTree]) -> None:
    for split, found in wanted.items():
        assert {(e["inputs"], e["targets"]) for e in examples[split]} == pairs(found)
        assert len(examples[split]) == len(found)


def test_words_and_target_give_the_cleaned_tree_back() -> None:
    for seed, tree in enumerate(forest(300)):
        cleaned = trees.clean(with_traces(tree, random.Random(seed)))
        words, target = trees.words(cleaned), tree_tags.write(cleaned)
        assert words == trees.words(tree)
        back = tree_tags.read(target, words)
        assert back == cleaned
        assert trees.parse(trees.linearize(back)) == cleaned
        assert trees.clean(cleaned) == cleaned
        assert not any(mark in target for mark in ("-NONE-", "SBJ", "TMP", "=", "|", "*T*"))


def test_gold_against_itself_is_100() -> None:
    lines = [tree_tags.write(trees.clean(tree)) for tree in forest(50)]
    scores = flatten(compute(["bracket_f1", "bracket_f1_all"], lines, [[line] for line in lines]))
    assert scores["bracket_f1"] == scores["bracket_f1_all"] == 1.0


SECTIONS = range(25)


@pytest.mark.parametrize(
    "place, capitals",
    [("treebank_3/parsed/mrg/wsj/{section}", False), ("WSJ/{section}", True), ("combined", False)],
)
def test_standard_sections(tmp_path: Path, place: str, capitals: bool) -> None:
    found = forest(2 * len(SECTIONS))
    of = {s: found[2 * s : 2 * s + 2] for s in SECTIONS}
    for section, two in of.items():
        folder = tmp_path / "raw" / place.format(section=f"{section:02d}")
        for number, tree in enumerate(two):
            name = f"wsj_{section:02d}{number:02d}.mrg"
            write(folder / (name.upper() if capitals else name), mrg([tree]))
    manifest, examples = made("parsing_english_ptb8k", tmp_path)
    assert manifest.origin == "files wsj_*.mrg; train is sections 02 to 21, dev 22, test 23"
    check(examples, train=found[4:44], dev=of[22], test=of[23])
    assert manifest.features["inputs"] == manifest.features["targets"]
    assert manifest.cleaning.startswith("traces, function tags and indices taken out of trees; ")


def test_a_part_of_the_treebank_has_splits_of_its_own(tmp_path: Path) -> None:
    found = forest(40)
    for number in range(20):
        path = tmp_path / "raw" / "corpora" / "combined" / f"wsj_{number:04d}.mrg"
        write(path, mrg(found[2 * number : 2 * number + 2]))
    manifest, examples = made("parsing_english_ptb16k", tmp_path)
    assert manifest.origin == (
        "files wsj_*.mrg; the standard sections are not all there (only 00): of the 20 files in "
        "the order of their names the last tenth is test, the tenth before it dev"
    )
    check(examples, train=found[:32], dev=found[32:36], test=found[36:])


def test_two_files_cannot_be_divided(tmp_path: Path) -> None:
    for number in range(2):
        write(tmp_path / "raw" / f"wsj_{number:04d}.mrg", mrg(forest(2)))
    with pytest.raises(DataError, match="2 files below .* cannot be divided .*at least three"):
        made("parsing_english_ptb8k", tmp_path)


def test_files_of_tensor2tensor(tmp_path: Path) -> None:
    found = forest(40)
    for name, part in (("train", found[:30]), ("dev", found[30:])):
        lines = [f"(TOP {trees.linearize(tree)})\n" for tree in part]
        write(tmp_path / "raw" / f"parsing_{name}.trees", "".join(lines))
    manifest, examples = made("parsing_english_ptb8k", tmp_path)
    check(examples, train=found[:30], dev=found[30:], test=found[30:])
    assert manifest.origin.endswith("no test trees are there: test is parsing_dev.trees again")
    write(tmp_path / "raw" / "parsing_test.trees", trees.linearize(found[0]))
    (tmp_path / "data").rename(tmp_path / "before")
    manifest, examples = made("parsing_english_ptb8k", tmp_path)
    check(examples, train=found[:30], test=found[:1])
    assert "again" not in manifest.origin


def test_wsj_parsing(tmp_path: Path) -> None:
    found = forest(40)
    for name, part in (("Train", found[:30]), ("Eval", found[30:])):
        write(tmp_path / "raw" / f"wsj{name}.trees", "".join(map(trees.linearize, part)))
    _, examples = made("wsj_parsing", tmp_path)
    check(examples, train=found[:30], dev=found[30:])
    assert set(examples) == {"train", "dev"}


def test_what_cannot_be_learnt_is_counted(tmp_path: Path) -> None:
    odd = "( (S (-NONE- *)) )\n(S (NP (NP x) (NN y)))\n(TOP (S (NN a)) (NP (NN b)))\n"
    lines = "".join(trees.linearize(tree) for tree in forest(30))
    write(tmp_path / "raw" / "wsjTrain.trees", odd + lines)
    write(tmp_path / "raw" / "wsjEval.trees", lines)
    manifest, examples = made("wsj_parsing", tmp_path)
    assert manifest.left_out("train") == {
        "nothing but traces": 1,
        "a tree that cannot be written without its words": 1,
    }
    assert "TOP S NN /S NP NN /NP /TOP" in {e["targets"] for e in examples["train"]}


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "raw" / "wsjTrain.trees", "(S (NN a))\n(S (NN b)")
    write(tmp_path / "raw" / "wsjEval.trees", "(S (NN a))")
    with pytest.raises(DataError, match="wsjTrain.trees, line 2: a bracket that opens here is"):
        made("wsj_parsing", tmp_path)


def test_how_to_get_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"put wsj_\*.mrg below .*parsing_dev.trees.*LDC99T42"):
        made("parsing_english_ptb8k", tmp_path)
