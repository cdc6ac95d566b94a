"""Picture problems: from prepared TFDS data, from archives and folders of the original files."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from t2t_mm.data.generation.api import generate
from t2t_mm.errors import DataError
from t2t_mm.lookup import find_problem
from t2t_mm.problems import image_imagenet
from t2t_mm.problems.imagenet_classes import SYNSETS
from t2t_mm.provenance import DataAccess
from tests.data.tfds_folders import prepared
from tests.problems.named import SENTENCES, made, picture, pixels

CIFAR10 = find_problem("image_cifar10").labels


def images(labels: tuple[str, ...], count: int, **more: object) -> list[dict]:
    """Pictures that differ, with labels in turn."""
    return [
        {"image": picture(10 * i), "label": labels[i % len(labels)], **more} for i in range(count)
    ]


FROM_TFDS = [
    ("image_cifar10", "cifar10", "3.0.2", None, "test", {"id": b"x"}),
    ("image_cifar100", "cifar100", "3.0.2", None, "test", {"id": b"x", "coarse_label": 3}),
    ("image_fashion_mnist", "fashion_mnist", "3.0.1", None, "test", {}),
    ("image_imagenet", "imagenet2012", "5.1.0", None, "validation", {"file_name": "n1.JPEG"}),
    ("image_imagenet224", "imagenet2012", "5.0.0", None, "validation", {"file_name": "n1.JPEG"}),
    ("image_imagenet64", "imagenet_resized", "0.1.0", "64x64", "validation", {}),
    ("image_imagenet32", "imagenet_resized", "0.1.0", "32x32", "validation", {}),
]


@pytest.mark.parametrize("problem, name, version, config, dev, more", FROM_TFDS)
def test_from_tfds(
    tmp_path: Path, problem: str, name: str, version: str, config: str | None, dev: str, more: dict
) -> None:
    labels = find_problem(problem).labels
    # TFDS numbers the classes of imagenet_resized in another order: names count.
    order = {"label": tuple(reversed(labels))}
    splits = {"train": images(labels, 12, **more), dev: images(labels, 3, **more)}
    prepared(tmp_path / "tfds", name, version, splits, config, order)
    manifest, examples = made(problem, tmp_path)
    assert manifest.origin == f"TFDS {name}{f'/{config}' if config else ''}:{version}"
    stored = {(e["inputs"], e["targets"]) for e in examples["train"]}
    assert stored == {(e["image"], e["label"]) for e in splits["train"]}
    stored = {(e["inputs"], e["targets"]) for e in examples["dev"]}
    assert stored == {(e["image"], e["label"]) for e in splits[dev]}


def test_mnist_from_tfds_whose_labels_have_no_names(tmp_path: Path) -> None:
    splits = {part: [{"image": picture(i), "label": i} for i in range(10)] for part in
              ("train", "test")}  # fmt: skip
    prepared(tmp_path / "tfds", "mnist", "3.0.1", splits)
    _, examples = made("image_mnist", tmp_path)
    assert [e["targets"] for e in examples["dev"]] == list("0123456789")


def test_small_imagenet_from_the_full_one(tmp_path: Path) -> None:
    splits = {"train": images(SYNSETS, 4), "validation": images(SYNSETS, 2)}
    prepared(tmp_path / "tfds", "imagenet2012", "5.1.0", splits, labels={"label": SYNSETS})
    manifest, _ = made("image_imagenet32", tmp_path)
    assert manifest.origin == "TFDS imagenet2012:5.1.0" and manifest.examples("train") == 4


def cifar_folder(folder: Path) -> dict[str, np.ndarray]:
    """Writes CIFAR-10's python version; returns the pictures of train and dev."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = {"label_names": [label.encode() for label in CIFAR10]}
    (folder / "batches.meta").write_bytes(pickle.dumps(names, protocol=2))
    parts = {f"data_batch_{i}": 4 for i in range(1, 6)} | {"test_batch": 3}
    found = {}
    for name, count in parts.items():
        data = rng.integers(0, 255, (count, 3072), np.uint8)
        batch = {b"data": data, b"labels": [i % 10 for i in range(count)]}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
        found[name] = data.reshape(count, 3, 32, 32).transpose(0, 2, 3, 1)
    return found


