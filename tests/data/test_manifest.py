"""The manifest says what is there, and verification compares it with every byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from t2t_mm.data.generation.api import generate
from t2t_mm.data.generation.verification import verify
from t2t_mm.data.records.manifest import load_manifest, manifest_path
from t2t_mm.errors import DataError
from t2t_mm.files.writing import file_digest
from tests.data.datagen_toys import ToyImage, ToyText

PROBLEMS = [ToyText("datagen_toy_text"), ToyImage("datagen_toy_image")]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    generate(PROBLEMS, tmp_path, num_workers=1, log=lambda line: None)
    return tmp_path


def test_contents(data_dir: Path) -> None:
    manifest = load_manifest("datagen_toy_text", data_dir)
    assert (manifest.complete, manifest.seed, manifest.version) == (True, 0, "1")
    assert [len(shards) for shards in manifest.splits.values()] == [5, 2, 1]
    assert (manifest.examples("train"), manifest.examples("dev")) == (600, 50)
    shard = manifest.splits["train"][3]
    assert shard.file == "datagen_toy_text-train-00003-of-00005"
    assert shard.sha256 == file_digest(data_dir / shard.file)
    assert shard.bytes == (data_dir / shard.file).stat().st_size
    name = "vocab.datagen_toy_text"
    assert manifest.text_vocabularies == [name]
    assert manifest.vocabularies[name].digest == file_digest(data_dir / f"{name}.model")
    assert load_manifest("datagen_toy_image", data_dir).labels == ("red", "green", "blue")


def test_round_trip(data_dir: Path, tmp_path: Path) -> None:
    manifest = load_manifest("datagen_toy_text", data_dir)
    other = tmp_path / "other"
    other.mkdir()
    manifest.save(other)
    assert load_manifest("datagen_toy_text", other) == manifest
    name = "datagen_toy_text"
    assert manifest_path(name, other).read_bytes() == manifest_path(name, data_dir).read_bytes()


def test_whole_data_are_verified(data_dir: Path) -> None:
    assert verify(PROBLEMS, data_dir) == []
    assert verify([PROBLEMS[0].rev()], data_dir) == []


@pytest.mark.parametrize("position", [0, 5, 100, -1])
def test_a_flipped_bit_is_found_and_mended(data_dir: Path, position: int) -> None:
    path = data_dir / "datagen_toy_text-dev-00001-of-00002"
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[position] ^= 4
    path.write_bytes(damaged)
    assert [str(damage) for damage in verify(PROBLEMS, data_dir)] == [
        f"{path.name} (its checksum differs)"
    ]
    path.unlink()
    generate(PROBLEMS, data_dir, num_workers=1, log=lambda line: None)
    assert path.read_bytes() == whole
    assert verify(PROBLEMS, data_dir) == []


def test_everything_that_is_wrong_is_named(data_dir: Path) -> None:
    truncated = data_dir / "datagen_toy_text-train-00000-of-00005"
    size = truncated.stat().st_size
    with open(truncated, "ab") as file:
        file.truncate(size - 3)
    (data_dir / "datagen_toy_image-dev-00000-of-00001").unlink()
    with open(data_dir / "vocab.datagen_toy_text.model", "ab") as file:
        file.write(b"x")
    unfinished = load_manifest("datagen_toy_text", data_dir)
    unfinished.splits["test"] = [None]
    unfinished.complete = False
    unfinished.save(data_dir)
    third = ToyText("third")
    assert sorted(map(str, verify([*PROBLEMS, third], data_dir))) == [
        "datagen_toy_image-dev-00000-of-00001 (missing)",
        "datagen_toy_text-test (1 of 1 shards not finished)",
        f"datagen_toy_text-train-00000-of-00005 ({size - 3} bytes instead of {size})",
        "third.manifest.json (missing)",
        "vocab.datagen_toy_text.model (its checksum differs)",
    ]


def test_unreadable_manifests(tmp_path: Path) -> None:
    path = manifest_path("toy", tmp_path)
    assert load_manifest("toy", tmp_path) is None
    path.write_text("{")
    with pytest.raises(
        DataError, match=r"cannot read the manifest .*toy.manifest.json \(JSONDecode"
    ):
        load_manifest("toy", tmp_path)
    path.write_text(json.dumps({"format": 99}))
    with pytest.raises(DataError, match="is of a format that this version of t2t_mm does not read"):
        load_manifest("toy", tmp_path)
    path.write_text(json.dumps({"format": 1, "data_name": "toy"}))
    with pytest.raises(DataError, match=r"\(KeyError: .*\); run t2t-datagen with --overwrite"):
        load_manifest("toy", tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": 3}, "TypeError"),
        ({"complete": "yes"}, "'complete' must be true or false"),
        ({"inputs": {"kind": "image", "vocabulary": ["x"]}}, "'vocabulary' must be text or null"),
        ({"inputs": {"kind": "image"}}, "'vocabulary' is missing"),
        ({"splits": {"train": [{"file": True}]}}, "'file' must be text"),
        ({"splits": {"train": [{"file": "../x", "examples": 1}]}}, "TypeError"),
        ({"shard": {"file": "../x"}}, "'../x' is no name of a shard"),
        ({"splits": {"dev": []}}, "it says nothing of train"),
        (
            {"inputs": {"kind": "text", "vocabulary": "v", "sample_rate": None}},
            "it says nothing of v",
        ),
        ({"shard": {"examples": -1}}, "has a negative count"),
        ({"shard": {"examples": [1]}}, "'examples' must be a whole number"),
    ],
)
def test_manifests_of_other_values(data_dir: Path, change: dict, message: str) -> None:
    path = manifest_path("datagen_toy_image", data_dir)
    values = json.loads(path.read_text())
    values["splits"]["train"][0] |= change.pop("shard", {})
    path.write_text(json.dumps({**values, **change}))
    with pytest.raises(DataError, match=f"cannot read the manifest .*{message}"):
        load_manifest("datagen_toy_image", data_dir)
