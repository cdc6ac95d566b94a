"""A problems file: what it registers, what the problems yield, and the text of every mistake."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from t2t_mm import lookup, problems_file, registry
from t2t_mm.data.binding import bind
from t2t_mm.data.generation.api import generate
from t2t_mm.errors import UserError
from t2t_mm.kinds import Audio, Image, Text
from t2t_mm.problem import Dropped, Split

TABLES = (registry.PROBLEMS, registry.MIXTURES, registry.VOCABULARIES)


@pytest.fixture(autouse=True)
def clean_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgets after a test what it registered."""
    for table in TABLES:
        table.load()
        monkeypatch.setattr(table, "_entries", dict(table._entries))


def write(folder: Path, **files: str | list[str]) -> None:
    for name, content in files.items():
        text = content if isinstance(content, str) else "".join(f"{line}\n" for line in content)
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")


def load(folder: Path, text: str, tmp_dir: Path | None = None) -> list[str]:
    (folder / "my.toml").write_text(text, encoding="utf-8")
    return problems_file.load(folder / "my.toml", tmp_dir)


def fails(folder: Path, text: str) -> str:
    """The error, with the file's folder left out."""
    with pytest.raises(UserError) as error:
        load(folder, text)
    return str(error.value).replace(f"{folder}/", "")


def samples(name: str, split: Split = Split.TRAIN, folder: Path = Path("/nowhere")) -> list[Any]:
    found = lookup.find_problem(name).generate_samples(split, folder, 0)
    return [sample for sample in found if not isinstance(sample, Dropped)]


PAIR = """
[problems.pair]
kind = "text2text"
format = "text_lines"
{more}
train = {{ inputs = "a.en", targets = "a.de" {inner} }}
{end}
"""


def pair(more: str = "", inner: str = "", end: str = "") -> str:
    return PAIR.format(more=more, inner=f", {inner}" if inner else "", end=end)


def test_declares_problems_vocabularies_and_mixtures(tmp_path: Path) -> None:
    write(tmp_path, a_en=["one", "two"], a_de=["eins", "zwei"])
    names = load(
        tmp_path,
        """
        [vocabularies."vocab.pair"]
        size = 300
        [mixtures.both]
        problems = ["pair", "pair_rev"]
        [problems.pair]
        kind = "text2text"
        format = "text_lines"
        vocabulary = "vocab.pair"
        command = "to_german"
        reversed_command = "to_english"
        metrics = "chrf"
        weight = 2
        loss_weight = 0.5
        shards = { train = 3 }
        summary = "Numbers."
        [problems.pair.train]
        inputs = "a.en"
        targets = "a.de"
        [problems.pair.dev]
        inputs = "a.de"
        targets = "a.en"
        """,
    )
    assert names == ["pair", "both"]
    problem, reverse = lookup.find_problems("both")
    assert (problem.command, reverse.command) == ("to_german", "to_english")
    assert problem.inputs.vocabulary == problem.targets.vocabulary == "vocab.pair"
    assert problem.metrics == ("chrf",)
    assert (problem.mixing_weight, reverse.loss_weight) == (2.0, 0.5)
    assert problem.shards == {Split.TRAIN: 3, Split.DEV: 1}
    assert registry.PROBLEMS.entry("pair").summary == "Numbers."
    spec = registry.VOCABULARIES.get("vocab.pair")
    assert (spec.size, spec.problems) == (300, ("pair",))
    assert samples("pair")[1] == {"inputs": "two", "targets": "zwei"}
    assert samples("pair", Split.DEV)[0] == {"inputs": "eins", "targets": "one"}


TAGS = """
[problems.p]
kind = "text2tags"
format = "tsv"
train = {{ path = "t.tsv" }}
dev = {{ path = "d.tsv" }}
{labels}
"""


@pytest.mark.parametrize("labels", ["", 'labels = ["O", "B"]'])
def test_each_word_has_a_tag_among_the_labels(tmp_path: Path, labels: str) -> None:
    write(tmp_path, t_tsv="inputs\ttargets\na b c\tO B O\nd\tB\n", d_tsv="inputs\ttargets\na\tX\n")
    load(tmp_path, TAGS.format(labels=labels))
    problem = lookup.find_problem("p")
    assert set(problem.labels_at(tmp_path)) == {"O", "B"}
    assert [sample["targets"] for sample in samples("p")] == ["O B O", "B"]
    with pytest.raises(UserError, match="d.tsv, line 2 has the class 'X', which is not"):
        samples("p", Split.DEV)


