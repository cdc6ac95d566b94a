"""Tiny prepared TFDS data sets, written byte for byte as TFDS writes them, without TensorFlow.

tests/data/test_tfds_folder.py proves against TFDS itself that the two are the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_mm.data.records.example_parsing import Values, example_features, feature_values
from t2t_mm.data.records.files import encode_example, write_records


def prepared(
    data_dir: Path,
    name: str,
    version: str,
    splits: Mapping[str, Sequence[Mapping[str, Any]]],
    config: str | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
    shards: int = 1,
) -> Path:
    """Writes NAME/[CONFIG/]VERSION below `data_dir` and returns it.

    Args:
      data_dir: a folder.
      name, version, config: of the data set.
      splits: TFDS's split -> its examples: name -> str, bytes, int or lists of them.
      labels: feature -> class names; such a feature's values are names.
      shards: files of each split.
    """
    folder = data_dir.joinpath(name, *([config] if config else []), version)
    folder.mkdir(parents=True)
    labels = labels or {}
    info: dict[str, Any] = {"name": name, "version": version, "fileFormat": "tfrecord"}
    info |= {"configName": config} if config else {}
    info["splits"] = []
    for split, examples in splits.items():
        lengths = []
        for shard in range(shards):
            part = examples[shard::shards]
            path = folder / f"{name}-{split}.tfrecord-{shard:05d}-of-{shards:05d}"
            write_records(path, [encode_example(_values(e, labels)) for e in part])
            lengths.append(str(len(part)))
        template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
        info["splits"].append(
            {"name": split, "shardLengths": lengths, "filepathTemplate": template}
        )
    for feature, names in labels.items():
        (folder / f"{feature}.labels.txt").write_text("".join(f"{n}\n" for n in names))
    (folder / "dataset_info.json").write_text(json.dumps(info))
    return folder


def _values(example: Mapping[str, Any], labels: Mapping[str, Sequence[str]]) -> dict[str, list]:
    return {name: _listed(value, labels.get(name)) for name, value in example.items()}


def _listed(value: Any, names: Sequence[str] | None) -> list:
    values = value if isinstance(value, list) else [value]
    if names is not None:
        return [list(names).index(value) for value in values]
    return [value.encode() if isinstance(value, str) else value for value in values]


def parse_example(record: bytes) -> dict[str, Values]:
    """All features of a tf.train.Example."""
    return {name: feature_values(content) for name, content in example_features(record).items()}
