"""t2t-decoder from the command line: files, splits, and the sentence for each mistake."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from t2t_mm.bin import t2t_decoder
from t2t_mm.bin.command_line import exit_status

sys.path.insert(0, str(Path(__file__).parents[1] / "decoding"))  # where the toy run is made
from decoding_run import COUNTS, png, toy_model, toy_run, wav, words

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


def python(problem: str, inputs: list, settings: str = "") -> list[str]:
    """What Python answers, as a file has it."""
    found = toy_model().decode(problem, inputs, settings)
    return [" ".join(one.output.splitlines()) for one in found]


def test_a_folder(run_dir, tmp_path, capsys):
    """By name; and which line is which picture is written beside."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, name in enumerate(("b.png", "a.PNG", "notes.txt", "c.png")):
        (folder / name).write_bytes(png(index))
    flags = (f"--output_dir={run_dir}", "--problem=decoding_toy_class")
    assert decoder(*flags, f"--decode_from_file={folder}/") == 0
    end = "multi_model.multimodel_tiny.decoding_toy_class.beam4.alpha0.6"
    decodes, inputs = (tmp_path / f"pictures.{end}.{name}" for name in ("decodes", "inputs"))
    assert decodes.read_text().splitlines() == python(
        "decoding_toy_class", [png(1), png(0), png(3)]
    )
    names = ("a.PNG", "b.png", "c.png")
    assert inputs.read_text() == "".join(f"{folder}/{name}\n" for name in names)
    assert f"wrote 3 answers to {decodes}" in capsys.readouterr().out


def test_a_table_of_mixed_problems(run_dir, tmp_path):
    (tmp_path / "p.png").write_bytes(png(5))
    (tmp_path / "s.wav").write_bytes(wav(2))
    table = tmp_path / "mixed.tsv"
    table.write_text(
        "decoding_toy_speech\ts.wav\ndecoding_toy_text\tred dog\n"
        "decoding_toy_class\tp.png\ndecoding_toy_text\tblue\n"
    )
    assert decoder(f"--output_dir={run_dir}", f"--decode_from_file={table}") == 0
    found = tmp_path / "mixed.tsv.multi_model.multimodel_tiny.mixed.beam4.alpha0.6.decodes"
    red, blue = python("decoding_toy_text", ["red dog", "blue"])
    (speech,), (label,) = (
        python("decoding_toy_speech", [wav(2)]),
        python("decoding_toy_class", [png(5)]),
    )
    assert found.read_text().splitlines() == [speech, red, label, blue]


def test_n_best_with_scores(run_dir, tmp_path):
    source, out = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("red dog\n")
    status = decoder(
        f"--output_dir={run_dir}",
        "--problem=decoding_toy_text",
        f"--decode_from_file={source}",
        f"--decode_to_file={out}",
        "--decode_hparams=beam_size=3,return_beams=True,write_beam_scores=True",
    )
    assert status == 0
    cells = out.read_text().removesuffix("\n").split("\t")
    (one,) = toy_model().decode("decoding_toy_text", ["red dog"], "beam_size=3,return_beams=True")
    assert cells[1::2] == [f"{answer.score:.4f}" for answer in one.alternatives]
    assert cells[::2] == [" ".join(answer.output.splitlines()) for answer in one.alternatives]
    assert len(cells) == 6


