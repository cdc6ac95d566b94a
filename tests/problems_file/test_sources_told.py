"""What datagen tells of the sources of a problems file, and reads whatever form they have."""

from __future__ import annotations

import bz2
import gzip
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from t2t_mm import lookup
from t2t_mm.data.generation.api import generate
from t2t_mm.data.generation.progress import SummaryRow, report
from t2t_mm.data.records.manifest import load_manifest
from t2t_mm.errors import DataError, UserError
from tests.data.datagen_toys import png
from tests.problems_file.written_files import fails, load, pair, samples, write

C, D = "caf\u00e9", "cafe\u0301"
LINES = [f"text {number}" for number in range(20)]


def made(folder: Path, name: str = "p") -> list[SummaryRow]:
    return generate([lookup.find_problem(name)], folder / "out", num_workers=1, log=lambda _: None)


def write_png(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(0, number))


FOLDERS = """
[problems.p]
kind = "image2class"
format = "class_folders"
train = {train}
shards = 1
"""


def test_what_lies_unread_is_in_the_manifest_and_the_report(tmp_path: Path) -> None:
    write_png(tmp_path, "set/a/1.png", "set/b/1.png", "set/_c_/1.png")
    (tmp_path / "set" / "lost").mkdir()
    (tmp_path / "set" / "lost" / "1.xyz").touch()
    load(tmp_path, FOLDERS.format(train='{ path = "set", exclude = "_*" }'))
    rows = made(tmp_path)
    expected = [
        "files left out by exclude (1): set/_c_/1.png",
        "files that end in .xyz are not read (1): set/lost/1.xyz",
        "folders without a file that is read are no classes (1): set/lost",
    ]
    manifest = load_manifest("p", tmp_path / "out")
    assert manifest and manifest.notes == expected and manifest.labels == ("a", "b")
    assert report(rows).splitlines()[-3:] == [f"p: {note}" for note in expected]
    assert report(made(tmp_path)).splitlines()[-3:] == [f"p: {note}" for note in expected]


def test_excluding_changes_the_version(tmp_path: Path) -> None:
    def version(name: str, train: str) -> str:
        load(tmp_path, FOLDERS.replace("problems.p", f"problems.{name}").format(train=train))
        return lookup.find_problem(name).version

    assert version("a", '{ path = "set" }') == version("b", '{ path = "set" }')
    assert version("c", '{ path = "set", exclude = "x" }') != version("d", '{ path = "set" }')


def test_one_class_of_two_sources_and_forms(tmp_path: Path) -> None:
    write_png(tmp_path, f"a/{C}/1.png", "a/dog/1.png", f"b/{D}/1.png", f"b/{D}/2.png")
    train = '[{ path = "a" }, { path = "b" }]'
    load(tmp_path, FOLDERS.format(train=train) + 'dev = { path = "b" }')
    rows = made(tmp_path)
    assert [row.examples for row in rows] == [4, 2]
    assert lookup.find_problem("p").labels == (C, "dog")


@pytest.mark.parametrize(("declared", "in_table"), [(C, D), (D, C), ("", D)])
def test_declared_classes_and_those_of_a_table_are_one(
    declared: str, in_table: str, tmp_path: Path
) -> None:
    write(tmp_path, t_tsv=["inputs\ttargets", f"a\t{in_table}", f"b\t{C}", "c\tx"])
    labels = f'labels = ["x", "{declared}"]\n' if declared else ""
    text = '[problems.p]\nkind = "text2class"\nformat = "tsv"\ntrain = { path = "t.tsv" }\n'
    load(tmp_path, f"{text}{labels}shards = 1")
    (row,) = made(tmp_path)
    assert (row.examples, row.left_out) == (3, {})
    assert set(lookup.find_problem("p").labels) == {C, "x"}
    double = text.replace(".p]", ".q]") + f'labels = ["{C}", "{D}"]'
    assert fails(tmp_path, double) == f"my.toml, [problems.q]: labels names '{C}' twice."


@pytest.mark.parametrize(("there", "named"), [(C, D), (D, C)])
def test_files_and_columns_are_found_in_any_form(there: str, named: str, tmp_path: Path) -> None:
    write_png(tmp_path, f"{there}/{there}.png")
    (tmp_path / f"{there}.csv").write_text(f"file,{there}\n{named}.png,x\n")
    load(
        tmp_path,
        f'[problems.p]\nkind = "image2class"\nformat = "image_table"\nlabel = "{named}"\n'
        f'train = {{ path = "{named}.csv", folder = "{named}" }}\nshards = 1',
    )
    (row,) = made(tmp_path)
    assert (row.examples, row.notes) == (1, ())


def test_files_that_no_table_names_are_told(tmp_path: Path) -> None:
    write_png(tmp_path, "pics/1.png", "pics/2.png", "pics/3.png", f"pics/{D}.png")
    (tmp_path / "t.csv").write_text(f"file,label\n1.png,x\n./{C}.png,y\n")
    (tmp_path / "d.csv").write_text("file,label\n2.png,x\n")
    load(
        tmp_path,
        '[problems.p]\nkind = "image2class"\nformat = "image_table"\nfolder = "pics"\n'
        'train = { path = "t.csv" }\ndev = { path = "d.csv" }',
    )
    notes = lookup.find_problem("p").notes(tmp_path)
    assert [str(note) for note in notes] == [
        "files that no table names are not read (1): pics/3.png"
    ]


