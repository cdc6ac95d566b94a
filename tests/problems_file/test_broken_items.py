"""One bad item does not block the others: each sort is counted and named, and none is lost."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2t_mm import lookup
from t2t_mm.data.generation.api import generate
from t2t_mm.data.generation.progress import SummaryRow, report
from t2t_mm.data.records.manifest import load_manifest
from t2t_mm.data.sources.readers import Roots
from t2t_mm.errors import DataError
from t2t_mm.problem import Split
from tests.problems_file.written_files import load

TREES = (
    "( (S (UH yes)) )\n( (S (UH no))\n( (S (NP (NP that) (NN sea))) )\n# a note\n( (S (UH oh)) )\n"
)


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (1, 2, 3)).save(out, "PNG")
    return out.getvalue()


def table(kind: str, form: str, train: str, more: str = "") -> str:
    head = f'[problems.p]\nkind = "{kind}"\nformat = "{form}"\nshards = 1\n'
    return f"{head}{more}\ntrain = {{ {train} }}\n"


def made(folder: Path, text: str, skip: bool = True) -> list[SummaryRow]:
    load(folder, text)
    problem = lookup.find_problem("p")
    return generate([problem], folder / "out", num_workers=1, skip_broken=skip, log=lambda _: None)


def coco() -> str:
    images = [{"id": i, "file_name": f"{i}.png"} for i in range(1, 4)]
    images += [{"id": 1, "file_name": "other.png"}, {"file_name": "x.png"}]
    notes = [
        {"image_id": 1, "caption": "one", "id": 7},
        {"image_id": 1, "caption": "one again", "id": 7},
        {"image_id": 2, "caption": None},
        {"image_id": 2, "caption": 5},
        {"image_id": 3, "caption": "gone"},
        {"image_id": 9, "caption": "of nothing"},
        {"image_id": 2},
    ]
    return "\ufeff" + json.dumps({"images": images, "annotations": notes})


CASES = {
    "text_lines": (
        table("text2text", "text_lines", 'inputs = "a", targets = "b"'),
        {"a": b"one\ntwo\n\nthr\xff\nfour\n", "b": b"1\n2\0\n3\n4\n5\n"},
        {"empty texts": 1, "lines that are not UTF-8": 1, "lines with a zero byte": 1},
        2,
    ),
    "csv": (
        table("text2text", "csv", 'path = "t.csv"'),
        {"t.csv": b'inputs,targets\na,b\n"x"y,z\nc,d,e\nf,\xff\n"multi\nli\xffne",r\n'
         b'"o\nk",p\n,q\n'},
        {"malformed rows": 1, "rows of another width": 1, "lines that are not UTF-8": 2,
         "empty texts": 1},
        2,
    ),
    "tsv": (
        table("text2class", "tsv", 'path = "t.tsv"'),
        {"t.tsv": b"id\tinputs\ttargets\n1\ta\tyes\n2\tb\n1\tc\tno\n\td\tno\n"
         b"\te\tyes\n4\tf\t\xff\n"},
        {"rows of another width": 1, "ids that occur twice": 1, "lines that are not UTF-8": 1},
        3,
    ),
    "jsonl": (
        table("text2text", "jsonl", 'path = "t.jsonl"'),
        {"t.jsonl": '{"inputs": "a", "targets": 3}\n{"inputs": null, "targets": "b"}\n'
         '{"inputs": "a"}\n{"inputs": ["x"], "targets": "c"}\n{"inputs"\n[1]\n'
         '{"inputs": "\\ud800", "targets": "c"}\n'
         '{"inputs": "a\\u0000b", "targets": "d"}\n' + "[" * 50_000 + "\n"},
        {"empty texts": 1, "rows without 'targets'": 1, "values that are no text": 2,
         "malformed rows": 3},
        2,
    ),
    "image_table": (
        table("image2class", "image_table", 'path = "t.csv", folder = "."'),
        {"t.csv": "file,label\n1.png,cat\n2.png,dog\n1.png,cat\ngone.png,cat\n3.png,dog\n",
         "1.png": png(), "2.png": png(), "3.png": png()[:40]},
        {"ids that occur twice": 1, "missing file": 1, "broken image": 1},
        2,
    ),
    "coco": (
        table("image2text", "coco", 'annotations = "c.json", pictures = "."'),
        {"c.json": coco(), "1.png": png(), "2.png": png()},
        {"ids that occur twice": 2, "empty texts": 1, "captions that are no text": 1,
         "missing file": 1, "captions of unknown pictures": 1, "malformed entries": 2},
        1,
    ),
    "treebank": (
        table("text2tree", "treebank", 'path = "t"'),
        {"t/a.mrg": TREES},
        {"malformed trees": 1, "trees that cannot be written": 1},
        2,
    ),
    "trees of a table": (
        table("text2tree", "tsv", 'path = "t.tsv"'),
        {"t.tsv": "inputs\ttargets\na\t(S (NP a))\nb\t(S (NP b)\n"},
        {"malformed trees": 1},
        1,
    ),
    "several inputs": (
        table("several2class", "jsonl", 'path = "t.jsonl"', 'inputs.q = { kind = "text" }\n'
              'inputs.i = { kind = "image", folder = ".", image_size = 8 }'),
        {"t.jsonl": '{"i": "1.png", "q": "a", "targets": "x"}\n'
         '{"i": "2.png", "q": "b", "targets": "x"}\n'
         '{"q": "b", "targets": "x"}\n{"i": {}, "q": "b", "targets": "x"}\n', "1.png": png()},
        {"missing file": 1, "rows without 'i'": 1, "values that are no text": 1},
        1,
    ),
    "cifar": (
        table("image2class", "cifar", 'path = ".", files = "data_batch_1"'),
        {"data_batch_1": pickle.dumps(
            {"data": np.zeros((3, 3072), np.uint8), "labels": np.array([1, 5, 0])}, 5),
         "batches.meta": pickle.dumps({"label_names": ["a", "b"]})},
        {"unknown label": 1},
        2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_read_is_kept_and_left_out(case: str, tmp_path: Path) -> None:
    text, files, left_out, kept = CASES[case]
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as error:
        made(tmp_path, text, skip=False)
    assert str(error.value).endswith("; or leave broken examples out with --skip_broken.")
    (row,) = made(tmp_path, text)
    assert row.left_out == left_out
    assert (row.examples, row.read) == (kept, kept + sum(left_out.values()))
    assert {reason: len(places) for reason, places in row.broken.items()} == {
        reason: min(3, count) for reason, count in left_out.items()
    }
    stored = load_manifest("p", tmp_path / "out")
    assert stored and stored.left_out("train") == left_out
    (again,) = made(tmp_path, text)  # from the manifest
    assert (again.left_out, again.broken) == (row.left_out, row.broken)


def test_every_item_of_a_source_is_in_one_part_of_a_hold_out(tmp_path: Path) -> None:
    lines = [f"text {i}\tx" if i % 7 else f"only {i}" for i in range(300)]
    (tmp_path / "t.tsv").write_text("\n".join(["inputs\ttargets", *lines]))
    text = table("text2text", "tsv", 'path = "t.tsv", max_examples = 90') + "holdout.dev = 0.3\n"
    rows = made(tmp_path, text.replace("shards = 1", ""))
    assert [row.split for row in rows] == ["train", "dev"]
    assert sum(row.read for row in rows) == 300
    assert sum(row.left_out["rows of another width"] for row in rows) == 43
    assert all(row.left_out["rows of another width"] for row in rows)


def test_the_report_names_what_is_broken(tmp_path: Path) -> None:
    lines = ["inputs\ttargets", "a\tb", "c", "d", "e", "f"]
    (tmp_path / "t.tsv").write_text("\n".join(lines))
    told = report(made(tmp_path, table("text2text", "tsv", 'path = "t.tsv"'))).splitlines()
    assert told[-2].split() == [
        "p", "train", "1", told[-2].split()[3], told[-2].split()[4], "5", "4", "rows", "of",
        "another", "width",
    ]  # fmt: skip
    assert told[-1] == (
        "p, train: left out as broken, rows of another width (4): "
        f"{tmp_path}/t.tsv, line 3; {tmp_path}/t.tsv, line 4; {tmp_path}/t.tsv, line 5; ..."
    )


def test_the_first_places_of_all_shards_are_named(tmp_path: Path) -> None:
    lines = [f"text {i}\tx" if i % 2 else "bad" for i in range(60)]
    (tmp_path / "t.tsv").write_text("\n".join(["inputs\ttargets", *lines]))
    text = table("text2text", "tsv", 'path = "t.tsv"').replace("shards = 1", "shards = 7")
    (row,) = made(tmp_path, text)
    assert row.left_out == {"rows of another width": 30}
    assert row.broken["rows of another width"] == [
        f"{tmp_path}/t.tsv, line {number}" for number in (2, 4, 6)
    ]


def test_a_cell_may_hold_a_whole_article(tmp_path: Path) -> None:
    article = "word " * 28_000
    (tmp_path / "t.csv").write_text(f'inputs,targets\n"{article}",x\na,b\n')
    load(tmp_path, table("text2text", "csv", 'path = "t.csv"'))
    (row,) = made(tmp_path, table("text2text", "csv", 'path = "t.csv"'), skip=False)
    assert (row.examples, row.read) == (2, 2)


def test_a_quote_that_is_never_closed_takes_no_rows_along(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('inputs,targets\na,b\n"c,d\ne,f\n')
    with pytest.raises(DataError, match=r"t.csv: a quote that opens in line 3 is never closed"):
        made(tmp_path, table("text2text", "csv", 'path = "t.csv"'))


def test_a_carriage_return_in_a_csv_row_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"inputs,targets\na\rb,c\nd,e\n")
    with pytest.raises(DataError, match=r"line 2 is malformed CSV: a carriage return stands in a"):
        made(tmp_path, table("text2text", "csv", 'path = "t.csv"'), skip=False)


def test_a_class_that_training_lacks_is_an_item(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("inputs\ttargets\na\tyes\nb\tno\n")
    (tmp_path / "d.tsv").write_text("inputs\ttargets\na\tmaybe\nb\tno\n")
    text = table("text2class", "tsv", 'path = "t.tsv"').replace("shards = 1", "")
    rows = made(tmp_path, text + 'dev = { path = "d.tsv" }\n')
    assert [(row.examples, row.left_out) for row in rows] == [
        (2, {}), (1, {"classes that training lacks": 1}),
    ]  # fmt: skip


@pytest.mark.parametrize("labels", ["[1, 0]", "np.array([1, 0])", "np.array([[1], [0]], np.uint8)",
                                    "[np.int64(1), np.uint8(0)]"])  # fmt: skip
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_cifar_labels_may_be_arrays(labels: str, protocol: int, tmp_path: Path) -> None:
    pixels = np.arange(6144, dtype=np.uint32).astype(np.uint8).reshape(2, 3072)
    batch = {"data": pixels, "labels": eval(labels, {"np": np})}
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(batch, protocol))
    (tmp_path / "batches.meta").write_bytes(
        pickle.dumps({"label_names": np.array(["a", "b"])}, protocol)
    )
    load(tmp_path, table("image2class", "cifar", 'path = ".", files = "data_batch_1"'))
    problem = lookup.find_problem("p")
    (source,) = problem.declaration.sources[Split.TRAIN]
    assert [row.targets for row in source.reader.rows(Roots((tmp_path,)), True)] == ["b", "a"]


def test_cifar_labels_of_another_shape_are_told(tmp_path: Path) -> None:
    batch = {"data": np.zeros((2, 3072), np.uint8), "labels": np.zeros((2, 3))}
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(batch))
    (tmp_path / "batches.meta").write_bytes(pickle.dumps({"label_names": ["a", "b"]}))
    load(tmp_path, table("image2class", "cifar", 'path = ".", files = "data_batch_1"'))
    with pytest.raises(DataError, match=r"a list or an array of one axis, got an array of shape"):
        made(tmp_path, table("image2class", "cifar", 'path = ".", files = "data_batch_1"'))
