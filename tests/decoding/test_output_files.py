"""Names and lines of what t2t-decoder writes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from t2t_mm.decoding.decoder import Decoded, Prediction
from t2t_mm.decoding.output_files import answer_line, check_writable, inputs_beside, search_name
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import UserError
from t2t_mm.registry import SEARCHES
from tests.decoding.decoding_run import toy_run  # noqa: F401

SEARCHES.declare("decoding_named", "nowhere:Search", "A user's search, never used.")
DECODED = Decoded("a\nb\tc", -0.5, (Prediction("a\nb\tc", -0.5), Prediction("d", -1.25)))


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ("", "a b\tc"),
        ("return_beams=True", "a b c\td"),
        ("return_beams=True,write_beam_scores=True", "a b c\t-0.5000\td\t-1.2500"),
        ("write_beam_scores=True", "a b c\t-0.5000"),
        ("num_decodes=2", "a b c\td"),
        ("num_decodes=3,write_beam_scores=True", "a b c\t-0.5000\td\t-1.2500"),
    ],
)
def test_lines(settings, line):
    assert answer_line(DECODED, DecodeSettings().override(settings)) == line


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ("", "beam4.alpha0.6"),
        ("beam_size=1,alpha=0", "beam1.alpha0"),
        ("search=greedy", "beam1.alpha0.6"),
        ("search=decoding_named", "decoding_named"),
        ("sampling_method=random,sampling_temp=0.5,seed=3", "random.temp0.5.seed3"),
    ],
)
def test_names(settings, name):
    assert search_name(DecodeSettings().override(settings)) == name


def test_no_more_labels_are_written_than_answers_are_asked_for():
    labels = tuple(Prediction(label, -1.0) for label in "abcde")
    decoded = Decoded("a", -1.0, labels)
    assert answer_line(decoded, DecodeSettings(num_decodes=3)) == "a\tb\tc"
    assert answer_line(decoded, DecodeSettings(return_beams=True)) == "a\tb\tc\td\te"


def test_the_inputs_of_two_runs_do_not_meet():
    names = ["a.png.beam4.decodes", "run.1", "run.2"]
    beside = [str(inputs_beside(Path("x") / name)) for name in names]
    assert beside == ["x/a.png.beam4.inputs", "x/run.1.inputs", "x/run.2.inputs"]


def test_places_that_cannot_be_written(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"the folder .*/no does not exist; create it or change"):
        check_writable(tmp_path / "no" / "x")
    with pytest.raises(UserError, match=r"is a folder; name a file in --decode_to_file"):
        check_writable(tmp_path)
    with pytest.raises(UserError, match=r"cannot be written \(File name too long\); name another"):
        check_writable(tmp_path / ("x" * 300))
    monkeypatch.setattr(os, "access", lambda *_: False)  # the tests may run as root
    with pytest.raises(UserError, match=r"the folder .* cannot be written to; name another in"):
        check_writable(tmp_path / "x")
