"""The Wall Street Journal's speech: from discs as the LDC has them, and from Kaldi's folders."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from t2t_mm.errors import DataError
from tests.problems.named import SENTENCES, made
from tests.problems.recordings import encoded, pcm, tone, write


def utterance(root: Path, place: str, index: int, order: str = ".wv1") -> None:
    """One recording on a disc, and the line of its session's .dot file."""
    write(root / f"{place}{order}", encoded(tone(index), form="NIST"))
    folder, _, name = place.rpartition("/")
    disc, _, inside = folder.partition("/wsj")
    number, _, rest = inside.partition("/")
    where = "transcrp/dots" if number == "0" else "trans/wsj1"
    dots = root / disc / f"wsj{number}" / where / rest / f"{name[:6]}00.dot"
    before = dots.read_text() if dots.exists() else ""
    write(dots, f"{before}{SENTENCES[index].capitalize()} ,COMMA [noise] ({name})\n")


def discs(root: Path, second: bool = True) -> None:
    for i in range(20):
        utterance(root, f"11-1.1/wsj0/si_tr_s/011/011c02{i:02d}", i)
    utterance(root, "11-1.1/wsj0/si_tr_s/401/401c0201", 20)
    utterance(root, "11-6.1/wsj0/si_dt_20/050/050c0301", 21)
    utterance(root, "11-6.1/wsj0/si_dt_20/050/050a0302", 22)  # adaptation: other sentences
    utterance(root, "11-6.1/wsj0/si_et_20/440/440c0401", 23)
    utterance(root, "11-6.1/wsj0/si_et_20/440/440o0402", 24)  # spoken punctuation
    if second:
        for i in range(25, 32):
            utterance(root, f"13-1.1/wsj1/si_tr_s/4ab/4abc02{i:02d}", i)
        utterance(root, "13-16.1/wsj1/si_dt_20/4k0/4k0c0301", 32)
    write(root / "11-1.1/wsj0/si_tr_s/011/011c0299.wv2", b"the other microphone")


def said(*indices: int) -> list[str]:
    return sorted(f"{SENTENCES[i]} comma" for i in indices)


def check(examples: dict, **wanted: list[str]) -> None:
    assert {s: sorted(e["targets"] for e in found) for s, found in examples.items()} == wanted
    for found in examples.values():
        for example in found:
            index = SENTENCES.index(example["targets"].removesuffix(" comma"))
            assert example["inputs"] == pcm(tone(index))


def test_discs_without_lists_by_folder(tmp_path: Path) -> None:
    discs(tmp_path / "raw" / "csr")
    manifest, examples = made("wsj", tmp_path)
    check(examples, train=said(*range(20), *range(25, 32)), dev=said(32), test=said(23))
    assert manifest.left_out("train") == {"speaker 401, not used by Kaldi's recipe either": 1}
    assert manifest.origin == (
        "files wsj0/si_tr_s; train is the folder wsj0/si_tr_s and the folder wsj1/si_tr_s; "
        "dev is the folder wsj1/si_dt_20; test is the folder wsj0/si_et_20"
    )


def test_the_first_corpus_alone(tmp_path: Path) -> None:
    discs(tmp_path / "raw", second=False)
    _, examples = made("wsj", tmp_path)
    check(examples, train=said(*range(20)), dev=said(21), test=said(23))


