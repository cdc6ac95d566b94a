"""The text of every mistake in a problems file."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_mm import problems_file
from t2t_mm.errors import UserError
from tests.problems_file.written_files import fails, pair


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
    with pytest.raises(
        UserError, match="my.toml, line 1 is not UTF-8 .byte 1 of the line: invalid"
    ):
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
        (pair().replace('"text_lines"', "[1]"), f"unknown format '[1]' (from {P}). Known: "),
        (pair("weight = 1" + "0" * 400), f"{P}: weight is too large for a number: 1000"),
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
