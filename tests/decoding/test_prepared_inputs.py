"""A run prepares users' texts as its data were: files, scores, Python. One of before does not."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

from t2t_mm.bin import t2t_decoder
from t2t_mm.bin.command_line import exit_status
from t2t_mm.decoding.inputs import unprepared_note
from t2t_mm.decoding.model_loading import LoadedModel, load
from tests.decoding.decoding_run import toy_run

PROBLEM = "decoding_toy_text"
RULES = ["one_line", "lowercase"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """The toy run, as if its data had been made with lowercase = true."""
    folder = tmp_path_factory.mktemp("prepared") / "run"
    shutil.copytree(toy_run().output_dir, folder)
    rewrite(folder, lambda kind: kind.update(preparation=RULES))
    return folder


def rewrite(folder: Path, change) -> None:
    record = json.loads((folder / "run.json").read_text())
    task = record["tasks"][PROBLEM]
    for kind in (*task["inputs"].values(), task["targets"]):
        change(kind)
    (folder / "run.json").write_text(json.dumps(record))


@pytest.fixture(scope="module")
def model(run) -> LoadedModel:
    return load(run)


def test_python_and_files_answer_capitals_and_tabs_as_the_plain_text(
    run, model, tmp_path, monkeypatch
) -> None:
    raw, plain = ["RED\tDog  ", "Big Cat"], ["red dog", "big cat"]
    found = model.decode(PROBLEM, raw)
    assert found == model.decode(PROBLEM, plain)
    given = model.score(PROBLEM, raw, ["RED", "cat\t"])
    assert given == model.score(PROBLEM, plain, ["red", "cat"])
    monkeypatch.setattr("t2t_mm.decoding.model_loading.load", lambda *_: model)
    (tmp_path / "in.txt").write_text("RED Dog\nBig Cat\n")
    (tmp_path / "score.txt").write_text("RED Dog\tRED\nBig Cat\tCAT\n")
    flags = (f"--output_dir={run}", f"--problem={PROBLEM}")
    decode, score = (f"--{n}={tmp_path / f}" for n, f in
                     (("decode_from_file", "in.txt"), ("score_file", "score.txt")))  # fmt: skip
    for number, flag in enumerate((decode, score)):
        to = f"--decode_to_file={tmp_path / str(number)}"
        assert exit_status(t2t_decoder.main, [*flags, flag, to]) == 0
    answers = (tmp_path / "0").read_text().splitlines()
    assert answers == [" ".join(one.output.splitlines()) for one in found]
    scores = [float(line) for line in (tmp_path / "1").read_text().splitlines()]
    assert scores == pytest.approx(given, abs=1e-6)


def test_a_run_of_before_reads_texts_as_they_stand_and_says_so(run, tmp_path, caplog) -> None:
    old = shutil.copytree(run, tmp_path / "run")
    rewrite(old, lambda kind: kind.pop("preparation"))
    model = load(old)
    note = unprepared_note([model.tasks[PROBLEM]])
    assert note.startswith("note: run.json does not say how texts of decoding_toy_text were prep")
    assert unprepared_note([model.tasks["decoding_toy_tree"]]) == ""
    with caplog.at_level(logging.WARNING, "t2t_mm"):
        capitals, plain, again = (model.score(PROBLEM, [t], ["a"]) for t in ("RED", "red", "red"))
    assert capitals != plain == again
    assert [record.getMessage() for record in caplog.records] == [note]  # once