def stdin(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_standard_input(run_dir, monkeypatch, capsys):
    """Nothing but answers on standard output."""
    stdin(monkeypatch, b"red dog\nblue\n")
    flags = (f"--output_dir={run_dir}", "--problem=decoding_toy_text", "--decode_from_file=-")
    assert decoder(*flags) == 0
    expected = python("decoding_toy_text", ["red dog", "blue"])
    assert capsys.readouterr().out == "".join(line + "\n" for line in expected)


def test_given_answers_are_scored(run_dir, tmp_path, capsys):
    source = tmp_path / "in.txt"
    source.write_text("red dog\tRED DOG\nblue\tBLUE\n")
    flags = (f"--output_dir={run_dir}", "--problem=decoding_toy_text")
    assert decoder(*flags, f"--score_file={source}") == 0
    path = tmp_path / "in.txt.multi_model.multimodel_tiny.decoding_toy_text.scores"
    expected = toy_model().score("decoding_toy_text", ["red dog", "blue"], ["RED DOG", "BLUE"])
    found = [float(line) for line in path.read_text().splitlines()]
    assert found == pytest.approx(expected, abs=1e-5)
    mean = f"{sum(expected) / 2:.4f}"[:-1]
    assert f"wrote 2 scores to {path}; mean log-probability {mean}" in capsys.readouterr().out


def test_zero_shot_is_marked(run_dir, tmp_path, capsys):
    source = tmp_path / "s.wav"
    source.write_bytes(wav(1))
    flags = (f"--output_dir={run_dir}", "--input_problem=decoding_toy_speech")
    assert (
        decoder(*flags, "--target_problem=decoding_toy_tree", f"--decode_from_file={source}") == 0
    )
    name = "decoding_toy_speech-to-decoding_toy_tree.zero_shot.beam4.alpha0.6.decodes"
    path = tmp_path / f"s.wav.multi_model.multimodel_tiny.{name}"
    model = toy_model()
    task = model.task_between("decoding_toy_speech", "decoding_toy_tree")
    assert path.read_text() == " ".join(model.decode(task, [wav(1)])[0].output.splitlines()) + "\n"
    assert capsys.readouterr().out.startswith(
        "zero-shot: no problem was trained from the inputs of 'decoding_toy_speech' to the "
        "targets of 'decoding_toy_tree' with the command 'to_parse_tree'\n"
    )


def test_a_session(run_dir, monkeypatch, capsys):
    stdin(monkeypatch, b"pr=decoding_toy_txt\npr=decoding_toy_text\nred dog\nq\nblue\n")
    assert decoder(f"--output_dir={run_dir}", "--decode_interactive") == 0
    out = capsys.readouterr().out
    (one,) = toy_model().decode("decoding_toy_text", ["red dog"])
    assert "error: unknown problem of this model 'decoding_toy_txt'" in out
    assert out.endswith(f"  {one.output}   (log-probability {one.score:.2f})\n")


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


def test_a_split_zero_shot_has_no_figures(run_dir, tmp_path, capsys):
    """The targets beside it are those of the problem whose inputs are read."""
    status = decoder(
        f"--output_dir={run_dir}",
        "--input_problem=decoding_toy_speech",
        "--target_problem=decoding_toy_text",
        "--decode_split=dev",
        f"--data_dir={toy_run().data_dir}",
        f"--decode_to_file={tmp_path / 'dev'}",
    )
    assert status == 0
    out = capsys.readouterr().out
    assert "dev, 6 examples; zero-shot: no problem was trained from the inputs of" in out
    assert sorted((tmp_path / "dev.targets").read_text().splitlines()) == sorted(
        words(Split.DEV, index) for index in range(COUNTS[Split.DEV])
    )


class Counted:
    """Counts what the decoder answers, and stops it after some batches."""

    def __init__(self, monkeypatch, stop_after: int | None = None):
        from t2t_mm.decoding.decoder import Decoder

        self.rows: list[int] = []
        answer, batches = Decoder.__call__, iter(range(stop_after or 1000))

        def counted(own, task, batch, rows=None):
            if next(batches, None) is None:
                raise KeyboardInterrupt
            self.rows += [int(row) for row in rows]
            return answer(own, task, batch, rows)

        monkeypatch.setattr(Decoder, "__call__", counted)


LINES = ["red dog sees", "a", "big cat likes small dog", "blue", "cat", "dog sees", "small"]
KILLED = """
import os, signal
from t2t_mm.bin import t2t_decoder
from t2t_mm.decoding.decoder import Decoder

answer, batches = Decoder.__call__, iter(range(2))

def killed(*args):
    if next(batches, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer(*args)

Decoder.__call__ = killed
t2t_decoder.main({flags})
"""


def test_a_killed_run_goes_on(run_dir, tmp_path, monkeypatch, capsys):
    """SIGKILL after two batches of two: the rerun answers the other three lines, and no more."""
    source, whole, out = (tmp_path / name for name in ("in.txt", "whole", "out"))
    source.write_text("\n".join(LINES))
    flags = [
        f"--output_dir={run_dir}",
        "--problem=decoding_toy_text",
        f"--decode_from_file={source}",
        "--decode_hparams=beam_size=2,batch_size=2,return_beams=True,write_beam_scores=True",
    ]
    assert decoder(*flags, f"--decode_to_file={whole}") == 0
    out_flags = [*flags, f"--decode_to_file={out}"]
    code = KILLED.format(flags=out_flags)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not out.exists()
    side = tmp_path / "out.partial"
    answered = [json.loads(line)["index"] for line in side.read_text().splitlines()[1:]]
    assert len(answered) == 4
    with open(side, "a") as file:
        file.write('{"index": 6, "output": "half a li')  # as a kill in the middle of a write
    counted = Counted(monkeypatch)
    assert decoder(*out_flags) == 0
    assert sorted([*answered, *counted.rows]) == list(range(len(LINES)))
    assert f"going on: 4 answers are in {side}" in capsys.readouterr().out
    assert out.read_bytes() == whole.read_bytes()
    assert not side.exists()


def test_other_settings_begin_anew(run_dir, tmp_path, monkeypatch, capsys):
    source, out = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("\n".join(LINES))
    flags = [
        f"--output_dir={run_dir}",
        "--problem=decoding_toy_text",
        f"--decode_from_file={source}",
        f"--decode_to_file={out}",
    ]
    with monkeypatch.context() as patch:
        Counted(patch, stop_after=1)
        assert decoder(*flags, "--decode_hparams=batch_size=2,beam_size=1") == 130
    out_text = capsys.readouterr().out
    assert f"what is answered is in {out}.partial; the same command goes on from there." in out_text
    counted = Counted(monkeypatch)
    assert decoder(*flags, "--decode_hparams=batch_size=3,beam_size=1") == 0
    assert "is of another run (settings differ): beginning anew" in capsys.readouterr().out
    assert sorted(counted.rows) == list(range(len(LINES)))


def test_a_split_goes_on(run_dir, tmp_path, monkeypatch):
    monkeypatch.setattr("t2t_mm.decoding.batching._TOKENS", 8)  # batches of one or two
    flags = [
        f"--output_dir={run_dir}",
        "--problem=decoding_toy_text",
        "--decode_split=dev",
        f"--data_dir={toy_run().data_dir}",
    ]
    loaded = toy_model()
    small = dataclasses.replace(loaded, hparams=loaded.hparams.replace(batch_size=8))
    monkeypatch.setattr("t2t_mm.decoding.model_loading.load", lambda *_: small)
    assert decoder(*flags, f"--decode_to_file={tmp_path / 'whole'}") == 0
    with monkeypatch.context() as patch:
        first = Counted(patch, stop_after=2)
        assert decoder(*flags, f"--decode_to_file={tmp_path / 'out'}") == 130
    second = Counted(monkeypatch)
    assert decoder(*flags, f"--decode_to_file={tmp_path / 'out'}") == 0
    assert 0 < len(first.rows) < COUNTS[Split.DEV]
    assert sorted(first.rows + second.rows) == list(range(COUNTS[Split.DEV]))
    for name in ("inputs", "targets", "decodes"):
        assert (tmp_path / f"out.{name}").read_bytes() == (tmp_path / f"whole.{name}").read_bytes()
    assert not list(tmp_path.glob("*.partial"))


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
        (
            (RUN, "--decode_from_file={mixed}"),
            "unknown problem of this model 'decoding_toy_txt' (from line 2 of {mixed}); did you",
        ),
        ((RUN, "--decode_from_file={mixed}", "--command=to_text"), "--command needs a --problem;"),
        (
            (RUN, "--problem=decoding_toy_class", "--decode_from_file={folder}"),
            "the picture {folder}/b.png is no picture that can be decoded",
        ),
        (
            (RUN, "--problem=decoding_toy_speech", "--decode_from_file={folder}"),
            "the folder {folder} holds no sound (a file that ends in .wav,",
        ),
        ((RUN, TEXT, "--decode_from_file={nothing}"), "{nothing} is empty; give it one input a li"),
        (
            (RUN, TEXT, FILE, "--decode_hparams=beams=2"),
            "unknown decoding hparam 'beams' (from --decode_hparams)",
        ),
        (
            (RUN, TEXT, FILE, "--decode_hparams=beam_size=0"),
            "decoding hparam 'beam_size' must be 1 (greedy) or more, got '0'; change it in",
        ),
        (
            (RUN, TEXT, FILE, "--decode_hparams=beam_size=big"),
            "decoding hparam 'beam_size' must be a whole number, got 'big'; change it in",
        ),
        (
            (RUN, FILE, "--input_problem=decoding_toy_text"),
            "--input_problem and --target_problem go together",
        ),
        (
            (RUN, TEXT, FILE, "--input_problem=x", "--target_problem=y"),
            "--problem contradicts --input_problem and --target_problem",
        ),
        (
            (RUN, TEXT, FILE, "--command=to_dutch"),
            "unknown command of this model 'to_dutch' (from --command)",
        ),
        (
            (RUN, "--decode_interactive", "--decode_to_file=x"),
            "--decode_interactive answers on the terminal; leave --decode_to_file out.",
        ),
        (
            (RUN, TEXT, "--score_file={text}"),
            "line 1 of {text} has 1 column; write it as input<TAB>target.",
        ),
        (
            (RUN, "--problem=decoding_toy_class", "--score_file={labels}"),
            "unknown label of problem 'decoding_toy_class' 'd' (from the picture {good} (line 1",
        ),
        (("--output_dir=/none", TEXT, FILE), "'/none' is no run directory: it has no run.json;"),
        ((RUN, TEXT, "--decode_from_fil=x"), "did you mean --decode_from_file?"),
    ],
)
def test_mistakes_are_one_sentence_and_status_2(run_dir, tmp_path, capsys, flags, message):
    places = {"run": run_dir, "data": toy_run().data_dir}
    contents = {"text": b"red\n", "empty": b"red\n\n", "latin": b"\xe9t\n", "nothing": b""}
    for name, content in {**contents, "broken": png(0)[:99]}.items():
        places[name] = tmp_path / f"{name}{'.png' if name == 'broken' else '.txt'}"
        places[name].write_bytes(content)
    (tmp_path / "folder").mkdir()
    for name, content in (("a", png(0)), ("b", png(1)[:-40]), ("c", png(2))):
        (tmp_path / "folder" / f"{name}.png").write_bytes(content)
    table = tmp_path / "mixed.tsv"
    table.write_text("decoding_toy_text\tred\ndecoding_toy_txt\tblue\n")
    (tmp_path / "good.png").write_bytes(png(0))
    (tmp_path / "labels.txt").write_text("good.png\td\n")
    places |= {"folder": tmp_path / "folder", "mixed": table, "labels": tmp_path / "labels.txt"}
    places["good"] = tmp_path / "good.png"
    assert decoder(*(flag.format(**places) for flag in flags)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message.format(**places) in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.decodes*"))  # nothing half-written either
    assert not list(tmp_path.glob("*.scores*"))
