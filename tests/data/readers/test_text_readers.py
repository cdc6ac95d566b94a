"""Line-aligned text, tables and treebank files: rows, and every mistake with its place."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from t2t_mm.data.sources.readers import Reader, Roots, Row
from t2t_mm.data.sources.readers.tables import Csv, Jsonl, Tsv
from t2t_mm.data.sources.readers.text_lines import TextLines
from t2t_mm.data.sources.readers.treebank import Treebank
from t2t_mm.errors import UserError


def rows(reader: Reader, folder: Path, training: bool = True) -> list[Row]:
    return list(reader.rows(Roots((folder,)), training))


def pairs(reader: Reader, folder: Path) -> list[tuple[str, str]]:
    return [(row.inputs, row.targets) for row in rows(reader, folder)]


def fails(reader: Reader, folder: Path) -> str:
    with pytest.raises(UserError) as error:
        rows(reader, folder)
    return str(error.value)


LINES = TextLines(inputs="a.en", targets="a.de")


def test_lines_are_aligned_whatever_other_breaks_they_hold(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_bytes("\ufeffone\u2028more\r\ntwo\x0c\n".encode())
    (tmp_path / "a.de").write_bytes(b"eins\nzwei")  # no line feed at the end
    found = rows(LINES, tmp_path)
    assert [(r.inputs, r.targets) for r in found] == [
        ("one\u2028more", "eins"),
        ("two\x0c", "zwei"),
    ]
    assert (found[1].key, found[1].target_key) == ("a.en, line 2", "a.de, line 2")


def test_gzipped_lines(tmp_path: Path) -> None:
    for name in ("a.en.gz", "a.de.gz"):
        (tmp_path / name).write_bytes(gzip.compress(name.encode()))
    found = pairs(TextLines(inputs="a.en.gz", targets="a.de.gz"), tmp_path)
    assert found == [("a.en.gz", "a.de.gz")]
    (tmp_path / "a.en.gz").write_bytes(gzip.compress(b"x" * 10_000)[:-9])
    message = fails(TextLines(inputs="a.en.gz", targets="a.de.gz"), tmp_path)
    assert message.startswith(f"{tmp_path}/a.en.gz cannot be read after line 0: ")


def test_unequal_line_counts_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("1\n2\n3\n")
    (tmp_path / "a.de").write_text("1\n2\n")
    assert fails(LINES, tmp_path) == (
        f"{tmp_path}/a.en has 3 lines and {tmp_path}/a.de has 2; line-aligned files need as many."
    )


def test_invalid_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_bytes(b"fine\nd\xe9j\xe0\n")
    (tmp_path / "a.de").write_text("1\n2\n")
    assert fails(LINES, tmp_path) == (
        f"{tmp_path}/a.en, line 2 is not UTF-8 (byte 2 of the line: invalid continuation byte); "
        "convert the file, for instance with iconv -t UTF-8."
    )


def test_a_missing_file_names_every_place_that_was_tried(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        list(LINES.rows(Roots((tmp_path / "x", tmp_path / "y")), True))
    assert str(error.value) == (
        f"'a.en' is neither at {tmp_path}/x/a.en nor at {tmp_path}/y/a.en; put it there, or point "
        "--tmp_dir to its root."
    )
    assert fails(LINES, tmp_path).startswith(f"'a.en' is not at {tmp_path}/a.en; put it there")


def test_the_first_root_that_has_the_file_is_taken(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text(name)
    assert Roots((tmp_path / "x", tmp_path / "y")).find("f") == tmp_path / "x" / "f"
    assert Roots((tmp_path / "x",)).find(str(tmp_path / "y" / "f")) == tmp_path / "y" / "f"


def test_tsv_takes_quotes_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text('en\tid\tde\n"a" b\t1\tq\n\nc"\t2\tr\n')
    reader = Tsv(path="t.tsv", inputs="en", targets="de")
    assert pairs(reader, tmp_path) == [('"a" b', "q"), ('c"', "r")]
    assert [row.key for row in rows(reader, tmp_path)] == ["t.tsv, line 2", "t.tsv, line 4"]


def test_csv_fields_may_be_quoted_over_lines(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('inputs,targets\n"a, ""b""\nc",d\ne,f\n')
    found = rows(Csv(path="t.csv"), tmp_path)
    assert [(r.inputs, r.targets) for r in found] == [('a, "b"\nc', "d"), ("e", "f")]
    assert found[1].key == "t.csv, line 4"


def test_columns_and_delimiter_may_be_given(tmp_path: Path) -> None:
    (tmp_path / "t.dat").write_text("a|x\nb|y\n")
    reader = Tsv(path="t.dat", columns=("l", "r"), delimiter="|", inputs="r", targets="l")
    assert pairs(reader, tmp_path) == [("x", "a"), ("y", "b")]


def test_jsonl_numbers_become_text_and_unread_keys_may_nest(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"inputs": "a", "targets": 3, "more": [1]}\n\n')
    assert pairs(Jsonl(path="t.jsonl"), tmp_path) == [("a", "3")]


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        (Tsv(path="t"), "inputs\ttargets\na\n", "line 2 has 1 columns, not 2 (inputs, targets)."),
        (Tsv(path="t"), "a\ta\n", "names the column 'a' twice; its first line must name each"),
        (Tsv(path="t"), "", "is empty; its first line must name each column once."),
        (Tsv(path="t"), "inputs\ttarget\na\tb\n", "unknown column 'targets' (from t, line 2)"),
        (Csv(path="t"), 'inputs,targets\n"a"b,c\n', "line 2 is malformed CSV: ',' expected after"),
        (Jsonl(path="t"), '{"inputs": 1}\n{"inputs"}\n', "line 2 is malformed JSON"),
        (Jsonl(path="t"), "[]\n", "line 1 must hold a JSON object, as every line of a"),
        (Jsonl(path="t"), '{"inputs": {}, "targets": 1}', "'inputs' must be text or a number"),
    ],
)  # fmt: skip
def test_malformed_tables(reader: Reader, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "t").write_text(content.replace('{"inputs": 1}', '{"inputs": 1, "targets": 1}'))
    assert message in fails(reader, tmp_path)


MRG = "( (S (NP-SBJ (DT The) (NN cat)) (VP (VBZ sits) (NP (-NONE- *)))))\n( (X (-NONE- 0)))\n"


def test_treebank_gives_words_and_the_cleaned_tree_without_them(tmp_path: Path) -> None:
    (tmp_path / "00").mkdir()
    (tmp_path / "00" / "wsj_0001.mrg").write_text(MRG)
    (tmp_path / "00" / "wsj_0002.mrg").write_text(MRG.replace("cat", "dog"))
    expected = "S NP DT NN /NP VP VBZ /VP /S"
    every = rows(Treebank(path="."), tmp_path)
    assert [row.inputs for row in every] == ["The cat sits", "The dog sits"]
    assert every[0].targets == expected
    assert every[0].key == "./00/wsj_0001.mrg, line 1"
    only = Treebank(path=".", files=("wsj_0001..wsj_0001",))
    assert pairs(only, tmp_path) == [("The cat sits", expected)]
    words = Treebank(path=".", files=("wsj_0001..wsj_0001",), words=True)
    assert rows(words, tmp_path)[0].targets == "(S (NP (DT The) (NN cat)) (VP (VBZ sits)))"


def test_constituents_of_several_words_are_training_examples_too(tmp_path: Path) -> None:
    (tmp_path / "a.mrg").write_text(
        "( (S (NP (DT The) (NN cat)) (VP (VBZ sees) (NP (NN fish)) (PP (IN at) (NP (NN sea))))))"
    )
    reader = Treebank(path=".", constituents=True)
    whole = (
        "The cat sees fish at sea",
        "S NP DT NN /NP VP VBZ NP NN /NP PP IN NP NN /NP /PP /VP /S",
    )
    assert pairs(reader, tmp_path) == [
        whole,
        ("The cat", "NP DT NN /NP"),
        ("sees fish at sea", "VP VBZ NP NN /NP PP IN NP NN /NP /PP /VP"),
        ("at sea", "PP IN NP NN /NP /PP"),
    ]
    every = rows(reader, tmp_path)
    assert len({row.key for row in every}) == 4
    assert {row.group for row in every} == {whole[0]}
    evaluated = list(reader.rows(Roots((tmp_path,)), training=False))
    assert [(row.inputs, row.targets) for row in evaluated] == [whole]


def test_treebank_mistakes_name_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.mrg").write_text("( (S (UH yes)))\n( (S (UH no))\n")
    assert fails(Treebank(path="."), tmp_path) == (
        f"{tmp_path}/a.mrg, line 2: a bracket that opens here is never closed."
    )
    (tmp_path / "a.mrg").write_bytes(b"( (S (UH \xff)))")
    assert "a.mrg, line 1 is not UTF-8 (byte 10 of the line" in fails(Treebank(path="."), tmp_path)
    assert fails(Treebank(path=".", files=("b*",)), tmp_path) == (
        f"no file below {tmp_path} matches b* and ends in .mrg."
    )


def test_a_tree_that_cannot_be_written_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.mrg").write_text("( (S (UH yes)))\n( (S (NP (NP x) (NN y))) )\n")
    assert fails(Treebank(path="."), tmp_path) == (
        "./a.mrg, line 2: a word's tag is 'NP', the label of its constituent."
    )


def test_a_csv_record_that_is_broken_twice_is_counted_once(tmp_path: Path) -> None:
    content = b'inputs,targets\n\xffa\rb,c\n"\xff\n\xfe",d\ne,f\n'
    (tmp_path / "a.csv").write_bytes(content)
    items = list(Csv(path="a.csv").items(Roots((tmp_path,)), True))
    assert [getattr(item, "reason", item) for item in items[:-1]] == [
        "lines that are not UTF-8",
        "lines that are not UTF-8",
    ]
    assert [item.place.rpartition(" ")[2] for item in items[:-1]] == ["2", "3"]
    assert (items[-1].inputs, items[-1].targets) == ("e", "f")