def packed(content: str, pack: Callable[[bytes], bytes]) -> bytes:
    return pack(content.encode())


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "old Mac": lambda b: b.replace(b"\n", b"\r"),
    "marked": lambda b: b"\xef\xbb\xbf" + b,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("style", ["text_lines", "csv", "tsv", "jsonl"])
def test_every_form_of_a_text_is_read(style: str, form: str, tmp_path: Path) -> None:
    source = 'inputs = "a.en", targets = "a.de"'
    write(tmp_path, a_de=LINES)
    if style == "text_lines":
        content = "".join(f"{line}\n" for line in LINES)
        (tmp_path / "a.en").write_bytes(packed(content, FORMS[form]))
    else:
        source = 'path = "table"'
        separator = {"csv": ",", "tsv": "\t", "jsonl": ""}[style]
        rows = [f"inputs{separator}targets", *(f"{line}{separator}{line}" for line in LINES)]
        if style == "jsonl":
            rows = [f'{{"inputs": "{line}", "targets": "{line}"}}' for line in LINES]
        (tmp_path / "table").write_bytes(packed("\n".join(rows) + "\n", FORMS[form]))
    text = f'[problems.p]\nkind = "text2text"\nformat = "{style}"\ntrain = {{ {source} }}'
    (tmp_path / "my.toml").write_bytes(packed(text, FORMS[form]))
    from t2t_mm import problems_file

    problems_file.load(tmp_path / "my.toml")
    assert samples("p") == [{"inputs": line, "targets": line} for line in LINES]


@pytest.mark.parametrize(
    ("holdout", "split", "kept"),
    [("dev = 0.01", "dev", "0.01"), ("test = 0.001", "test", "0.001"),
     ("dev = 0.999", "train", "0.001")],
)  # fmt: skip
def test_a_hold_out_of_few_says_so(holdout: str, split: str, kept: str, tmp_path: Path) -> None:
    write(tmp_path, a_en=["one", "two", "four"], a_de=["eins", "zwei", "vier"])
    load(tmp_path, pair(end=f"holdout = {{ {holdout} }}"))
    way_out = f"raise the share in holdout, give {split} a source of its own"
    if split == "train":
        way_out = "lower the shares in holdout"
    with pytest.raises(DataError) as error:
        made(tmp_path, "pair")
    assert str(error.value).endswith(
        f" {split} split; the hold-out leaves it {kept} of 3 examples of the training source, "
        f"chosen by hash, and that is none; {way_out}, or give more examples."
    )


def test_an_empty_source_of_a_split_is_named(tmp_path: Path) -> None:
    write(tmp_path, a_en=["one"], a_de=["eins"], b_en=[], b_de=[])
    load(tmp_path, pair(end='dev = { inputs = "b.en", targets = "b.de" }'))
    with pytest.raises(
        DataError, match=r"dev split; look at the files of .*problems.pair.dev\]\.$"
    ):
        made(tmp_path, "pair")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (pair().replace("problems.pair", "problems.shapes8"),
         "my.toml, [problems.shapes8]: problem 'shapes8' has the name of the mixture 'shapes8', "
         "which --problems would take."),
        (pair().replace("problems.pair", "problems.wmt4"),
         "my.toml, [problems.wmt4]: problem 'wmt4' has the name of the mixture 'wmt4', which "
         "--problems would take."),
        (pair(end='[mixtures.pair_rev]\nproblems = "pair"'),
         "my.toml, [mixtures.pair_rev]: mixture 'pair_rev' has the name of a problem."),
        (pair(end='[mixtures.m]\nproblems = ["n"]\n[mixtures.n]\nproblems = ["pair", "m"]'),
         "my.toml, [mixtures.m] names the mixture 'n', which holds itself (n -> m -> n); take it "
         "out of its problems."),
    ],
)  # fmt: skip
def test_names_of_mixtures(text: str, message: str, tmp_path: Path) -> None:
    assert fails(tmp_path, text) == message


def test_a_problem_of_ones_own_code_may_not_be_named_like_a_mixture() -> None:
    from t2t_mm import registry

    with pytest.raises(ValueError, match="'shapes8' has the name of the mixture 'shapes8'"):
        registry.PROBLEMS.register("shapes8", lookup.find_problem("translate_ende_shapes"))


def test_other_encodings_are_told(tmp_path: Path) -> None:
    write(tmp_path, a_en=LINES, a_de=LINES)
    (tmp_path / "a.en").write_bytes("\n".join(LINES).encode("utf-16"))
    load(tmp_path, pair())
    with pytest.raises(UserError, match=r"a.en seems to be UTF-16LE, not UTF-8; convert it"):
        samples("pair")
    (tmp_path / "my.toml").write_bytes(pair().encode("utf-16"))
    from t2t_mm import problems_file

    with pytest.raises(UserError, match=r"my.toml seems to be UTF-16LE"):
        problems_file.load(tmp_path / "my.toml")


def test_forms_differ() -> None:
    assert unicodedata.normalize("NFD", C) == D != C