def test_numbers_have_the_range_of_the_table(tmp_path: Path) -> None:
    write(tmp_path, t_tsv="inputs\ttargets\na\t2.5\n")
    source = 'train = { path = "t.tsv" }\nlow = 0\nhigh = 5'
    load(tmp_path, f'[problems.p]\nkind = "text2number"\nformat = "tsv"\n{source}')
    problem = lookup.find_problem("p")
    assert (problem.targets.low, problem.targets.high) == (0, 5)
    assert [problem.targets.check(sample["targets"]) for sample in samples("p")] == [[2.5]]
    assert problem.labels_at(tmp_path) == ()


def test_a_problem_travels_to_another_process(tmp_path: Path) -> None:
    write(tmp_path, a_en=["one"], a_de=["eins"])
    load(tmp_path, pair())
    problem = pickle.loads(pickle.dumps(lookup.find_problem("pair")))
    assert list(problem.generate_samples(Split.TRAIN, tmp_path, 0)) == samples("pair")


def test_no_tensorflow() -> None:
    code = "import t2t_mm.problems_file, sys; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_paths_start_at_the_file_then_at_tmp_dir(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir(), there.mkdir()
    write(there, a_en=["there"], a_de=["dort"])
    load(here, pair(), there)
    assert samples("pair", folder=there) == [{"inputs": "there", "targets": "dort"}]
    write(here, a_en=["here"])
    assert samples("pair", folder=there) == [{"inputs": "here", "targets": "dort"}]
    (there / "a.de").unlink()
    with pytest.raises(UserError) as error:
        samples("pair", folder=there)
    assert str(error.value) == (
        f"{here}/my.toml, [problems.pair], train: 'a.de' is neither at {here}/a.de nor at "
        f"{there}/a.de; put it there, or point --tmp_dir to its root."
    )


HELD_OUT = pair(end="holdout = { dev = 0.2, test = 0.1 }")


def parts(name: str = "pair") -> dict[Split, list[str]]:
    return {split: [s["inputs"] for s in samples(name, split)] for split in Split}


def test_held_out_parts_are_disjoint_and_stable_when_data_are_added(tmp_path: Path) -> None:
    numbers = [f"number {i}" for i in range(1000)]
    write(tmp_path, a_en=numbers, a_de=numbers)
    load(tmp_path, HELD_OUT)
    before = parts()
    assert sorted(n for part in before.values() for n in part) == sorted(numbers)
    assert len(before[Split.DEV]) == pytest.approx(200, abs=40)
    assert len(before[Split.TEST]) == pytest.approx(100, abs=30)
    more = [f"new {i}" for i in range(100)] + numbers[::-1]
    write(tmp_path, a_en=more, a_de=more)
    after = parts()
    for split in Split:
        assert set(before[split]) <= set(after[split])


def test_the_same_sentence_is_never_in_two_parts(tmp_path: Path) -> None:
    numbers = [f"number {i % 50}" for i in range(500)]
    write(tmp_path, a_en=numbers, a_de=[f"Nummer {i}" for i in range(500)])
    load(tmp_path, HELD_OUT)
    train, dev, test = (set(part) for part in parts().values())
    assert not (train & dev or train & test or dev & test)


def test_sentences_are_the_same_as_they_stand_in_the_file(tmp_path: Path) -> None:
    numbers = [f"{word} {i}" for i in range(50) for word in ("number", "Number")]
    write(tmp_path, a_en=numbers, a_de=numbers)
    load(tmp_path, pair("lowercase = true", end="holdout = { dev = 0.3 }"))
    train, dev, _ = (set(part) for part in parts().values())
    assert train & dev  # as docs/problems_file.md says


def test_filters_act_and_are_reported(tmp_path: Path) -> None:
    write(tmp_path, a_en=["One  Two", "", "a b c", "Three"], a_de=["Eins", "zwei", "b", "DREI"])
    load(tmp_path, pair("lowercase = true", "skip_empty = true, max_words = 2"))
    assert samples("pair") == [
        {"inputs": "one  two", "targets": "eins"},
        {"inputs": "three", "targets": "drei"},
    ]
    left_out = {"empty": 1, "longer than 2 words": 1}
    assert lookup.find_problem("pair").left_out(Split.TRAIN, tmp_path) == left_out
    (row,) = generate(
        [lookup.find_problem("pair")], tmp_path / "data", num_workers=1, log=lambda line: None
    )
    assert (row.examples, row.read, row.left_out) == (2, 4, left_out)