@pytest.mark.parametrize("packed", [False, True])
def test_cifar_from_its_python_version(tmp_path: Path, packed: bool) -> None:
    folder = tmp_path / "raw" / "cifar-10-batches-py"
    wanted = cifar_folder(folder)
    if packed:
        with tarfile.open(tmp_path / "raw" / "cifar-10-python.tar.gz", "w:gz") as archive:
            archive.add(folder, folder.name)
        folder.rename(tmp_path / "elsewhere")
    manifest, examples = made("image_cifar10", tmp_path)
    assert manifest.examples("train") == 20 and manifest.origin.startswith("files cifar-10-batches")
    for example, image in zip(examples["dev"], wanted["test_batch"], strict=True):
        np.testing.assert_array_equal(pixels(example["inputs"]), image)
    assert [e["targets"] for e in examples["dev"]] == list(CIFAR10[:3])


def test_half_of_cifar_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "cifar-10-batches-py"
    cifar_folder(folder)
    (folder / "data_batch_4").unlink()
    with pytest.raises(DataError, match="the raw data of problem 'image_cifar10' are missing"):
        made("image_cifar10", tmp_path)
    with tarfile.open(tmp_path / "raw" / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(folder, folder.name)
    with pytest.raises(DataError) as error:
        made("image_cifar10", tmp_path)
    assert str(error.value) == (
        f"problem 'image_cifar10' does not find all of its files in {folder}; delete what is "
        "there, and the archive is unpacked again."
    )


def test_a_damaged_archive_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "raw" / "cifar-10-python.tar.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(b"x" * 2000)[:-9])
    with pytest.raises(DataError, match="cannot be unpacked .*half downloaded: get it again"):
        made("image_cifar10", tmp_path)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(Path(__file__), "something_else")
    with pytest.raises(DataError, match="does not hold cifar-10-batches-py; get the original"):
        made("image_cifar10", tmp_path)
    assert [p.name for p in path.parent.iterdir() if not p.name.startswith(".t2t")] == [path.name]


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.mark.parametrize(
    "problem, folder, ending",
    [("image_mnist", "mnist", ".gz"), ("image_fashion_mnist", "FashionMNIST/raw", "")],
)
def test_idx_files(tmp_path: Path, problem: str, folder: str, ending: str) -> None:
    root = tmp_path / "raw" / folder
    root.mkdir(parents=True)
    rng = np.random.default_rng(0)
    shown = rng.integers(0, 255, (5, 28, 28), np.uint8)
    for part in ("train", "t10k"):
        for name, array in (("images-idx3", shown), ("labels-idx1", np.arange(5))):
            content = idx(array)
            path = root / f"{part}-{name}-ubyte{ending}"
            path.write_bytes(gzip.compress(content) if ending else content)
    _, examples = made(problem, tmp_path)
    for example, image in zip(examples["dev"], shown, strict=True):
        np.testing.assert_array_equal(pixels(example["inputs"]), image)
    assert [e["targets"] for e in examples["dev"]] == list(find_problem(problem).labels[:5])
    other = {"image_mnist": "image_fashion_mnist", "image_fashion_mnist": "image_mnist"}[problem]
    with pytest.raises(DataError, match="are missing and --offline"):  # equal names of files
        made(other, tmp_path)


def test_a_label_beyond_the_classes_is_one_broken_example(tmp_path: Path) -> None:
    root = tmp_path / "raw" / "mnist"
    root.mkdir(parents=True)
    for part in ("train", "t10k"):
        (root / f"{part}-images-idx3-ubyte").write_bytes(idx(np.zeros((3, 28, 28))))
        (root / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.array([9, 10, 0])))
    with pytest.raises(DataError, match="labels-idx1-ubyte, label 1 must be 0 to 9, got 10; or le"):
        made("image_mnist", tmp_path)
    rows = generate(
        [find_problem("image_mnist")], tmp_path / "data", tmp_path / "raw",
        num_workers=1, skip_broken=True, overwrite=True, log=lambda line: None,
    )  # fmt: skip
    assert [(row.examples, row.left_out) for row in rows] == [(2, {"unknown label": 1})] * 2


