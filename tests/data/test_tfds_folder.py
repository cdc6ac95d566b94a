"""Prepared TFDS data sets, read without TFDS: against TFDS itself, in order, by parts."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from t2t_mm.data.records.files import encode_example
from t2t_mm.data.sources.tfds_folder import RecordError, TfdsFolder, prepared_folder
from t2t_mm.errors import DataError
from t2t_mm.provenance import DataAccess, TfdsData
from tests.data.tfds_folders import parse_example, prepared

CAPTIONS = [["one", "eins"], [], ["drei"]]


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    """A data set that TFDS itself has written, and its examples."""
    import tensorflow_datasets as tfds

    folder = tmp_path_factory.mktemp("genuine")
    rng = np.random.default_rng(0)
    examples = [
        {
            "image": rng.integers(0, 255, (4, 5, 3), np.uint8),
            "label": ["cat", "dog"][i % 2],
            "captions": [{"text": text, "id": -i} for text in CAPTIONS[i]],
            "speech": rng.integers(-30000, 30000, 300 + i),
            "boxes": np.float32([0.25, i]),
        }
        for i in range(3)
    ]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="genuine_toy",
        config="plain",
        version="1.2.3",
        data_dir=str(folder),
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(encoding_format="png"),
                "label": tfds.features.ClassLabel(names=["cat", "dog"]),
                "captions": tfds.features.Sequence({"text": tfds.features.Text(), "id": np.int64}),
                "speech": tfds.features.Audio(sample_rate=16000),
                "boxes": tfds.features.Tensor(shape=(2,), dtype=np.float32),
            }
        ),
        split_datasets={"train": list(enumerate(examples))},
    )
    return folder, examples


def test_reads_what_tfds_wrote(genuine: tuple[Path, list[dict]]) -> None:
    import tensorflow as tf

    data_dir, examples = genuine
    data = TfdsData("genuine_toy", {"train": "train"}, config="plain", version="1.")
    path = prepared_folder(data, DataAccess(tfds_data_dir=str(data_dir)))
    assert path == data_dir / "genuine_toy" / "plain" / "1.2.3"
    folder = TfdsFolder(path)
    assert folder.title == "genuine_toy/plain:1.2.3" and len(list(folder.records("train"))) == 3
    by_caption = {len(example["captions"]): example for example in examples}
    for record in folder.records("train"):
        example = by_caption[len(record.texts("captions/text"))]
        assert record.texts("captions/text") == [c["text"] for c in example["captions"]]
        ids = [c["id"] for c in example["captions"]]
        assert record.numbers("captions/id").tolist() == ids
        assert record.label("label") == example["label"]
        picture = tf.io.decode_png(record.blob("image")).numpy()
        np.testing.assert_array_equal(picture, example["image"])
        np.testing.assert_array_equal(record.numbers("speech"), example["speech"])
        np.testing.assert_array_equal(record.numbers("boxes"), example["boxes"])


def test_the_tests_own_writer_writes_as_tfds_does(
    genuine: tuple[Path, list[dict]], tmp_path: Path
) -> None:
    ours = prepared(tmp_path, "genuine_toy", "1.2.3", {"train": [{}] * 3}, config="plain")
    theirs = genuine[0] / "genuine_toy" / "plain" / "1.2.3"
    known = json.loads((theirs / "dataset_info.json").read_text())
    for key, value in json.loads((ours / "dataset_info.json").read_text()).items():
        if key != "splits":
            assert known[key] == value
    split, mine = known["splits"][0], json.loads((ours / "dataset_info.json").read_text())
    assert mine["splits"][0].items() <= split.items()
    assert {path.name for path in ours.iterdir()} <= {path.name for path in theirs.iterdir()}


def test_numbers_of_every_size_come_back() -> None:
    numbers = [0, 1, -1, 127, 128, 2**31, -(2**40), 2**63 - 1, -(2**63)]
    parsed = parse_example(encode_example({"n": numbers, "b": [b"", b"x" * 300], "none": []}))
    assert parsed["n"].tolist() == numbers and parsed["n"].dtype == np.int64
    assert parsed["b"] == [b"", b"x" * 300] and len(parsed["none"]) == 0


def test_a_cut_example_is_an_error() -> None:
    with pytest.raises(ValueError, match="^no tf.train.Example: it breaks off$"):
        parse_example(encode_example({"b": [b"some text"]})[:-3])


@pytest.fixture
def numbered(tmp_path: Path) -> TfdsFolder:
    examples = [{"i": i} for i in range(10)]
    return TfdsFolder(
        prepared(tmp_path, "toy", "1.0.0", {"train": examples, "test": examples[:2]}, shards=3)
    )


@pytest.mark.parametrize(
    "split, wanted",
    [
        ("train", [0, 3, 6, 9, 1, 4, 7, 2, 5, 8]),
        ("train[2:5]", [6, 9, 1]),
        ("train[8:]", [5, 8]),
        ("train[:20%]", [0, 3]),
        ("train[-10%:]", [8]),
        ("test+train[:1]", [0, 1, 0]),
    ],
)
def test_parts_in_the_order_of_the_files(
    numbered: TfdsFolder, split: str, wanted: list[int]
) -> None:
    assert [record.number("i") for record in numbered.records(split)] == wanted


def test_the_newest_fitting_version_is_found(tmp_path: Path) -> None:
    for version in ("2.9.0", "3.0.2", "3.0.10", "4.0.0"):
        prepared(tmp_path, "toy", version, {})
    (tmp_path / "toy" / "3.9.9").mkdir()  # unfinished
    access = DataAccess(tfds_data_dir=str(tmp_path))
    assert prepared_folder(TfdsData("toy", {}, version="3."), access).name == "3.0.10"
    assert prepared_folder(TfdsData("toy", {}), access).name == "4.0.0"
    assert prepared_folder(TfdsData("toy", {}, version="5."), access) is None
    assert prepared_folder(TfdsData("other", {}), access) is None


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert DataAccess().tfds_folder == tmp_path
    assert DataAccess(tfds_data_dir="/a").manual_folder == Path("/a/downloads/manual")


def test_what_cannot_be_read_is_a_sentence(numbered: TfdsFolder) -> None:
    with pytest.raises(DataError, match="has no split 'dev'; it has train, test"):
        list(numbered.records("dev"))
    record = next(numbered.records("train"))
    with pytest.raises(DataError, match="has no feature 'image'; it has i: it is not TFDS's"):
        record.blob("image")
    assert record.label("i") == "0"  # TFDS knows no names of MNIST's classes either
    path = numbered.path / "toy-train.tfrecord-00001-of-00003"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match="00001-of-00003 cannot be read .it breaks off"):
        list(numbered.records("train"))
    path.write_bytes(struct.pack("<Q", 3))
    with pytest.raises(DataError, match="let TFDS prepare it again"):
        list(numbered.records("train"))
    path.unlink()
    with pytest.raises(DataError, match="No such file"):
        list(numbered.records("train"))


@pytest.fixture
def three(tmp_path: Path) -> Path:
    examples = [{"text": f"text {i}", "label": i} for i in range(3)]
    return prepared(tmp_path, "toy", "1.0.0", {"train": examples})


def read_texts(folder: Path) -> list[str]:
    return [record.text("text") for record in TfdsFolder(folder).records("train")]


def test_a_flipped_bit_is_told_by_its_checksum(three: Path) -> None:
    path = next(three.glob("*.tfrecord-*"))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"text 1", b"text 5"))
    records = list(TfdsFolder(three).records("train"))
    assert [records[i].text("text") for i in (0, 2)] == ["text 0", "text 2"]
    with pytest.raises(RecordError, match="record 1 is damaged .is not what its checksum says"):
        records[1].text("text")
    path.write_bytes(b"\x01" + whole[1:])
    with pytest.raises(DataError, match="the length of record 0 is not what its checksum says"):
        read_texts(three)


def test_more_records_than_are_told_of_are_not_passed_over(three: Path) -> None:
    info = json.loads((three / "dataset_info.json").read_text())
    info["splits"][0]["shardLengths"] = ["2"]
    (three / "dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(DataError, match="holds more than the 2 records that dataset_info.json"):
        read_texts(three)
    assert len(list(TfdsFolder(three).records("train[:1]"))) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"splits": 3}, "'splits' must be a list, got 3"),
        ({"splits": [{"shardLengths": ["3"]}]}, "'name' is missing"),
        ({"splits": [{"name": "train", "shardLengths": ["x"]}]}, "invalid literal for int"),
        ({"splits": [{"name": "train", "shardLengths": ["-1"]}]}, "a shard of -1 records"),
        ({"splits": [{"name": "train", "filepathTemplate": 0.5}]}, "'filepathTemplate' must be"),
        ({"name": None}, "'name' must be text, got None"),
    ],
)
def test_a_dataset_info_of_other_values(three: Path, change: dict, message: str) -> None:
    info = json.loads((three / "dataset_info.json").read_text())
    (three / "dataset_info.json").write_text(json.dumps({**info, **change}))
    with pytest.raises(DataError, match=f"cannot read .*dataset_info.json .*{message}"):
        read_texts(three)


def test_an_unknown_place_holder_stays_as_it_is(three: Path) -> None:
    info = json.loads((three / "dataset_info.json").read_text())
    info["splits"][0]["filepathTemplate"] = "{0}-{SPLIT}-{WHAT.x}"
    (three / "dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(DataError, match=r"\{0\}-train-\{WHAT.x\} cannot be read"):
        read_texts(three)


def test_values_of_another_kind(tmp_path: Path) -> None:
    examples = [{"text": 3, "label": "x", "bytes": b"\xff"}]
    folder = TfdsFolder(prepared(tmp_path, "toy", "1.0.0", {"train": examples}))
    record = next(folder.records("train"))
    for ask, message in (
        (lambda: record.text("text"), "'text' holds numbers, not bytes"),
        (lambda: record.number("label"), "'label' holds bytes, not a number"),
        (lambda: record.text("bytes"), "'bytes' is not UTF-8"),
    ):
        with pytest.raises(RecordError, match=f"record 0: {message}"):
            ask()


def test_labels_beyond_the_names(tmp_path: Path) -> None:
    folder = prepared(tmp_path, "toy", "1.0.0", {"train": [{"y": i} for i in (0, 2, -1)]})
    (folder / "y.labels.txt").write_text("cat\ndog\n")
    records = list(TfdsFolder(folder).records("train"))
    assert records[0].label("y") == "cat"
    for record, number in zip(records[1:], (2, -1), strict=True):
        with pytest.raises(RecordError, match=f"'y' must be 0 to 1, got {number}"):
            record.label("y")