def test_max_examples_takes_from_everywhere_and_stays_in_order(tmp_path: Path) -> None:
    lines = [f"{i:03d}" for i in range(200)]
    write(tmp_path, a_en=lines, a_de=lines)
    load(tmp_path, pair(inner="max_examples = 20"))
    found = [sample["inputs"] for sample in samples("pair")]
    assert len(found) == 20
    assert found == sorted(found)
    assert found[0] < "050" and found[-1] > "150"
    assert lookup.find_problem("pair").left_out(Split.TRAIN, tmp_path) == {
        "beyond max_examples": 180
    }


def test_an_empty_line_is_an_error_with_its_place(tmp_path: Path) -> None:
    write(tmp_path, a_en=["one", "two"], a_de=["eins", "  "])
    load(tmp_path, pair())
    with pytest.raises(
        UserError, match=r"train: a.de, line 2 is empty; fill it, or leave it out by"
    ):
        samples("pair")


def test_line_breaks_within_a_field_become_spaces(tmp_path: Path) -> None:
    write(tmp_path, t_csv='inputs,targets\n"a \n b",c\u00a0!\n')
    table = '[problems.t]\nkind = "text2text"\nformat = "csv"\ntrain = {path = "t.csv"}'
    load(tmp_path, table)
    assert samples("t") == [{"inputs": "a b", "targets": "c\u00a0!"}]


def test_labels_are_found_or_given(tmp_path: Path) -> None:
    write(
        tmp_path,
        t_tsv="inputs\ttargets\na\tno\nb\tyes\nc\tno\n",
        d_tsv="inputs\ttargets\na\tmaybe\n",
    )
    table = """
    [problems.{name}]
    kind = "text2class"
    format = "tsv"
    {more}
    train = {{ path = "t.tsv" }}
    dev = {{ path = "d.tsv" }}
    """
    load(tmp_path, table.format(name="found", more=""))
    problem = lookup.find_problem("found")
    assert problem.labels == ("no", "yes")
    assert problem.targets.group == "found"
    with pytest.raises(UserError) as error:
        samples("found", Split.DEV)
    assert str(error.value).endswith(
        "dev: d.tsv, line 2 has the class 'maybe', which is not among the 2 labels of the training "
        "data; correct it, or write all classes into labels."
    )
    load(tmp_path, table.format(name="given", more='labels = ["yes", "no", "maybe"]'))
    assert lookup.find_problem("given").labels == ("yes", "no", "maybe")
    assert lookup.find_problem("given").targets.size == 3
    assert samples("given", Split.DEV) == [{"inputs": "a", "targets": "maybe"}]


def test_labels_are_found_where_generate_says_that_raw_data_are(tmp_path: Path) -> None:
    raw, data = tmp_path / "raw", tmp_path / "data"
    raw.mkdir()
    write(raw, t_tsv="inputs\ttargets\na b\tno\nc d\tyes\n")
    load(
        tmp_path,
        '[problems.p]\nkind = "text2class"\nformat = "tsv"\ntrain = {path = "t.tsv"}\nshards = 1',
    )
    problem = lookup.find_problem("p")
    generate([problem], data, tmp_dir=raw, num_workers=1, log=lambda line: None)
    assert bind(problem, data).targets.names == ("no", "yes")


def test_loading_does_not_need_the_data_and_labels_say_what_is_missing(tmp_path: Path) -> None:
    load(
        tmp_path,
        '[problems.p]\nkind = "image2class"\nformat = "class_folders"\ntrain = {path = "x"}',
    )
    with pytest.raises(
        UserError, match=r"\[problems.p\], labels: 'x' is not at .*/x; put it there"
    ):
        _ = lookup.find_problem("p").labels


def test_trees_from_tables_are_proved(tmp_path: Path) -> None:
    write(tmp_path, a_en=["The cat"], a_de=["( S  (NP The  cat ) )"])
    text = pair("lowercase = true").replace("text2text", "text2tree")
    load(tmp_path, text)
    assert samples("pair") == [{"inputs": "the cat", "targets": "(S (NP the cat))"}]
    write(tmp_path, a_de=["(S The"])
    with pytest.raises(UserError, match="train: a.de, line 1: line 1: a bracket that opens here"):
        samples("pair")