def test_one_damaged_record_of_tfds_is_one_broken_example(tmp_path: Path) -> None:
    splits = {name: images(tuple("0123456789"), 3) for name in ("train", "test")}
    for examples in splits.values():
        for example in examples:
            example["label"] = int(example["label"])
    folder = prepared(tmp_path / "tfds", "mnist", "3.0.1", splits)
    for path in folder.glob("mnist-*"):
        content = bytearray(path.read_bytes())
        content[-10] ^= 1
        path.write_bytes(content)
    problem = find_problem("image_mnist").with_access(
        DataAccess(tfds_data_dir=str(tmp_path / "tfds"), offline=True)
    )
    rows = generate(
        [problem], tmp_path / "data", num_workers=1, skip_broken=True, log=lambda line: None,
        access=problem.access,
    )  # fmt: skip
    assert [(row.examples, row.left_out) for row in rows] == [(2, {"damaged records": 1})] * 2


def test_broken_idx_files(tmp_path: Path) -> None:
    from t2t_mm.data.sources.readers.idx import images_and_labels, read_idx

    pictures, labels = tmp_path / "p", tmp_path / "l"
    pictures.write_bytes(idx(np.zeros((2, 3, 4))))
    labels.write_bytes(idx(np.zeros(3)))
    with pytest.raises(DataError, match="p has 2 images, .*l 3 labels"):
        list(images_and_labels(pictures, labels))
    with pytest.raises(DataError, match="p is not an idx file of bytes with 1 axes"):
        read_idx(pictures, 1)
    pictures.write_bytes(pictures.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"p has 23 bytes for the shape \(2, 3, 4\)"):
        read_idx(pictures, 3)
    packed = bytearray(gzip.compress(idx(np.random.default_rng(0).integers(0, 4, (9, 99, 9)))))
    packed[10] = 0xFF  # no type of block of deflate
    (tmp_path / "p.gz").write_bytes(packed)
    with pytest.raises(DataError, match=r"p.gz cannot be read \(Error -3 while decompressing"):
        read_idx(tmp_path / "p.gz", 3)


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def test_imagenet_from_its_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    wanted = set()
    with tarfile.open(raw / "ILSVRC2012_img_train.tar", "w") as outer:
        for number, synset in enumerate(SYNSETS[:3]):
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w") as archive:
                for i in range(3):
                    content = picture(60 * number + i, form="JPEG")
                    add(archive, f"{synset}_{i}.JPEG", content)
                    wanted.add((content, synset))
            add(outer, f"{synset}.tar", inner.getvalue())
    shown = [picture(100 + i, form="JPEG") for i in range(3)]
    with tarfile.open(raw / "ILSVRC2012_img_val.tar", "w") as archive:
        for i in (2, 0, 1):  # the classes go by the names, not by the archive's order
            add(archive, f"ILSVRC2012_val_{i + 1:08d}.JPEG", shown[i])
    (raw / "ILSVRC2012_validation_labels.txt").write_text("\n".join(SYNSETS[5:8]))
    manifest, examples = made("image_imagenet", tmp_path)
    assert manifest.origin == "files ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar"
    assert {(e["inputs"], e["targets"]) for e in examples["train"]} == wanted
    assert {(e["inputs"], e["targets"]) for e in examples["dev"]} == set(
        zip(shown, SYNSETS[5:8], strict=True)
    )
    (raw / "ILSVRC2012_validation_labels.txt").write_text(SYNSETS[0])
    with pytest.raises(DataError, match="has 1 classes for 3 images"):
        image_imagenet._validation_labels(raw, 3)
    (raw / "ILSVRC2012_validation_labels.txt").unlink()
    monkeypatch.setattr(image_imagenet.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="put ILSVRC2012_validation_labels.txt with one WordNet"):
        image_imagenet._validation_labels(raw, 3)


def test_imagenet_from_folders(tmp_path: Path) -> None:
    for part in ("train", "val"):
        for number, synset in enumerate((SYNSETS[0], SYNSETS[999])):
            folder = tmp_path / "raw" / "ImageNet" / part / synset
            folder.mkdir(parents=True)
            (folder / "a.JPEG").write_bytes(picture(80 * number, form="JPEG"))
    manifest, examples = made("image_imagenet224", tmp_path)
    assert {e["targets"] for e in examples["train"]} == {SYNSETS[0], SYNSETS[999]}
    assert manifest.examples("dev") == 2


def test_the_classes_are_those_of_tfds() -> None:
    from importlib.util import find_spec

    folder = Path(find_spec("tensorflow_datasets").submodule_search_locations[0])
    known = (folder / "datasets" / "imagenet2012" / "labels.txt").read_text().split()
    assert tuple(sorted(known)) == SYNSETS and len(SYNSETS) == 1000


