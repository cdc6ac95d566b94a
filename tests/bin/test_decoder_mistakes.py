"""The sentence for each mistake in the use of t2t-decoder."""

from __future__ import annotations

import pytest

from t2t_mm.bin import t2t_decoder
from t2t_mm.bin.command_line import exit_status
from tests.decoding.decoding_run import png, toy_run

pytestmark = pytest.mark.usefixtures("one_model")


DATA = toy_run().data_dir


def decoder(*flags: str) -> int:
    return exit_status(t2t_decoder.main, list(flags))


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
        (
            (RUN, TEXT, "--decode_from_dev", "--decode_split=test"),
            "--decode_from_dev contradicts --decode_split=test.",
        ),
        ((RUN, "--decode_interactive", "--command=to_text"), "choose one problem with --problem;"),
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
        ((RUN, TEXT, "--decode_from_file={latin}"), "line 1 of {latin} is not UTF-8"),
        (
            (RUN, "--problem=decoding_toy_class", "--decode_from_file={broken}"),
            "the image {broken} is not an image that can be decoded",
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
            "the image {folder}/b.png is not an image that can be decoded",
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
            "--decode_interactive answers each line on the terminal; leave --decode_to_file out.",
        ),
        (
            (RUN, TEXT, "--score_file={text}"),
            "line 1 of {text} has 1 column; write it as input<TAB>target.",
        ),
        (
            (RUN, "--problem=decoding_toy_class", "--score_file={labels}"),
            "the image {good} (line 1 of {labels}): the target has the unknown label 'd';",
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


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--decode_to_file={run}/none/x", "the folder {run}/none does not exist; create it or"),
        ("--data_dir={run}", "problem 'decoding_toy_text' has no data in {run}; run "),
    ],
)
def test_what_is_wrong_with_a_split_is_found_before_the_model_is_loaded(
    run_dir, monkeypatch, capsys, flag, message
):
    monkeypatch.setattr("t2t_mm.decoding.model_loading.load", None)
    flags = (f"--output_dir={run_dir}", TEXT, "--decode_split=dev", f"--data_dir={DATA}")
    assert decoder(*flags, flag.format(run=run_dir)) == 2
    assert capsys.readouterr().err.startswith(f"error: {message.format(run=run_dir)}")