def test_media_of_each_kind(tmp_path: Path) -> None:
    for name in ("a/1.wav", "b/2.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
    write(tmp_path, t_tsv="file\ttranscript\na/1.wav\tOne\n", c_csv="file,label\na/1.wav,Two\n")
    load(
        tmp_path,
        """
        [problems.words]
        kind = "speech2class"
        format = "class_folders"
        sample_rate = 8000
        train = { path = ".", files = "*.wav" }
        [problems.speech]
        kind = "speech2text"
        format = "wav_table"
        lowercase = true
        train = { path = "t.tsv", folder = "." }
        [problems.caption]
        kind = "image2text"
        format = "image_table"
        image_size = 64
        train = { path = "c.csv", folder = "." }
        """,
    )
    words, speech, caption = map(lookup.find_problem, ("words", "speech", "caption"))
    assert words.inputs == Audio(8000)
    assert words.labels == ("a", "b")
    assert (words.command, words.metrics) == ("to_label", ("accuracy",))
    assert (speech.inputs, speech.targets) == (Audio(16_000), Text("vocab.speech"))
    assert caption.inputs == Image(64, flip=False)
    assert samples("speech")[0]["inputs"]() == b"a/1.wav"
    assert [s["targets"] for name in ("speech", "caption") for s in samples(name)] == ["one", "Two"]


def test_captions_carry_references_in_the_held_out_part_only(tmp_path: Path) -> None:
    import json

    images = [{"id": i, "file_name": f"{i}.jpg"} for i in range(40)]
    notes = [{"image_id": i % 40, "caption": f"Caption {i}"} for i in range(80)]
    write(tmp_path, c_json=json.dumps({"images": images, "annotations": notes}))
    for i in range(40):
        (tmp_path / f"{i}.jpg").touch()
    load(
        tmp_path,
        """
        [problems.c]
        kind = "image2text"
        format = "coco"
        train = { annotations = "c.json", pictures = "." }
        holdout = { dev = 0.3 }
        """,
    )
    train, dev = samples("c"), samples("c", Split.DEV)
    assert 0 < len(dev) < 40
    assert len(train) == 2 * (40 - len(dev))
    assert all("references" not in sample for sample in train)
    assert all(len(s["references"]) == 2 and s["targets"] == s["references"][0] for s in dev)
    pictures = [{sample["inputs"].__self__ for sample in part} for part in (train, dev)]
    assert not pictures[0] & pictures[1]


def test_several_sources_of_one_split(tmp_path: Path) -> None:
    write(tmp_path, a_en=["one"], a_de=["eins"], t_tsv="inputs\ttargets\ntwo\tzwei\n")
    load(
        tmp_path,
        """
        [problems.x]
        kind = "text2text"
        [[problems.x.train]]
        format = "text_lines"
        inputs = "a.en"
        targets = "a.de"
        [[problems.x.train]]
        format = "tsv"
        path = "t.tsv"
        """,
    )
    assert [sample["targets"] for sample in samples("x")] == ["eins", "zwei"]


def test_the_version_follows_what_the_data_depend_on(tmp_path: Path) -> None:
    def version(text: str, folder: str) -> str:
        (tmp_path / folder).mkdir()
        load(tmp_path / folder, text.replace("pair", folder))
        return lookup.find_problem(folder).version

    plain = version(pair(), "a")
    assert version(pair("weight = 3\ncommand = 'to_x'"), "b") == plain
    assert version(pair("lowercase = true"), "c") != plain
    assert version(pair(end="holdout = {dev = 0.1}"), "d") != plain


def test_loading_again_changes_nothing_and_a_changed_table_is_refused(tmp_path: Path) -> None:
    assert load(tmp_path, pair()) == load(tmp_path, pair())
    assert fails(tmp_path, pair("lowercase = true")) == (
        "my.toml, [problems.pair]: the problem 'pair' is already registered by my.toml, "
        "[problems.pair]; choose another name."
    )


def test_taken_names(tmp_path: Path) -> None:
    assert fails(tmp_path, pair().replace("pair", "speech_shapes")) == (
        "my.toml, [problems.speech_shapes]: the problem 'speech_shapes' is already registered by "
        f"{registry.PROBLEMS.entry('speech_shapes').origin}; choose another name."
    )
    assert "must be lower case snake_case." in fails(tmp_path, pair().replace("pair", "Pair"))
    assert "must not end in _rev or _copy: they are derived." in fails(
        tmp_path, pair().replace("pair", "pair_rev")
    )


def test_a_file_may_take_the_place_of_a_built_in_problem_over_published_data(
    tmp_path: Path,
) -> None:
    write(tmp_path, a_en=["one"], a_de=["jedna"])
    text = pair().replace("pair", "translate_encs_multi30k")
    load(tmp_path, text)
    assert samples("translate_encs_multi30k") == [{"inputs": "one", "targets": "jedna"}]
    load(tmp_path, text)  # again changes nothing
    text = text.replace("kind =", "lowercase = true\nkind =")
    assert "already registered by my.toml" in fails(tmp_path, text)


def test_a_file_may_take_the_place_of_built_in_mixtures_and_vocabularies(tmp_path: Path) -> None:
    write(tmp_path, a_en=["one"], a_de=["jedna"])
    names = '[vocabularies."vocab.wmt4"]\nsize = 400\n[mixtures.wmt4]\nproblems = ["pair"]'
    load(tmp_path, pair('vocabulary = "vocab.wmt4"', end=names))
    assert [problem.name for problem in lookup.find_problems("wmt4")] == ["pair"]
    assert registry.VOCABULARIES.get("vocab.wmt4").problems == ("pair",)
    names = names.replace("400", "500")
    assert "the vocabulary 'vocab.wmt4' is already registered by" in fails(
        tmp_path, pair('vocabulary = "vocab.wmt4"', end=names)
    )


def test_file_mistakes(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        problems_file.load(tmp_path / "none.toml")
    assert str(error.value) == (
        f"--problems_file={tmp_path}/none.toml is not a file; give the path of a TOML file."
    )
    assert fails(tmp_path, "[problems").startswith("my.toml is malformed TOML: ")
    assert fails(tmp_path, "") == ("my.toml declares no problem; it needs a table [problems.NAME].")
    assert fails(tmp_path, "[problem.x]").startswith(
        "unknown table 'problem' (from my.toml); did you mean 'problems'?"
    )
    assert fails(tmp_path, "problems = 3") == "my.toml: [problems] must be a table, got 3."
    assert fails(tmp_path, "[problems]\nx = 3") == "my.toml, [problems.x] must be a table, got 3."
    (tmp_path / "my.toml").write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"my.toml is not UTF-8 \(invalid start byte at byte 0\)\."):
        problems_file.load(tmp_path / "my.toml")


P, T = "my.toml, [problems.pair]", "my.toml, [problems.pair.train]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (pair().replace('kind = "text2text"', ""), f"{P} lacks the key 'kind' (text)."),
        (pair().replace('"text2text"', "3"), f"{P}: kind must be text, got 3."),
        (pair().replace("text2text", "text2txt"),
         f"unknown kind 'text2txt' (from {P}); did you mean 'text2text'?"),
        (pair().replace("text_lines", "text_line"),
         f"unknown format 'text_line' (from {P}); did you mean 'text_lines'?"),
        (pair().replace('format = "text_lines"', ""),
         f"{T} lacks the key 'format' (one of text_lines, tsv, "),
        (pair().replace("text_lines", "coco"),
         f"{T}: format 'coco' does not give text with text, which kind 'text2text' needs; "
         "these do: text_lines, tsv, csv, jsonl."),
        (pair().replace("targets =", "target ="),
         f"unknown key 'target' (from {T}); did you mean 'targets'?"),
        (pair("vocabluary = 'x'"),
         f"unknown key 'vocabluary' (from {P}); did you mean 'vocabulary'?"),
        (pair().replace(', targets = "a.de"', ""), f"{T} lacks the key 'targets' (text)."),
        (pair().replace('"a.de"', "[1]"), f"{T}: targets must be text, got [1]."),
        (pair(inner="skip_empty = 1"), f"{T}: skip_empty must be true or false, got 1."),
        (pair(inner="max_words = 0"), f"{T}: max_words must be at least 1, got 0."),
        (pair(inner="max_examples = 1.5"), f"{T}: max_examples must be a whole number, got 1.5."),
        (pair("weight = 0"), f"{P}: weight must be above 0, got 0.0."),
        (pair("loss_weight = 'a'"), f"{P}: loss_weight must be a number, got 'a'."),
        (pair("metrics = [1]"), f"{P}: metrics must be text or a list of texts, got [1]."),
        (pair("image_size = 32"),
         f"{P}: the key 'image_size' has no meaning for kind 'text2text'."),
        (pair("labels = ['a']"), f"{P}: the key 'labels' has no meaning for kind 'text2text'."),
        (pair("modality = 'text'"),
         f"{P}: which network reads a problem is an hparam, not the table's; delete the key "
         "'modality' and give --hparams=text_modality=text."),
        (pair("shards = 0"), f"{P}: shards must be at least 1, got 0."),
        (pair("shards = {dev = 1}"), f"unknown split 'dev' (from {P}: shards). Known: train."),
        (pair("holdout = {dve = 0.1}"),
         f"unknown key 'dve' (from {P}: holdout); did you mean 'dev'?"),
        (pair("holdout = {dev = 2}"), f"{P}: holdout.dev must be above 0 and below 1, got 2."),
        (pair("holdout = 0.1"), f"{P}: holdout must be a table, got 0.1."),
        (pair("holdout = {dev = 0.6, test = 0.6}"),
         f"{P}: holdout must leave something to learn from; its shares add up to 1.2."),
        (pair("holdout = {dev = 0.1}", end='dev = {inputs = "a", targets = "b"}'),
         f"{P}: 'dev' has both a source and a holdout; keep one of them."),
        (pair().replace("train =", "test ="),
         f"{P} lacks the table [problems.pair.train], the source to learn from."),
        (pair().replace("train =", "train = [] #"), f"{T} must hold at least one source."),
        (pair().replace("train =", "train = 3 #"), f"{T} must be a table, got 3."),
        (pair("vocabulary = 'vocab.shape'"),
         f"unknown vocabulary 'vocab.shape' (from {P}); did you mean 'vocab.shapes'? Known: "),
        (pair(end='[vocabularies."v"]\nsize = 300'),
         'my.toml, [vocabularies."v"]: no problem names it, so there is no text to build it over.'),
        (pair("vocabulary = 'v'", end='[vocabularies."v"]'),
         "my.toml, [vocabularies.\"v\"] lacks the key 'size' (a whole number)."),
        (pair("vocabulary = 'v'", end='[vocabularies."v"]\nsize = -1'),
         'my.toml, [vocabularies."v"]: size must be at least 1, got -1.'),
        (pair(end='[vocabularies."v"]\nsize = 300\nproblems = "pairs"'),
         "unknown problem 'pairs' (from my.toml, [vocabularies.\"v\"]); did you mean 'pair'?"),
        (pair(end="[mixtures.m]\nproblems = 'pairs'"),
         "unknown problem or mixture 'pairs' (from my.toml, [mixtures.m]); did you mean 'pair'?"),
        (pair(end="[mixtures.m]\nproblems = []"),
         "my.toml, [mixtures.m]: problems must name at least one."),
        (pair(end="[mixtures.m]"),
         "my.toml, [mixtures.m] lacks the key 'problems' (text or a list of texts)."),
        (pair(end="[mixtures.pair]\nproblems = 'pair'"),
         "my.toml, [mixtures.pair]: mixture 'pair' has the name of a problem."),
        (pair().replace("text2text", "text2class").replace("format", "labels = ['a', 'a']\nformat"),
         f"{P}: labels names 'a' twice."),
    ],
)  # fmt: skip
def test_mistakes_name_file_table_and_key(text: str, message: str, tmp_path: Path) -> None:
    assert fails(tmp_path, text).startswith(message)


ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(
    r"```toml\n(.*?)```", (ROOT / "docs" / "problems_file.md").read_text(encoding="utf-8"), re.S
)


@pytest.mark.parametrize("block", [block for block in BLOCKS if "kind =" in block])
def test_the_blocks_of_the_documentation_load(block: str, tmp_path: Path) -> None:
    assert len(BLOCKS) > 5
    assert load(tmp_path, block)


def test_the_example_is_well_formed() -> None:
    names = problems_file.load(ROOT / "examples" / "realdata.toml")
    assert len(lookup.find_problems("realdata10")) == 10
    assert registry.VOCABULARIES.get("vocab.real8k").size == 8192
    assert len(names) == 12
