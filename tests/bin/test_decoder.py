"""t2t-decoder from the command line: files, splits, and the sentence for each mistake."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from t2t_mm.bin import t2t_decoder
from t2t_mm.bin.command_line import exit_status

sys.path.insert(0, str(Path(__file__).parents[1] / "decoding"))  # where the toy run is made
from decoding_run import COUNTS, png, toy_model, toy_run, wav

from t2t_mm.problem import Split


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory) -> Path:
    return shutil.copytree(toy_run().output_dir, tmp_path_factory.mktemp("decoder") / "run")


@pytest.fixture(autouse=True)
def one_model(monkeypatch):
    """Loads once: loading has tests of its own, in tests/decoding."""
    loaded = toy_model()  # before its loader is replaced
    monkeypatch.setattr("t2t_mm.decoding.model_loading.load", lambda *_: loaded)


def decoder(*flags: str) -> int:
    return exit_status(t2t_decoder.main, list(flags))


def test_a_text_file(run_dir, tmp_path, capsys):
    lines = ["red dog sees", "a", "big cat likes small dog"]
    source = tmp_path / "in.txt"
    source.write_text("\n".join(lines) + "\n")
    flags = (f"--output_dir={run_dir}", "--problem=decoding_toy_text")
    assert decoder(*flags, f"--decode_from_file={source}") == 0
    path = tmp_path / "in.txt.multi_model.multimodel_tiny.decoding_toy_text.beam4.alpha0.6.decodes"
    expected = [one.output for one in toy_model().decode("decoding_toy_text", lines)]
    # A line break in an answer is written as a space: one line an answer.
    assert path.read_text() == "".join(" ".join(x.splitlines()) + "\n" for x in expected)
    assert f"wrote 3 answers to {path}" in capsys.readouterr().out


def test_num_samples_and_decode_to_file(run_dir, tmp_path):
    source, out = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("red\nblue\nbig\n")
    status = decoder(
        f"--output_dir={run_dir}",
        "--problem=decoding_toy_text",
        f"--decode_from_file={source}",
        f"--decode_to_file={out}",
        "--num_samples=2",
    )
    assert status == 0
    assert len(out.read_bytes().split(b"\n")) == 3


@pytest.mark.parametrize(
    ("problem", "suffix", "make"),
    [("decoding_toy_class", "png", png), ("decoding_toy_speech", "wav", wav)],
)
def test_pictures_and_sounds(run_dir, tmp_path, problem, suffix, make):
    """A file itself, and a list of files, give what Python gives."""
    for index in range(2):
        (tmp_path / f"{index}.{suffix}").write_bytes(make(index))
    (tmp_path / "list.txt").write_text(f"1.{suffix}\n0.{suffix}\n")
    expected = [one.output for one in toy_model().decode(problem, [make(0), make(1)])]
    flags = (f"--output_dir={run_dir}", f"--problem={problem}")
    for source, wanted in ((f"0.{suffix}", expected[:1]), ("list.txt", expected[::-1])):
        assert decoder(*flags, f"--decode_from_file={tmp_path / source}") == 0
        path = tmp_path / f"{source}.multi_model.multimodel_tiny.{problem}.beam4.alpha0.6.decodes"
        assert path.read_text() == "".join(" ".join(x.splitlines()) + "\n" for x in wanted)


def test_the_dev_split(run_dir, tmp_path, capsys):
    status = decoder(
        f"--output_dir={run_dir}",
        "--problem=decoding_toy_text",
        "--decode_from_dev",
        f"--data_dir={toy_run().data_dir}",
        f"--decode_to_file={tmp_path / 'dev'}",
    )
    assert status == 0
    inputs, targets, decodes = (
        (tmp_path / f"dev.{name}").read_text().splitlines()
        for name in ("inputs", "targets", "decodes")
    )
    assert len(inputs) == len(targets) == COUNTS[Split.DEV]
    assert [line.upper() for line in inputs] == targets
    assert "exact_match" in capsys.readouterr().out
    assert len(decodes) == len(inputs)


RUN, TEXT, FILE = "--output_dir={run}", "--problem=decoding_toy_text", "--decode_from_file={text}"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "no model given; name the folder that t2t-trainer wrote in --output_dir."),
        ((RUN, TEXT), "say what to decode with one of --decode_from_file, --decode_split, --deco"),
        (
            (RUN, TEXT, FILE, "--decode_split=dev"),
            "--decode_from_file and --decode_split contradict each other; give one of them.",
        ),
        ((RUN, FILE, "--problem=decoding_toy_txt"), "did you mean 'decoding_toy_text'?"),
        ((RUN, FILE), "choose one problem with --problem; this model has decoding_toy_caption,"),
        (
            (RUN, TEXT, FILE, "--model=transformer"),
            "--model=transformer contradicts the run in {run}, which was trained with "
            "--model=multi_model; leave --model out.",
        ),
        (
            (RUN, TEXT, FILE, "--hparams_set=multimodel_base"),
            "--hparams_set=multimodel_base contradicts the run in {run}, which was trained with",
        ),
        ((RUN, TEXT, FILE, "--num_samples=0"), "--num_samples must be 1 or more, got 0."),
        (
            (RUN, TEXT, "--decode_from_file=none.txt"),
            "none.txt cannot be read (No such file or directory); check the path.",
        ),
        ((RUN, TEXT, "--decode_from_file={empty}"), "line 2 of {empty} is empty; give one input"),
        ((RUN, TEXT, "--decode_from_file={latin}"), "line 1 of {latin} is not valid UTF-8"),
        (
            (RUN, "--problem=decoding_toy_class", "--decode_from_file={broken}"),
            "the picture {broken} is no picture that can be decoded",
        ),
        (
            (RUN, TEXT, FILE, "--decode_to_file={run}/none/x"),
            "the folder {run}/none does not exist; create it or change --decode_to_file.",
        ),
        (
            (RUN, TEXT, "--decode_split=test", "--data_dir={data}"),
            "problem 'decoding_toy_text' has no split test",
        ),
        (("--output_dir=/none", TEXT, FILE), "'/none' is no run directory: it has no run.json;"),
        ((RUN, TEXT, "--decode_from_fil=x"), "did you mean --decode_from_file?"),
    ],
)
def test_mistakes_are_one_sentence_and_status_2(run_dir, tmp_path, capsys, flags, message):
    places = {"run": run_dir, "data": toy_run().data_dir}
    contents = {"text": b"red\n", "empty": b"red\n\n", "latin": b"\xe9t\n"}
    for name, content in {**contents, "broken": png(0)[:99]}.items():
        places[name] = tmp_path / f"{name}{'.png' if name == 'broken' else '.txt'}"
        places[name].write_bytes(content)
    assert decoder(*(flag.format(**places) for flag in flags)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message.format(**places) in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.decodes*"))  # nothing half-written either
