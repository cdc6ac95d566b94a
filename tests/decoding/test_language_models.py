"""What decoding does for a problem without inputs: files of empty lines, no metrics, perplexity."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from t2t_mm.decoding.decoder import Decoded
from t2t_mm.decoding.input_files import read_inputs, read_scored, read_table
from t2t_mm.decoding.splits import Answered
from t2t_mm.errors import DataError
from t2t_mm.evaluation.metrics import applies
from t2t_mm.evaluation.perplexity import with_perplexities
from t2t_mm.kinds import Text
from t2t_mm.problem import Task

TEXT = Text("vocab.x", 300)
MODEL = Task("lm", "lm", dataclasses.replace(TEXT, absent=True), TEXT, "to_text")
OTHER = Task("mt", "mt", TEXT, TEXT, "to_text")


def file(folder: Path, text: str, name: str = "x.txt") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_an_empty_line_asks_for_a_text(tmp_path: Path) -> None:
    where = file(tmp_path, "\n\n")
    assert [one.raw for one in read_inputs(MODEL, where)] == ["", ""]
    with pytest.raises(DataError, match="line 1 of .* is empty"):
        read_inputs(OTHER, where)


def test_texts_to_be_scored(tmp_path: Path) -> None:
    where = file(tmp_path, "\tone text\n\t\n")
    assert [(one.raw, one.target) for one in read_scored(MODEL, where)] == [
        ("", "one text"),
        ("", ""),
    ]
    with pytest.raises(DataError, match="line 2 of .* is empty"):
        read_scored(OTHER, where)


def test_a_table_that_mixes_problems(tmp_path: Path) -> None:
    tasks = {"lm": MODEL, "mt": OTHER}
    found = read_table(tasks, file(tmp_path, "lm\t\nmt\tyes\n"))
    assert [(one.task.name, one.raw) for one in found] == [("lm", ""), ("mt", "yes")]
    with pytest.raises(DataError, match="line 2 of .* has an empty input"):
        read_table(tasks, file(tmp_path, "lm\t\nmt\t\n"))
    with pytest.raises(DataError, match="line 1 of .* has 1 column"):
        read_table(tasks, file(tmp_path, "lm\n"))


def test_no_metric_of_answers_applies() -> None:
    assert applies("chrf", OTHER) and not applies("chrf", MODEL)
    assert not applies("exact_match", MODEL)


def test_perplexities_by_hand() -> None:
    texts = {"a b c": [5, 6, 7, 8, 1], "d": [9, 1]}
    answers = [
        Answered(i, "", text, (text,), np.array(ids), Decoded("", 0.0))
        for i, (text, ids) in enumerate(texts.items())
    ]
    mean = -math.log(3.0)  # each of seven tokens has a third
    found = with_perplexities({"neg_log_perplexity": mean, "loss": 1.0}, answers)
    assert found["perplexity_per_token"] == pytest.approx(3.0)
    assert found["perplexity_per_word"] == pytest.approx(3.0 ** (7 / 6))  # four words, two ends
    assert found["loss"] == 1.0
    assert with_perplexities({}, answers) == {}
    assert math.isinf(
        with_perplexities({"neg_log_perplexity": -1e4}, answers)["perplexity_per_word"]
    )
