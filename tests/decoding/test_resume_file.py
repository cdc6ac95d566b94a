"""The side file: what it keeps, what it does with another run's, with rubbish, with a rival."""

from __future__ import annotations

import json
import os

import pytest

from t2t_mm.decoding.decoder import Decoded, Prediction
from t2t_mm.decoding.resume_file import ResumeFile
from t2t_mm.errors import UserError
from tests.decoding.decoding_run import toy_run  # noqa: F401  (pytest imports this folder's helpers first)

RUN = {"inputs": "abc", "settings": {"beam_size": 4}}
ONE = Decoded(
    "ein\nZeilen\u2028umbruch",
    -1.2345678901234567,
    (Prediction("ein", -1.0), Prediction("x", -9.0)),
)
TWO = Decoded("zwei", -0.1, (Prediction("zwei", -0.1),))


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def opened(tmp_path, said):
    return lambda run=RUN: ResumeFile(tmp_path / "out", run, said.append)


def test_answers_come_back_to_the_bit(opened, said, tmp_path):
    with opened() as partial:
        assert partial.done == {} and said == []
        partial.add({3: ONE})
        partial.add({0: TWO, 7: TWO})
    with opened() as partial:
        assert partial.done == {3: ONE, 0: TWO, 7: TWO}
        assert said == [f"going on: 3 answers are in {tmp_path}/out.partial"]
        partial.add({1: ONE})
    with opened() as partial:
        assert sorted(partial.done) == [0, 1, 3, 7]
        partial.finish()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("cut", [1, 20])
def test_half_a_line_is_cut_off(opened, tmp_path, cut):
    """As after a kill or a full disk in the middle of a write."""
    with opened() as partial:
        partial.add({0: TWO})
        partial.add({1: ONE})
    path = tmp_path / "out.partial"
    os.truncate(path, path.stat().st_size - cut)
    with opened() as partial:
        assert partial.done == {0: TWO}
        partial.add({1: ONE})
    with opened() as partial:
        assert partial.done == {0: TWO, 1: ONE}
    assert [json.loads(line)["index"] for line in path.read_text().splitlines()[1:]] == [0, 1]


def test_nothing_but_half_a_head(opened, tmp_path, said):
    (tmp_path / "out.partial").write_bytes(b'{"inp')
    with opened() as partial:
        assert partial.done == {}
        partial.add({1: ONE})
    with opened() as partial:
        assert partial.done == {1: ONE}


def test_another_runs_answers_are_not_taken(opened, said, tmp_path):
    with opened() as partial:
        partial.add({0: ONE})
    with opened({"inputs": "abd", "settings": {"beam_size": 1}}) as partial:
        assert partial.done == {}
        partial.add({0: TWO})
    place = tmp_path / "out.partial"
    assert said == [f"{place} is of another run (inputs differ, settings differ): beginning anew"]
    with opened({"inputs": "abd", "settings": {"beam_size": 1}}) as partial:
        assert partial.done == {0: TWO}


@pytest.mark.parametrize("rubbish", ["no json\n", "[1]\n", json.dumps(RUN) + '\n{"index": 1}\n'])
def test_rubbish(opened, said, tmp_path, rubbish):
    (tmp_path / "out.partial").write_text(rubbish)
    with opened() as partial:
        assert partial.done == {}
    assert said == [f"{tmp_path}/out.partial is of another run (it cannot be read): beginning anew"]


def test_one_run_at_a_time(opened, tmp_path):
    with (
        opened() as first,
        pytest.raises(UserError, match=r"^another t2t-decoder is writing .*out\.partial; wait for"),
        opened(),
    ):
        pass
    first_again = opened()
    with first_again:  # the lock has gone with the block
        pass
    assert first.done == {}


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "out.partial").mkdir()
    with pytest.raises(UserError, match=r"out\.partial cannot be written \(Is a directory\)"):
        ResumeFile(tmp_path / "out", RUN).__enter__()


def test_without_a_file_nothing_is_kept(tmp_path):
    with ResumeFile(None, RUN) as partial:
        partial.add({0: ONE})
        assert partial.done == {0: ONE}
        partial.finish()
    assert os.listdir(tmp_path) == []
