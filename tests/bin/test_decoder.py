"""t2t-decoder from the command line: every way of decoding."""

from __future__ import annotations

import io

import pytest

from t2t_mm.bin import t2t_decoder
from t2t_mm.bin.command_line import exit_status
from t2t_mm.problem import Split
from tests.decoding.decoding_run import COUNTS, png, toy_model, toy_run, wav, words

pytestmark = pytest.mark.usefixtures("one_model")


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


def test_several_drawn_answers(run_dir, tmp_path):
    source, out = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("red dog\nblue\n")
    how = "sampling_method=random,num_decodes=3,min_length=2,seed=4"
    status = decoder(
        f"--output_dir={run_dir}",
        "--problem=decoding_toy_text",
        f"--decode_from_file={source}",
        f"--decode_to_file={out}",
        f"--decode_hparams={how},write_beam_scores=True",
    )
    assert status == 0
    found = toy_model().decode("decoding_toy_text", ["red dog", "blue"], how)
    for line, one in zip(out.read_text().splitlines(), found, strict=True):
        cells = line.split("\t")
        assert len(cells) == 6 and len(one.alternatives) == 3
        assert cells[1::2] == [f"{answer.score:.4f}" for answer in one.alternatives]
        assert cells[::2] == [" ".join(a.output.splitlines()) for a in one.alternatives]


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
