"""LibriSpeech, Common Voice and LJ Speech: from TFDS, from folders, from archives, from parts."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from t2t_mm.data.sources.tfds_folder import TfdsFolder
from t2t_mm.errors import DataError, UserError
from t2t_mm.hparam import HParams
from t2t_mm.kinds.kind import features_of
from t2t_mm.lookup import find_problem
from t2t_mm.problem import Split
from tests.data.tfds_folders import prepared
from tests.problems.named import SENTENCES, made
from tests.problems.recordings import chapter, encoded, pcm, tone, write

SUBSETS = {
    "train_clean100": SENTENCES[:15],
    "train_clean360": SENTENCES[15:25],
    "train_other500": SENTENCES[25:30],
    "dev_clean": SENTENCES[30:33],
    "dev_other": SENTENCES[33:35],
    "test_clean": SENTENCES[35:38],
    "test_other": SENTENCES[38:],
}
NAMES = ["train-clean-100", "train-clean-360", "train-other-500", "dev-clean", "dev-other",
         "test-clean", "test-other"]  # fmt: skip
WANTED = {
    "librispeech": ["", "clean", "other"],
    "librispeech_clean": ["100", "360", "clean"],
    "librispeech_clean_small": ["100", "clean"],
    "librispeech_noisy": ["500", "other"],
}


def sound_of(text: str) -> bytes:
    return pcm(tone(SENTENCES.index(text)))


def check(examples: dict, wanted: dict[str, list[str]]) -> None:
    """Each split has the wanted sentences, each with its own sound."""
    assert {s: sorted(e["targets"] for e in found) for s, found in examples.items()} == {
        split: sorted(texts) for split, texts in wanted.items()
    }
    for found in examples.values():
        assert all(example["inputs"] == sound_of(example["targets"]) for example in found)


def wanted_of(problem: str) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {"train": [], "dev": [], "test": []}
    for name, texts in SUBSETS.items():
        split, _, rest = name.partition("_")
        ends = WANTED[problem]
        if rest in ends or rest[-3:] in ends or problem == "librispeech":
            parts[split] += texts
    return parts


def librispeech_in_tfds(tfds: Path, config: str) -> None:
    splits = {
        name: [
            {
                "speech": encoded(tone(SENTENCES.index(s)), form="FLAC")
                if config == "lazy_decode"
                else tone(SENTENCES.index(s)).tolist(),
                "text": s.upper(),
                "id": f"1-2-{SENTENCES.index(s)}",
            }
            for s in texts
        ]
        for name, texts in SUBSETS.items()
    }
    prepared(tfds, "librispeech", "2.1.1", splits, config)


@pytest.mark.parametrize("problem", WANTED)
@pytest.mark.parametrize("config", ["default", "lazy_decode"])
def test_librispeech_from_tfds(tmp_path: Path, problem: str, config: str) -> None:
    librispeech_in_tfds(tmp_path / "tfds", config)
    manifest, examples = made(problem, tmp_path)
    assert manifest.origin == f"TFDS librispeech/{config}:2.1.1"
    assert manifest.features["inputs"]["sample_rate"] == 16_000
    assert manifest.cleaning.endswith("one space; lower case; empty texts left out")
    check(examples, wanted_of(problem))


def library(folder: Path) -> None:
    for name, (subset, texts) in zip(NAMES, SUBSETS.items(), strict=True):
        del subset
        half = len(texts) // 2
        first = SENTENCES.index(texts[0])
        upper = [text.upper() for text in texts]
        chapter(folder / name, 10, 1, upper[:half], first)
        chapter(folder / name, 11, 7, upper[half:], first + half)


@pytest.mark.parametrize("problem", WANTED)
def test_librispeech_from_its_folder(tmp_path: Path, problem: str) -> None:
    library(tmp_path / "raw" / "data" / "LibriSpeech")
    manifest, examples = made(problem, tmp_path)
    assert manifest.origin.startswith("files train-")
    check(examples, wanted_of(problem))


def test_librispeech_from_archives_some_unpacked(tmp_path: Path) -> None:
    library(tmp_path / "LibriSpeech")
    raw = tmp_path / "raw"
    for name in NAMES[3:]:
        shutil.move(tmp_path / "LibriSpeech" / name, raw / "LibriSpeech" / name)
    for name in NAMES[:3]:
        with tarfile.open(raw / f"{name}.tar.gz", "w:gz") as archive:
            archive.add(tmp_path / "LibriSpeech" / name, f"LibriSpeech/{name}")
    _, examples = made("librispeech", tmp_path)
    check(examples, wanted_of("librispeech"))
    assert (raw / "LibriSpeech" / "train-clean-360" / "10" / "1" / "10-1.trans.txt").exists()


def test_a_part_of_librispeech_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "LibriSpeech"
    library(folder)
    for name in ("train-clean-360", "train-other-500", "dev-other", "test-other"):
        shutil.rmtree(folder / name)
    manifest, examples = made("librispeech", tmp_path)
    assert manifest.origin.endswith(
        "only dev-clean, test-clean, train-clean-100 are there; dev-other, test-other, "
        "train-clean-360, train-other-500 are missing"
    )
    check(examples, wanted_of("librispeech_clean_small"))


@pytest.mark.parametrize("place", ["LibriSpeech/dev-clean", "."])
def test_recordings_without_splits_are_held_out(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "raw" / place
    chapter(folder, 9001, 1, SENTENCES[:20])
    chapter(folder, 9002, 1, SENTENCES[20:], first=20)
    manifest, examples = made("librispeech", tmp_path)
    what = "dev-clean" if place != "." else "a folder of chapters"
    assert manifest.origin.endswith(
        f"{what} instead of all subsets: of the recordings in the order of their paths the last "
        "tenth is test, the tenth before it dev"
    )
    check(examples, {"train": SENTENCES[:32], "dev": SENTENCES[32:36], "test": SENTENCES[36:]})


@pytest.mark.parametrize("name", [*WANTED, "common_voice", "ljspeech", "wsj"])
def test_the_network_that_hears_is_an_hparam(name: str) -> None:
    with pytest.raises(UserError) as error:
        find_problem(f"{name}_waveform")
    assert str(error.value) == (
        f"--problems names '{name}_waveform': its data are those of '{name}', and which network "
        f"reads them is an hparam; give --problems={name} --hparams=audio_modality=audio."
    )
    kind = find_problem(name).inputs
    assert features_of(kind, HParams()) == "log_mel"
    assert features_of(kind, HParams(audio_modality="audio")) == "waveform"


def test_only_the_worker_that_writes_a_sound_reads_it(tmp_path: Path) -> None:
    problem = find_problem("librispeech")
    library(tmp_path / "raw" / "LibriSpeech")
    samples = list(problem.generate_samples(Split.TRAIN, tmp_path / "raw", 0))
    shutil.rmtree(tmp_path / "raw")
    with pytest.raises(FileNotFoundError):
        samples[0]["inputs"]()


def test_a_record_of_tfds_is_decoded_when_asked_for(tmp_path: Path) -> None:
    librispeech_in_tfds(tmp_path / "tfds", "default")
    folder = TfdsFolder(tmp_path / "tfds" / "librispeech" / "default" / "2.1.1")
    record = next(folder.records("dev_clean"))
    path = next(folder.path.glob("*dev_clean*"))
    content = bytearray(path.read_bytes())
    second = int(tone(30)[1])  # the first two samples, as they stand in the file
    at = content.index(bytes([0, second & 0x7F | 0x80, second >> 7])) + 1
    assert record.text("text") == SENTENCES[30].upper()
    before = record.numbers("speech")
    np.testing.assert_array_equal(before, tone(30))
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(bytes([content[at] ^ 1]))
    assert np.flatnonzero(record.numbers("speech") != before).tolist() == [1]  # read again


def test_common_voice_from_tfds(tmp_path: Path) -> None:
    texts = [f"\u201cDon\u2019t {s.capitalize()}!\u201d" for s in SENTENCES]
    examples = [
        {"voice": tone(i, 48_000).tolist(), "sentence": text} for i, text in enumerate(texts)
    ]
    splits = {"train": examples[:36], "dev": examples[36:38], "test": examples[38:]}
    splits["validation"] = examples  # all that was validated: not what is asked for
    prepared(tmp_path / "tfds", "common_voice", "2.0.0", splits, "en")
    manifest, found = made("common_voice", tmp_path)
    assert manifest.origin == "TFDS common_voice/en:2.0.0"
    assert sorted(e["targets"] for e in found["train"]) == sorted(
        f"don't {s}" for s in SENTENCES[:36]
    )
    lengths = {len(e["inputs"]) for e in found["dev"] + found["test"]}
    assert lengths == {2 * 800}  # 48 kHz become 16 kHz


HEAD = "client_id\tpath\tsentence\tup_votes\n"


def test_common_voice_from_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "cv-corpus-9.0" / "en"
    parts = {"train": range(36), "dev": range(36, 38), "test": range(38, 40)}
    for name, indices in parts.items():
        rows = [f'x\tc_{i}.mp3\t"{SENTENCES[i]}," he said.\t2\n' for i in indices]
        write(folder / f"{name}.tsv", HEAD + "".join(rows))
        for i in indices:
            write(folder / "clips" / f"c_{i}.mp3", encoded(long_tone(i), 48_000, "MP3"))
    _, found = made("common_voice", tmp_path)
    assert sorted(e["targets"] for e in found["test"]) == sorted(
        f"{SENTENCES[i]} he said" for i in (38, 39)
    )
    heard = {e["targets"]: np.frombuffer(e["inputs"], "<i2") for e in found["dev"]}
    for i in (36, 37):
        spectrum = np.abs(np.fft.rfft(heard[f"{SENTENCES[i]} he said"][:8000]))
        assert abs(2 * int(spectrum.argmax()) - 10 * (20 + i)) <= 4  # bins of 2 Hz


def long_tone(index: int) -> np.ndarray:
    times = np.arange(48_000) / 48_000
    return np.float32(0.4 * np.sin(2 * np.pi * 10 * (20 + index) * times))


def test_common_voice_of_tensor2tensor(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "cv_corpus_v1"
    for name, indices in {"train": range(36), "dev": [36, 37], "test": [38, 39]}.items():
        rows = [f'cv-valid-{name}/{i}.wav,"{SENTENCES[i]}, yes",1\n' for i in indices]
        write(folder / f"cv-valid-{name}.csv", "filename,text,up_votes\n" + "".join(rows))
        for i in indices:
            write(folder / f"cv-valid-{name}" / f"{i}.wav", encoded(tone(i)))
    manifest, found = made("common_voice", tmp_path)
    assert "cv-valid-train.csv" in manifest.origin
    assert sorted(e["targets"] for e in found["dev"]) == sorted(
        f"{SENTENCES[i]} yes" for i in (36, 37)
    )


def lj_name(index: int) -> str:
    held = {38: "LJ049-0001", 39: "LJ050-0001"}
    return held.get(index, f"LJ001-{index:04d}")


LJ_SPLITS = {"train": range(38), "dev": [38], "test": [39]}


def check_lj(found: dict) -> None:
    for split, indices in LJ_SPLITS.items():
        texts = sorted(f"{SENTENCES[i]} in eighteen ten" for i in indices)
        assert sorted(e["targets"] for e in found[split]) == texts
    assert {len(e["inputs"]) for e in found["train"]} == {2 * 800}  # of 22,050 Hz


def test_ljspeech_from_tfds(tmp_path: Path) -> None:
    examples = [
        {
            "id": lj_name(i),
            "speech": tone(i, 22_050).tolist(),
            "text": f"{s} in 1810",
            "text_normalized": f"{s}, in eighteen-ten.",
        }
        for i, s in enumerate(SENTENCES)
    ]
    prepared(tmp_path / "tfds", "ljspeech", "1.1.1", {"train": examples})
    _, found = made("ljspeech", tmp_path)
    check_lj(found)


@pytest.mark.parametrize("packed", [False, True])
def test_ljspeech_from_its_files(tmp_path: Path, packed: bool) -> None:
    folder = tmp_path / ("LJSpeech-1.1" if packed else "raw/LJSpeech-1.1")
    lines = [f'{lj_name(i)}|"{s} in 1810|{s}, in eighteen-ten.\n' for i, s in enumerate(SENTENCES)]
    write(folder / "metadata.csv", "".join(lines))
    for i in range(40):
        write(folder / "wavs" / f"{lj_name(i)}.wav", encoded(tone(i, 22_050), 22_050))
    if packed:
        (tmp_path / "raw").mkdir()
        with tarfile.open(tmp_path / "raw" / "LJSpeech-1.1.tar.bz2", "w:bz2") as archive:
            archive.add(folder, "LJSpeech-1.1")
    _, found = made("ljspeech", tmp_path)
    check_lj(found)
    (tmp_path / "raw" / "LJSpeech-1.1" / "metadata.csv").write_text("LJ001-0000|one\n")
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(DataError, match="metadata.csv, line 1 has 2 columns separated by |, not 3"):
        made("ljspeech", tmp_path)


def test_what_is_missing_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        made("librispeech_clean_small", tmp_path)
    assert str(caught.value).startswith(
        "the raw data of problem 'librispeech_clean_small' are missing and --offline forbids to "
        "download them; put train-clean-100, dev-clean, test-clean below --tmp_dir "
    )
    with pytest.raises(DataError, match="TFDS data set common_voice/en 2.x below .*unpack it"):
        made("common_voice", tmp_path)


def test_the_manifest_says_what_was_done(tmp_path: Path) -> None:
    librispeech_in_tfds(tmp_path / "tfds", "default")
    made("librispeech_noisy", tmp_path)
    known = json.loads((tmp_path / "data" / "librispeech_noisy.manifest.json").read_text())
    assert "lower case" in known["cleaning"] and known["inputs"]["kind"] == "audio"