COCO = ["image_ms_coco_tokens8k", "image_ms_coco_tokens32k", "image_ms_coco_characters"]
CAPTIONS = [[f"{s}, said {i}" for i in range(5)] for s in SENTENCES]


@pytest.mark.parametrize("problem", COCO)
def test_coco_from_tfds(tmp_path: Path, problem: str) -> None:
    def photos(start: int, stop: int) -> list[dict]:
        return [
            {
                "image": picture(i, form="JPEG"),
                "image/filename": f"{i}.jpg",
                "captions/text": CAPTIONS[i],
                "captions/id": list(range(5)),
            }
            for i in range(start, stop)
        ]

    splits = {"train": photos(0, 20), "val": photos(20, 24), "test": photos(24, 26),
              "restval": [*photos(26, 30), {**photos(0, 1)[0], "captions/text": []}]}  # fmt: skip
    prepared(tmp_path / "tfds", "coco_captions", "1.1.0", splits, "2014")
    manifest, examples = made(problem, tmp_path)
    assert len(examples["train"]) == 100 and manifest.left_out("dev") == {"no caption": 1}
    assert {e["targets"] for e in examples["train"]} == {c for five in CAPTIONS[:20] for c in five}
    dev = {example["targets"]: example["references"] for example in examples["dev"]}
    assert dev == {captions[0]: captions for captions in CAPTIONS[20:30]}


def test_coco_from_its_own_files(tmp_path: Path) -> None:
    raw = tmp_path / "raw" / "coco"
    for year, start in (("train2014", 0), ("val2014", 20)):
        (raw / year).mkdir(parents=True)
        (raw / "annotations").mkdir(exist_ok=True)
        content: dict[str, list] = {"images": [], "annotations": []}
        for i in range(start, start + 20):
            (raw / year / f"{i}.jpg").write_bytes(picture(i, form="JPEG"))
            content["images"].append({"id": i, "file_name": f"{i}.jpg"})
            content["annotations"] += [{"image_id": i, "caption": f" {c}\n"} for c in CAPTIONS[i]]
        (raw / "annotations" / f"captions_{year}.json").write_text(json.dumps(content))
    _, examples = made("image_ms_coco_tokens8k", tmp_path)
    assert {e["targets"] for e in examples["train"]} == {c for five in CAPTIONS[:20] for c in five}
    dev = {example["inputs"]: example["references"] for example in examples["dev"]}
    assert dev == {picture(i, form="JPEG"): CAPTIONS[i] for i in range(20, 40)}


def test_characters_are_single(tmp_path: Path) -> None:
    from t2t_mm.kinds.vocabulary import RESERVED, Vocabulary

    prepared(
        tmp_path / "tfds",
        "coco_captions",
        "1.1.0",
        {
            part: [{"image": picture(), "captions/text": CAPTIONS[i]} for i in range(6)]
            for part in ("train", "val", "test", "restval")
        },
        "2014",
    )
    made("image_ms_coco_characters", tmp_path)
    vocabulary = Vocabulary.load(tmp_path / "data" / "vocab.image_ms_coco.characters.model")
    assert all(len(vocabulary.piece(i)) == 1 for i in range(RESERVED, vocabulary.size))
    assert len(vocabulary.encode("a small bird")) == len("a small bird") + 1  # the leading space
    for text in (CAPTIONS[0][0], "Ünknown 象"):
        assert vocabulary.decode(vocabulary.encode(text)) == text


def test_digits(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from sklearn.datasets import load_digits

    manifest, examples = made("image_digits", tmp_path)
    assert (manifest.examples("train"), manifest.examples("dev")) == (1437, 360)
    content = load_digits()
    assert [e["targets"] for e in examples["dev"]] == [str(i) for i in content.target[1437:]]
    shown = pixels(examples["dev"][7]["inputs"]) / 255 * 16
    np.testing.assert_allclose(shown, content.images[1444], atol=0.04)


def test_digits_without_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match="needs scikit-learn.*pip install scikit-learn"):
        made("image_digits", tmp_path)


def test_offline_imagenet(tmp_path: Path) -> None:
    for offline, why in ((True, "and --offline forbids"), (False, "and have to be got by hand")):
        with pytest.raises(DataError, match=why) as caught:
            made("image_imagenet", tmp_path, offline=offline)
        assert "put ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar below --tmp_dir" in str(
            caught.value
        )
        assert "register at https://image-net.org/download-images" in str(caught.value)