def test_lists_say_which_utterances(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    discs(root)
    train = "".join(f"11_1_1:wsj0/si_tr_s/011/011c02{i:02d}.wv1\n" for i in range(15))
    missing = "11_1_1:wsj0/si_tr_s/012/012c0201.wv1\n"
    indices = "wsj0/doc/indices"
    write(root / f"11-13.1/{indices}/train/tr_s_wv1.ndx", f"; comment\n{train}{missing}")
    second = "".join(f"13_1_1:wsj1/si_tr_s/4ab/4abc02{i}.wv1\n" for i in (25, 26))
    write(root / "13-34.1/wsj1/doc/indices/si_tr_s.ndx", second)
    write(root / "13-34.1/wsj1/doc/indices/h1_p0.ndx", "13_16_1:wsj1/si_dt_20/4k0/4k0c0301.wv1\n")
    write(root / "13-32.1/wsj1/doc/indices/wsj1/eval/h1_p0.ndx", "of another test set\n")
    write(root / f"11-13.1/{indices}/test/nvp/si_et_20.ndx", "11_6_1:wsj0/si_et_20/440/440c0401\n")
    manifest, examples = made("wsj", tmp_path)
    check(examples, train=said(*range(15), 25, 26), dev=said(32), test=said(23))
    assert manifest.left_out("train") == {"no recording": 1}
    assert "the list tr_s_wv1.ndx for wsj0/si_tr_s and the list si_tr_s.ndx" in manifest.origin


def test_capitals_converted_files_and_snor(tmp_path: Path) -> None:
    discs(tmp_path / "made")
    root = tmp_path / "raw" / "CSR_1"
    for path in sorted((tmp_path / "made").rglob("*.*")):
        below = path.relative_to(tmp_path / "made").as_posix()
        if path.is_file():
            write(root / below.upper(), path.read_bytes())
    place = root / "11-6.1" / "WSJ0"
    shutil.rmtree(place / "TRANSCRP" / "DOTS" / "SI_ET_20")
    write(place / "TRANSCRP" / "440.LSN", f"{SENTENCES[23].upper()} COMMA (440C0401)\n")
    first = root / "11-1.1" / "WSJ0" / "SI_TR_S" / "011" / "011C0200.WV1"
    first.write_bytes(b"NIST_1A\n   1024\nsample_coding -s26 pcm,embedded-shorten-v1.1\nend_head\n")
    write(first.with_suffix(".wav"), encoded(tone(0)))
    _, examples = made("wsj", tmp_path)
    check(examples, train=said(*range(20), *range(25, 32)), dev=said(32), test=said(23))


def test_an_utterance_without_transcript_is_counted(tmp_path: Path) -> None:
    discs(tmp_path / "raw")
    write(tmp_path / "raw/11-1.1/wsj0/si_tr_s/011/011c0298.wv1", encoded(tone(1), form="NIST"))
    manifest, _ = made("wsj", tmp_path)
    assert manifest.left_out("train")["no transcript"] == 1


def test_kaldis_folders(tmp_path: Path) -> None:
    data = tmp_path / "raw" / "data"
    parts = {"train_si84": range(20), "test_dev93": [20, 21], "test_eval92": [22]}
    for name, indices in parts.items():
        lines = []
        for i in indices:
            path = write(tmp_path / "sounds" / f"{i}.wv1", encoded(tone(i), form="NIST"))
            lines.append(f"u{i:02d} sph2pipe -f wav {path} |\n")
        write(data / name / "wav.scp", "".join(lines))
        texts = [f"u{i:02d} {SENTENCES[i].upper()} ,COMMA <NOISE>\n" for i in indices]
        write(data / name / "text", "".join(texts))
    manifest, examples = made("wsj", tmp_path)
    check(examples, train=said(*range(20)), dev=said(20, 21), test=said(22))
    assert manifest.origin.endswith("train is train_si84")


def test_compressed_recordings_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    discs(tmp_path / "raw")
    place = tmp_path / "raw/11-1.1/wsj0/si_tr_s/011/011c0203.wv1"
    place.write_bytes(b"NIST_1A\n   1024\nsample_coding -s26 pcm,embedded-shorten-v1.1\nend_head\n")
    with pytest.raises(DataError, match="011c0203.wv1 is compressed .*install sph2pipe"):
        made("wsj", tmp_path)


def test_how_to_get_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"put wsj0/si_tr_s below --tmp_dir .*LDC93S6A \(WSJ0\)"):
        made("wsj", tmp_path)
