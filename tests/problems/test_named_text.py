"""Sentiment, GLUE, language models and summaries: from prepared TFDS data and original files."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from t2t_mm.errors import DataError
from t2t_mm.kinds.vocabulary import EOS
from t2t_mm.lookup import find_problem, find_problems, problem_names
from t2t_mm.problems.languagemodel import pieces
from t2t_mm.problems.summarize import read_story
from tests.data.tfds_folders import prepared
from tests.problems.named import SENTENCES, made

# problem, TFDS's config, its features of text, GLUE's folder, the tables' header, a table's row
# made of (first text, second text, label's number, label's name)
GLUE = [
    ("cola", "cola", ("sentence",), "CoLA", "", "s\t{2}\t\t{0}"),
    ("sentiment_sst_binary", "sst2", ("sentence",), "SST-2", "sentence\tlabel", "{0}\t{2}"),
    ("msr_paraphrase_corpus", "mrpc", ("sentence1", "sentence2"), "MRPC",
     "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String", "{2}\t1\t2\t{0}\t{1}"),
    ("quora_question_pairs", "qqp", ("question1", "question2"), "QQP",
     "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", "1\t2\t3\t{0}\t{1}\t{2}"),
    ("multi_nli", "mnli", ("premise", "hypothesis"), "MNLI",
     "index\tsentence1\tsentence2\tlabel1\tgold_label", "1\t{0}\t{1}\tx\t{3}"),
    ("question_nli", "qnli", ("question", "sentence"), "QNLI",
     "index\tquestion\tsentence\tlabel", "1\t{0}\t{1}\t{3}"),
    ("rte", "rte", ("sentence1", "sentence2"), "RTE",
     "index\tsentence1\tsentence2\tlabel", "1\t{0}\t{1}\t{3}"),
    ("winograd_nli", "wnli", ("sentence1", "sentence2"), "WNLI",
     "index\tsentence1\tsentence2\tlabel", "1\t{0}\t{1}\t{2}"),
]  # fmt: skip
PARTS = {"train": 12, "dev": 4}


def cases(problem: str, part: str, count: int) -> list[tuple[str, str, int, str]]:
    labels = find_problem(problem).labels
    return [
        (f'{part} {s} "quoted', f"so {s}", i % len(labels), labels[i % len(labels)])
        for i, s in enumerate(SENTENCES[:count])
    ]


def wanted(problem: str, part: str, count: int, texts: int) -> set[tuple[str, str]]:
    return {(" ||| ".join(case[:texts]), case[3]) for case in cases(problem, part, count)}


def parts_of(problem: str) -> dict[str, int]:
    return {**PARTS, "test": 4} if problem == "multi_nli" else PARTS


@pytest.mark.parametrize("problem, config, features, folder, header, row", GLUE)
def test_glue_from_tfds(tmp_path, problem, config, features, folder, header, row) -> None:
    names = {"train": "train", "dev": "validation"}
    if problem == "multi_nli":
        names = {**names, "dev": "validation_matched", "test": "validation_mismatched"}
    splits = {
        names[part]: [
            {**dict(zip(features, case, strict=False)), "label": case[3], "idx": 0}
            for case in cases(problem, part, count)
        ]
        for part, count in parts_of(problem).items()
    }
    labels = {"label": find_problem(problem).labels}
    prepared(tmp_path / "tfds", "glue", "2.0.0", splits, config, labels)
    manifest, examples = made(problem, tmp_path)
    assert manifest.origin == f"TFDS glue/{config}:2.0.0"
    for part, count in parts_of(problem).items():
        found = {(e["inputs"], e["targets"]) for e in examples[part]}
        assert found == wanted(problem, part, count, len(features))


@pytest.mark.parametrize("problem, config, features, folder, header, row", GLUE)
def test_glue_from_its_tables(tmp_path, problem, config, features, folder, header, row) -> None:
    files = {"train": "train.tsv", "dev": "dev.tsv"}
    if problem == "multi_nli":
        files |= {"dev": "dev_matched.tsv", "test": "dev_mismatched.tsv"}
    at = tmp_path / "raw" / "glue_data" / folder
    at.mkdir(parents=True)
    for part, count in parts_of(problem).items():
        lines = [header] if header else []
        lines += [row.format(*case) for case in cases(problem, part, count)]
        lines += ["a\tmalformed\trow\tof\tmany\tmore\tcolumns"] if part == "train" else []
        (at / files[part]).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    manifest, examples = made(problem, tmp_path)
    assert manifest.left_out("train") == {"malformed row": 1}
    for part, count in parts_of(problem).items():
        found = {(e["inputs"], e["targets"]) for e in examples[part]}
        assert found == wanted(problem, part, count, len(features))


def test_a_table_of_other_labels_is_refused(tmp_path: Path) -> None:
    at = tmp_path / "raw" / "CoLA"
    at.mkdir(parents=True)
    for name in ("train.tsv", "dev.tsv"):
        (at / name).write_text("s\t1\t\tgood\ns\t2\t\tbad\n")
    with pytest.raises(DataError, match="train.tsv, line 2 has the label '2'; allowed are unacc"):
        made("cola", tmp_path)


def test_the_mixture_of_glue_is_on_one_vocabulary() -> None:
    problems = find_problems("glue")
    assert {problem.name for problem in problems} == {"stsb", *(row[0] for row in GLUE)}
    assert {problem.text_vocabularies[0] for problem in problems} == {"vocab.glue"}


def reviews(part: str) -> list[tuple[str, str]]:
    return [(f"{part}\n {s}<br />", "neg" if i % 2 else "pos") for i, s in enumerate(SENTENCES)]


def test_imdb_from_tfds(tmp_path: Path) -> None:
    splits = {p: [{"text": t, "label": n} for t, n in reviews(p)] for p in ("train", "test")}
    labels = {"label": ("neg", "pos")}
    prepared(tmp_path / "tfds", "imdb_reviews", "1.0.0", splits, "plain_text", labels)
    _, examples = made("sentiment_imdb", tmp_path)
    for split, part in (("train", "train"), ("dev", "test")):
        expected = {(t.replace("\n", ""), n) for t, n in reviews(part)}
        assert {(e["inputs"], e["targets"]) for e in examples[split]} == expected


@pytest.mark.parametrize("packed", [False, True])
def test_imdb_from_its_files(tmp_path: Path, packed: bool) -> None:
    raw = tmp_path / "raw"
    for part in ("train", "test"):
        for i, (text, label) in enumerate(reviews(part)):
            path = raw / "aclImdb" / part / label / f"{i}_7.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if packed:
        with tarfile.open(raw / "aclImdb_v1.tar.gz", "w:gz") as archive:
            archive.add(raw / "aclImdb", "aclImdb")
        (raw / "aclImdb").rename(tmp_path / "elsewhere")
    manifest, examples = made("sentiment_imdb", tmp_path)
    assert manifest.examples("train") == manifest.examples("dev") == len(SENTENCES)
    expected = {(t.replace("\n", ""), n) for t, n in reviews("train")}
    assert {(e["inputs"], e["targets"]) for e in examples["train"]} == expected


PTB = " no it was n't <unk> monday \n \n mr. <unk> is N years old \n"


def ptb(folder: Path) -> None:
    folder.mkdir(parents=True)
    for part in ("train", "valid", "test"):
        (folder / f"ptb.{part}.txt").write_text(f"{PTB} {part} \n" * 6)


@pytest.mark.parametrize("packed", [False, True])
def test_penn_treebank_text(tmp_path: Path, packed: bool) -> None:
    raw = tmp_path / "raw"
    ptb(raw / "simple-examples" / "data")
    if packed:
        with tarfile.open(raw / "simple-examples.tgz", "w:gz") as archive:
            archive.add(raw / "simple-examples", "./simple-examples")
        (raw / "simple-examples").rename(tmp_path / "elsewhere")
    manifest, examples = made("languagemodel_ptb10k", tmp_path)
    sentences = {"no it was n't UNK monday", "mr. UNK is N years old"}
    for split, part in (("train", "train"), ("dev", "valid"), ("test", "test")):
        assert {e["targets"] for e in examples[split]} == {*sentences, part}
        assert {e["inputs"] for e in examples[split]} == {""}
    assert manifest.examples("train") == 18
    assert manifest.cleaning.startswith(
        "a line a text, blank ones left out; lines over 256 words cut into pieces of so many; "
        "<unk> written UNK; "
    )


def test_wikitext_is_cut_into_pieces(tmp_path: Path) -> None:
    long = " ".join(f"w{i}" for i in range(600))
    content = {part: f" \n = {part} = \n \n {long} \n" for part in ("train", "valid", "test")}
    (tmp_path / "raw").mkdir()
    with zipfile.ZipFile(tmp_path / "raw" / "wikitext-103-v1.zip", "w") as archive:
        for part, text in content.items():
            archive.writestr(f"wikitext-103/wiki.{part}.tokens", text)
    _, examples = made("languagemodel_wikitext103", tmp_path)
    found = [e["targets"] for e in examples["dev"]]
    assert sorted(len(text.split()) for text in found) == [3, 88, 256, 256]
    assert "= valid =" in found
    words = sorted(word for text in found for word in text.split())
    assert words == sorted(["=", "valid", "=", *long.split()])  # nothing is lost


def test_pieces() -> None:
    assert list(pieces(" a  b c\td e ", 2)) == ["a b", "c d", "e"]
    assert list(pieces(" \n", 2)) == []


def test_one_billion_words(tmp_path: Path) -> None:
    splits = {
        "train": [{"text": s} for s in SENTENCES],
        "test": [{"text": f"held out {i}"} for i in range(100)],
    }
    prepared(tmp_path / "tfds", "lm1b", "1.1.0", splits)
    _, examples = made("languagemodel_lm1b32k", tmp_path)
    assert {e["targets"] for e in examples["train"]} == set(SENTENCES)
    assert {e["targets"] for e in examples["dev"]} == {"held out 0", "held out 1"}


def test_one_billion_words_from_its_files(tmp_path: Path) -> None:
    top = tmp_path / "raw" / "1-billion-word-language-modeling-benchmark-r13output"
    train = top / "training-monolingual.tokenized.shuffled"
    held_out = top / "heldout-monolingual.tokenized.shuffled"
    for folder in (train, held_out):
        folder.mkdir(parents=True)
    for i in range(2):
        text = "".join(f"{s}\n" for s in SENTENCES[i::2])
        (train / f"news.en-{i + 1:05d}-of-00100").write_text(text)
        (held_out / f"news.en.heldout-{i:05d}-of-00050").write_text(f"held out {i}\n")
    _, examples = made("languagemodel_lm1b32k", tmp_path)
    assert {e["targets"] for e in examples["train"]} == set(SENTENCES)
    assert [e["targets"] for e in examples["dev"]] == ["held out 0"]


def test_a_language_model_has_no_inputs(tmp_path: Path) -> None:
    problem = find_problem("languagemodel_ptb10k")
    assert problem.inputs.absent and not problem.targets.absent
    assert "languagemodel_ptb10k_rev" not in problem_names()
    with pytest.raises(DataError, match="and 'languagemodel_ptb10k' goes from nothing to text"):
        find_problem("languagemodel_ptb10k_rev")
    ptb(tmp_path / "raw" / "simple-examples" / "data")
    made("languagemodel_ptb10k", tmp_path)
    from t2t_mm.data.binding import bind

    task = bind(problem, tmp_path / "data")
    assert not task.has_inputs
    assert type(task).from_dict(task.to_dict()) == task


def test_what_is_given_where_nothing_is_read_begins_the_answer(tmp_path: Path) -> None:
    from t2t_mm.data.binding import bind, load_vocabularies
    from t2t_mm.decoding.inputs import stored_inputs, stored_prompt
    from t2t_mm.kinds.broken import BrokenValue

    problem = find_problem("languagemodel_ptb10k")
    ptb(tmp_path / "raw" / "simple-examples" / "data")
    made("languagemodel_ptb10k", tmp_path)
    task = bind(problem, tmp_path / "data")
    known = load_vocabularies([task], tmp_path / "data")
    for text in ("", "so what"):
        assert stored_inputs(text, task, known) == {"inputs": ([EOS], 1)}
        assert stored_prompt(text, task, known) == known[task.input.vocabulary].encode(text)
    with pytest.raises(BrokenValue) as error:
        task.input.read("so what", known)
    assert error.value.detail == "is text, and this problem has no inputs; give the empty text"


def news(part: str, i: int) -> tuple[str, str]:
    return f"{part} {SENTENCES[i]}. " * 60, f"{SENTENCES[i]} .\nsecond {i} ."


def test_summaries_from_tfds(tmp_path: Path) -> None:
    splits = {
        part: [dict(zip(("article", "highlights"), news(part, i), strict=True)) for i in range(8)]
        for part in ("train", "validation", "test")
    }
    for example in splits["train"]:
        example |= {"publisher": "cnn", "id": "1"}
    splits["train"][0]["article"] = " \n"
    prepared(tmp_path / "tfds", "cnn_dailymail", "3.4.0", splits)
    manifest, examples = made("summarize_cnn_dailymail32k", tmp_path)
    assert manifest.left_out("train") == {"empty": 1}
    assert "inputs cut after 400 words" in manifest.cleaning
    article, highlights = news("validation", 3)
    found = {e["targets"]: e["inputs"] for e in examples["dev"]}
    assert found[highlights.replace("\n", " ")] == " ".join(article.split()[:400])


def write_stories(raw: Path, packed: bool) -> dict[str, list[str]]:
    """Split -> the numbers of its stories."""
    told: dict[str, list[str]] = {"all_train.txt": [], "all_val.txt": [], "all_test.txt": []}
    files: dict[str, bytes] = {}
    for i in range(9):
        url = f"http://example.com/{i}"
        list(told.values())[i % 3].append(url)
        name = f"{hashlib.sha1(url.encode()).hexdigest()}.story"
        folder = "cnn/stories" if i % 2 else "dailymail/stories"
        story = f"News {i}\n\nIt was said.\n\n@highlight\n\nHigh {i}\n\n@highlight\n\nLow {i}!\n"
        files[f"{folder}/{name}"] = story.encode()
    raw.mkdir()
    told["all_train.txt"].append("http://example.com/gone")
    for name, urls in told.items():
        (raw / name).write_text("".join(f"{url}\n" for url in urls))
    for publisher in ("cnn", "dailymail"):
        of_it = {n: c for n, c in files.items() if n.startswith(publisher)}
        if packed:
            with tarfile.open(raw / f"{publisher}_stories.tgz", "w:gz") as archive:
                for name, content in of_it.items():
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
        else:
            (raw / publisher / "stories").mkdir(parents=True)
            for name, content in of_it.items():
                (raw / name).write_bytes(content)
    return told


@pytest.mark.parametrize("packed", [False, True])
def test_summaries_from_stories(tmp_path: Path, packed: bool) -> None:
    write_stories(tmp_path / "raw", packed)
    manifest, examples = made("summarize_cnn_dailymail32k", tmp_path)
    assert manifest.left_out("train") == {"no such story": 1}
    for split, first in (("train", 0), ("dev", 1), ("test", 2)):
        assert {(e["inputs"], e["targets"]) for e in examples[split]} == {
            (f"News {i}. It was said.", f"High {i}. Low {i}!") for i in range(first, 9, 3)
        }


def test_a_story(tmp_path: Path) -> None:
    path = tmp_path / "a.story"
    path.write_text('Head\n\nHe said "no"\n@highlight\n\nOne\ntwo\n@highlight\n\nThree?\n')
    assert read_story(path) == ('Head. He said "no"', "One. two. Three?")
