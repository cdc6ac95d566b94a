"""Translation: from prepared TFDS data, from WMT's own files, from Multi30k's; and cleaning."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from t2t_mm.errors import DataError
from t2t_mm.lookup import find_problem, find_problems
from tests.data.tfds_folders import prepared
from tests.problems.named import SENTENCES, made

WMT = [
    ("translate_ende_wmt8k", "wmt_t2t_translate", "de-en", "de"),
    ("translate_ende_wmt32k", "wmt14_translate", "de-en", "de"),
    ("translate_enfr_wmt8k", "wmt14_translate", "fr-en", "fr"),
    ("translate_enfr_wmt32k", "wmt14_translate", "fr-en", "fr"),
    ("translate_encs_wmt32k", "wmt14_translate", "cs-en", "cs"),
    ("translate_enro_wmt8k", "wmt16_translate", "ro-en", "ro"),
    ("translate_enro_wmt32k", "wmt16_translate", "ro-en", "ro"),
    ("translate_enzh_wmt8k", "wmt17_translate", "zh-en", "zh"),
    ("translate_enzh_wmt32k", "wmt17_translate", "zh-en", "zh"),
]


def pairs(language: str, part: str) -> list[dict[str, str]]:
    return [{"en": f"{part}: {s}", language: f"{language} {part}: {s}"} for s in SENTENCES]


@pytest.mark.parametrize("problem, name, config, language", WMT)
def test_wmt_from_tfds(tmp_path: Path, problem: str, name: str, config: str, language: str) -> None:
    splits = {"train": pairs(language, "a"), "validation": pairs(language, "b"),
              "test": pairs(language, "c")}  # fmt: skip
    prepared(tmp_path / "tfds", name, "1.0.0", splits, config, shards=2)
    manifest, examples = made(problem, tmp_path)
    assert manifest.origin == f"TFDS {name}/{config}:1.0.0"
    for split, part in (("train", "a"), ("dev", "b"), ("test", "c")):
        wanted = {(e["en"], e[language]) for e in pairs(language, part)}
        assert {(e["inputs"], e["targets"]) for e in examples[split]} == wanted
    ordered = [example["inputs"] for example in examples["dev"]]
    assert ordered == [f"b: {s}" for s in SENTENCES[0::2] + SENTENCES[1::2]]  # as in the files


def test_talks_in_which_a_language_is_missing(tmp_path: Path) -> None:
    def talk(*told: tuple[str, str]) -> dict[str, list[str]]:
        return {
            "translations/language": [language for language, _ in told],
            "translations/translation": [text for _, text in told],
            "talk_name": ["t"],
        }

    examples = [talk(("vi", f"vi {s}"), ("de", "x"), ("en", s)) for s in SENTENCES]
    examples += [talk(("en", "only English")), talk()]
    splits = {"train": examples, "validation": examples[:3], "test": examples[:2]}
    prepared(tmp_path / "tfds", "ted_multi_translate", "1.1.0", splits, "plain_text")
    _, found = made("translate_envi_iwslt32k", tmp_path)
    assert {(e["inputs"], e["targets"]) for e in found["train"]} == {
        (s, f"vi {s}") for s in SENTENCES
    }
    assert len(found["dev"]) == 3 and len(found["test"]) == 2


def write_lines(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def test_wmt_from_its_own_files(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for language in ("en", "de"):
        write_lines(raw / f"training/europarl-v7.de-en.{language}", [f"{language} {SENTENCES[0]}"])
        write_lines(raw / f"commoncrawl.de-en.{language}", [f"{language} {SENTENCES[1]}"])
        write_lines(
            raw / f"training-parallel-nc-v13/news-commentary-v13.de-en.{language}",
            [f"{language} {s}" for s in SENTENCES[2:]],
        )
        write_lines(raw / f"dev/newstest2013.{language}", [f"{language} dev"])
        side = "src" if language == "en" else "ref"
        write_lines(
            raw / f"dev/newstest2014-deen-{side}.{language}.sgm",
            ['<refset setid="x">', f'<seg id="1"> {language} &amp; one </seg>', "</refset>"],
        )
    manifest, examples = made("translate_ende_wmt8k", tmp_path)
    assert manifest.origin.startswith("files training*/europarl-v7.de-en.en, ")
    assert {(e["inputs"], e["targets"]) for e in examples["train"]} == {
        (f"en {s}", f"de {s}") for s in SENTENCES
    }
    assert examples["dev"] == [{"inputs": "en dev", "targets": "de dev"}]
    assert examples["test"] == [{"inputs": "en & one", "targets": "de & one"}]


@pytest.mark.parametrize("language", ["de", "fr", "cs"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_multi30k(tmp_path: Path, language: str, ending: str) -> None:
    folder = tmp_path / "raw" / "translation" / "multi30k"
    for name, part in (("train", SENTENCES), ("val", SENTENCES[:3])):
        write_lines(folder / f"{name}.en{ending}", part)
        write_lines(folder / f"{name}.{language}{ending}", [f"{language} {s}" for s in part])
    problem = f"translate_en{language}_multi30k"
    _, examples = made(problem, tmp_path)
    assert [e["targets"] for e in examples["dev"]] == [f"{language} {s}" for s in SENTENCES[:3]]
    assert len(examples["train"]) == len(SENTENCES)
    reverse = find_problem(f"{problem}_rev")
    assert reverse.command == "to_english" and find_problem(problem).command.startswith("to_")


def test_what_the_rules_leave_out_is_counted(tmp_path: Path) -> None:
    good = [{"en": s, "de": f"de  {s}\u2028ja "} for s in SENTENCES]
    bad = [
        {"en": "", "de": "leer"},
        {"en": "x" * 10, "de": " \n"},
        {"en": "word " * 251, "de": "wort " * 251},
        {"en": "one", "de": "zehn " * 10},
    ]
    splits = {"train": good + bad, "validation": good[:1] + bad, "test": good[:1]}
    prepared(tmp_path / "tfds", "wmt_t2t_translate", "1.0.0", splits, "de-en")
    manifest, examples = made("translate_ende_wmt8k", tmp_path)
    assert manifest.left_out("train") == {
        "empty": 2,
        "longer than 250 words": 1,
        "over 9 times as long": 1,
    }
    assert manifest.left_out("dev") == {"empty": 2}  # evaluation is over the whole set
    assert manifest.examples("train") == len(examples["train"]) == len(SENTENCES)
    assert {e["targets"] for e in examples["train"]} == {f"de {s} ja" for s in SENTENCES}
    assert manifest.cleaning == (
        "runs of white space become one space; training texts over 250 words left out; training "
        "pairs over 9 times as long left out; empty texts left out"
    )


def test_workers_make_the_same_data(tmp_path: Path) -> None:
    splits = {"train": pairs("de", "a"), "validation": pairs("de", "b"), "test": pairs("de", "c")}
    prepared(tmp_path / "tfds", "wmt_t2t_translate", "1.0.0", splits, "de-en")
    one, _ = made("translate_ende_wmt8k", tmp_path)
    (tmp_path / "data").rename(tmp_path / "alone")
    several, _ = made("translate_ende_wmt8k", tmp_path, workers=2)
    assert one.splits == several.splits  # checksums included


def test_a_run_goes_on_only_from_the_same_raw_data(tmp_path: Path) -> None:
    splits = {"train": pairs("de", "a"), "validation": pairs("de", "b"), "test": pairs("de", "c")}
    folder = prepared(tmp_path / "tfds", "wmt_t2t_translate", "1.0.0", splits, "de-en")
    manifest, _ = made("translate_ende_wmt8k", tmp_path)
    (tmp_path / "data" / manifest.splits["train"][0].file).unlink()
    folder.rename(folder.with_name("1.0.1"))
    with pytest.raises(
        DataError,
        match="were begun from TFDS wmt_t2t_translate/de-en:1.0.0, and now TFDS .*1.0.1?.* is "
        "found; put the former back, or run .*--overwrite",
    ):
        info = folder.with_name("1.0.1") / "dataset_info.json"
        info.write_text(info.read_text().replace('"version": "1.0.0"', '"version": "1.0.1"'))
        made("translate_ende_wmt8k", tmp_path)


def test_offline_says_what_is_missing_and_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        made("translate_enro_wmt8k", tmp_path)
    assert str(caught.value) == (
        "the raw data of problem 'translate_enro_wmt8k' are missing and --offline forbids to "
        "download them; put enro/train.en, enro/train.ro, enro/newsdev2016.en, "
        "enro/newsdev2016.ro, enro/newstest2016.en, enro/newstest2016.ro below --tmp_dir (now "
        f"{tmp_path}/raw); or put the prepared TFDS data set wmt16_translate/ro-en 1.x below "
        f"--tfds_data_dir (now {tmp_path}/tfds)."
    )
    with pytest.raises(DataError, match="are missing and have to be got by hand; put multi30k/tra"):
        made("translate_ende_multi30k", tmp_path, offline=False)


def test_a_mixture_puts_its_problems_on_its_vocabulary() -> None:
    for problem in find_problems("wmt4"):
        assert set(problem.text_vocabularies) == {"vocab.wmt4"}
        assert problem.shares_vocabulary
    alone = find_problem("translate_ende_wmt8k")
    assert alone.inputs.vocabulary == "vocab.translate_ende_wmt.8192"
