"""t2t-bleu against sacrebleu's own command line, and the sentence for each mistake."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from t2t_mm.bin import t2t_bleu
from t2t_mm.bin.command_line import exit_status
from t2t_mm.evaluation.step_files import step_files
from t2t_mm.evaluation.translation_scores import Scorer

OUTPUT = """\
The cat sat on a mat, and it purred.
Two Dogs bark loudly at night!
“Übung macht den Meister”, says she.

It costs 3.50 € (or 4 $) today .
"""
FIRST = """\
The cat sat on the mat, and it purred.
Two dogs bark loudly in the night!
“Übung macht den Meister,” she says.
Nothing was said here.
It costs 3.50 € (or 4 $) today.
"""
SECOND = FIRST.replace("cat", "tom-cat").replace("bark", "are barking").replace("today", "Today")


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    texts = {"out": OUTPUT, "ref": FIRST, "ref2": SECOND, "short": "one\n", "empty": ""}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\n")
    return {path.name: path for path in tmp_path.iterdir()}


def bleu(*flags: str) -> int:
    return exit_status(t2t_bleu.main, list(flags))


def sacrebleu_cli(files: dict[str, Path], references: list[str], *flags: str) -> list[dict]:
    """The output of sacrebleu's own command."""
    paths = [str(files[name]) for name in references]
    command = [sys.executable, "-m", "sacrebleu", *paths, "-i", str(files["out"]), "-w", "8"]
    done = subprocess.run(
        [*command, "-f", "json", *flags], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("references", [["ref"], ["ref", "ref2"]])
def test_figures_and_signatures_equal_sacrebleus_command(files, references):
    scorer = Scorer(("bleu", "chrf", "ter"), "both")
    got = scorer(files["out"], [files[name] for name in references])
    cased, chrf, ter = sacrebleu_cli(files, references, "-m", "bleu", "chrf", "ter")
    (uncased,) = sacrebleu_cli(files, references, "-m", "bleu", "-lc")
    expected = {"BLEU_cased": cased, "BLEU_uncased": uncased, "chrF2": chrf, "TER": ter}
    assert set(got) == set(expected)
    for name, theirs in expected.items():
        assert got[name].value == pytest.approx(theirs["score"], abs=1e-8)
        assert got[name].value > 0
        assert got[name].signature.split("|") == theirs["signature"].split("|")


def test_t2ts_tokenisation(files):
    got = Scorer(("bleu",), "cased", "intl")(files["out"], [files["ref"]])
    (theirs,) = sacrebleu_cli(files, ["ref"], "-m", "bleu", "--tokenize", "intl")
    assert got["BLEU_cased"].value == pytest.approx(theirs["score"], abs=1e-8)
    assert "tok:intl" in got["BLEU_cased"].signature


def test_prints_scores_intervals_and_signatures(files, capsys):
    assert bleu(f"--translation={files['out']}", f"--reference={files['ref']}") == 0
    lines = capsys.readouterr().out.splitlines()
    figure = r"\d+\.\d\d \[\d+\.\d\d, \d+\.\d\d\]"
    assert re.fullmatch(f"BLEU_uncased = {figure}", lines[0])
    assert re.fullmatch(f"BLEU_cased = {figure}", lines[1])
    assert lines[2].startswith("BLEU_uncased: nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:")
    assert lines[4].endswith("1000 resamples, seed 12345")


def test_a_file_whose_name_looks_like_wildcards_is_that_file(files, capsys):
    odd = files["out"].rename(files["out"].with_name("out [1]*.txt"))
    argv = [f"--translation={odd}", f"--reference={files['ref']}", "--bootstrap_resamples=0"]
    assert exit_status(t2t_bleu.main, argv) == 0
    assert capsys.readouterr().out.startswith("BLEU_uncased = ")


def test_compares_two_translations(files, capsys):
    flags = [f"--translation={files['ref']}", f"--reference={files['ref']}"]
    assert bleu(*flags, f"--compare_to={files['out']}", "--bleu_variant=cased") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("BLEU_cased = 100.00 [")
    gap = float(lines[2].split()[1])
    one = Scorer(("bleu",), "cased")(files["out"], [files["ref"]])["BLEU_cased"].value
    assert gap == pytest.approx(100 - one, abs=0.006)


def test_a_folder_of_steps_with_events(files, tmp_path, capsys):
    folder, events = tmp_path / "translations", tmp_path / "events"
    folder.mkdir()
    for name, text in {"x-200": FIRST, "x-30.txt": OUTPUT, "x-5": "", "notes": ""}.items():
        (folder / name).write_text(text, encoding="utf-8")
    flags = [f"--reference={files['ref']}", "--min_steps=10", "--bootstrap_resamples=0"]
    folder_flags = [*flags, f"--translations_dir={folder}", "--bleu_variant=uncased"]
    assert bleu(*folder_flags, f"--event_dir={events}", "--report_zero", "--tag_suffix=_dev") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(f"{folder}/x-30.txt: BLEU_uncased = ")
    assert out[1] == f"{folder}/x-200: BLEU_uncased = 100.00"
    scalars = read_scalars(events)
    assert [(step, tag) for step, tag, _ in scalars] == [
        (0, "BLEU_uncased_dev"),
        (30, "BLEU_uncased_dev"),
        (200, "BLEU_uncased_dev"),
    ]
    assert scalars[0][2] == 0 and scalars[2][2] == pytest.approx(100)
    assert bleu(*flags, f"--translation={folder}/x-2*") == 0
    assert capsys.readouterr().out.startswith(f"{folder}/x-200: BLEU_uncased = 100.00")


def read_scalars(folder: Path) -> list[tuple[int, str, float]]:
    import tensorflow as tf

    found = []
    for path in folder.glob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                found.append((event.step, value.tag, float(tf.make_ndarray(value.tensor))))
    return sorted(found)


def test_waits_for_files(tmp_path):
    (tmp_path / "x-1").touch()
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        if now >= 50:
            (tmp_path / "x-2").touch()

    found = list(step_files(str(tmp_path), 0, 1.0, sleep, lambda: now))
    assert [step for step, _ in found] == [1, 2] and now == 110


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--reference={ref}",), "give either --translation=FILE or --translations_dir=DIR"),
        (("--translation={out}",), "give the right translations in --reference=FILE."),
        (
            ("--translation={short}", "--reference={ref}"),
            "{short} has 1 lines and {ref} has 5; each line of a translation needs the",
        ),
        (("--translation={empty}", "--reference={empty}"), "{empty} is empty; give a file with"),
        (("--translation={bytes}", "--reference={ref}"), "cannot read {bytes} ("),
        (("--translation=/none", "--reference={ref}"), "cannot read /none ("),
        (
            ("--translation={out}", "--reference={ref}", "--metrics=blue"),
            "unknown metric 'blue' (from --metrics); did you mean 'bleu'?",
        ),
        (
            ("--translation={out}", "--reference={ref}", "--tokenize=13b"),
            "unknown tokeniser '13b' (from --tokenize); did you mean '13a'?",
        ),
        (
            ("--translation={out}", "--reference={ref}", "--tokenize=ko-mecab"),
            "the tokeniser 'ko-mecab' (from --tokenize) needs packages that are not installed; "
            "pip install 'sacrebleu[ko]', or take --tokenize=char.",
        ),
        (
            ("--translation={out}", "--reference={ref}", "--event_dir=/tmp/x"),
            "--event_dir goes with --translations_dir, whose files have steps.",
        ),
        (("--translations_dir=/none", "--reference={ref}"), "found no file named NAME-STEP in"),
    ],
)
def test_mistakes_are_one_sentence_and_status_2(files, capsys, flags, message):
    assert bleu(*(flag.format(**files) for flag in flags)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message.format(**files) in error
    assert error.count("\n") == 1


def test_a_tokenizer_that_wants_the_network_is_one_sentence(files, capsys, monkeypatch):
    def refused(*args):
        raise OSError("no network")

    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.download_file", refused)
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.SACREBLEU_DIR", "/none")
    flags = (f"--translation={files['out']}", f"--reference={files['ref']}")
    for name in ("flores101", "flores200", "spm"):
        assert bleu(*flags, f"--tokenize={name}") == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert f"error: the tokeniser '{name}' (from --tokenize) needs a file that" in error
        assert "which failed (OSError); run it once where there is a network" in error


def test_only_a_line_feed_ends_a_line_as_in_sacrebleus_command(files, tmp_path):
    """Other breaks stand inside of texts: a file split at them would no longer be aligned."""
    odd = "It costs\r3.50 €\x85 today\u2028 .\r\n"
    for name, text in (("out", OUTPUT + odd), ("ref", FIRST + odd)):
        (tmp_path / f"{name}2").write_bytes(text.encode())
    files = {"out": tmp_path / "out2", "ref": tmp_path / "ref2"}
    got = Scorer(("bleu", "chrf"), "cased")(files["out"], [files["ref"]])
    for theirs, name in zip(
        sacrebleu_cli(files, ["ref"], "-m", "bleu", "chrf"), ("BLEU_cased", "chrF2"), strict=True
    ):
        assert got[name].value == pytest.approx(theirs["score"], abs=1e-8)


def test_chinese_by_the_default_tokenizer_has_a_remark(tmp_path, capsys):
    (tmp_path / "zh").write_text(
        "我们今天去北京看朋友。\n他说这本书非常有意思。\n", encoding="utf-8"
    )
    flags = (f"--translation={tmp_path / 'zh'}", f"--reference={tmp_path / 'zh'}")
    assert bleu(*flags, "--bleu_variant=cased", "--bootstrap_resamples=0") == 0
    out = capsys.readouterr().out
    assert "BLEU_cased = 0.00" in out and "give --tokenize=zh.\n" in out
    assert bleu(*flags, "--bleu_variant=cased", "--tokenize=zh", "--bootstrap_resamples=0") == 0
    out = capsys.readouterr().out
    assert "BLEU_cased = 100.00" in out and "remark" not in out
