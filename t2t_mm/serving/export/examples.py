"""Examples of a generated split as an export's users have them: text, pictures, WAV files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from t2t_mm.data.binding import shard_paths
from t2t_mm.data.records.index import index_records, parse_spec
from t2t_mm.decoding.splits import check_data
from t2t_mm.errors import DataError
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.kinds.wav_files import pcm_file
from t2t_mm.problem import FeatureSpec, Split, Task

_SHOWN, _MOST_BYTES = 3, 256 * 1024  # examples of a problem to try, and the largest of them


@dataclass(frozen=True)
class RawExample:
    """One example.

    Attributes:
      inputs: UTF-8 text, an encoded picture, or a WAV file.
      references: all right answers.
    """

    inputs: bytes
    references: tuple[str, ...]


def raw_examples(
    task: Task,
    data_dir: str | Path,
    vocabularies: Mapping[str, Vocabulary],
    count: int,
    split: Split = Split.DEV,
) -> list[RawExample]:
    """Up to `count` examples, spread evenly over the split.

    Raises:
      DataError: if the data are missing, unreadable, or not those that the model knows.
    """
    check_data(task, split, data_dir, vocabularies)
    paths = [str(path) for path in shard_paths(task, split, data_dir)]
    total = len(index_records(task, paths))
    wanted = {i * total // count for i in range(count)} if count < total else range(total)
    found = []
    for index, record in enumerate(tf.data.TFRecordDataset(paths)):
        if index in wanted:
            found.append(_example(record, task, vocabularies))
    return found


def _example(record: tf.Tensor, task: Task, vocabularies: Mapping[str, Vocabulary]) -> RawExample:
    stored = tf.io.parse_example(record[None], parse_spec(task, references=True))
    sides = ("targets", "inputs") if task.reversed else ("inputs", "targets")
    sides = ("targets", "targets") if task.copied else sides
    inputs, targets = (stored[side][0].numpy() for side in sides)
    right = [_text(targets, task.targets, task, vocabularies)]
    if not (task.reversed or task.copied):
        right += [reference.decode() for reference in stored["references"][0].numpy()]
    return RawExample(_raw(inputs, task.inputs, vocabularies), tuple(dict.fromkeys(right)))


def _text(value: Any, spec: FeatureSpec, task: Task, vocabularies: Mapping[str, Vocabulary]) -> str:
    if spec.kind == "label":
        return task.labels[int(value)]
    return vocabularies[spec.vocabulary or ""].decode(value.tolist())


def _raw(value: Any, spec: FeatureSpec, vocabularies: Mapping[str, Vocabulary]) -> bytes:
    if spec.kind == "text":
        return vocabularies[spec.vocabulary or ""].decode(value.tolist()).encode()
    return pcm_file(value, spec.sample_rate or 16_000) if spec.kind == "audio" else value


def shown_examples(
    tasks: Mapping[str, Task], data_dir: str | Path, vocabularies: Mapping[str, Vocabulary]
) -> Iterator[tuple[str, list[bytes]]]:
    """(problem, a few small inputs) for those problems whose data are there."""
    for name, task in tasks.items():
        try:
            found = raw_examples(task, data_dir, vocabularies, _SHOWN)
        except DataError:
            continue
        yield name, [one.inputs for one in found if len(one.inputs) <= _MOST_BYTES]
