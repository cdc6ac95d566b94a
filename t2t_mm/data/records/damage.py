"""The one record whose value cannot be decoded, looked for where a batch failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from t2t_mm.data.records.index import parse_spec
from t2t_mm.errors import DataError
from t2t_mm.problem import Split, Task


def find_undecodable(task: Task, split: Split, paths: Sequence[Path]) -> DataError | None:
    """The error about the first record that no batch can be made of; None if all can be decoded.

    Args:
      task: the bound problem.
      split: what the files are of.
      paths: the shards. Files that cannot be read at all are not this function's business.
    """
    spec, first = parse_spec(task, references=False), 0
    for path in paths:
        number = 0
        try:
            for number, record in enumerate(tf.data.TFRecordDataset(str(path))):
                stored = tf.io.parse_single_example(record, spec)
                for name, kind in task.inputs.items():
                    if not kind.is_decodable(stored[task.stored[name]].numpy()):
                        return _error(task, split, path, number, first + number, name)
        except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.NotFoundError):
            return None
        first += number + 1
    return None


def _error(task: Task, split: Split, path: Path, number: int, example: int, name: str) -> DataError:
    kind = task.inputs[name]
    return DataError(
        f"problem '{task.name}', split {split.value}, example {example} (record {number} of "
        f"{path}): {name} is a damaged {kind.noun} that TensorFlow cannot decode; generate the "
        "data again: t2t-datagen names the file that it came from, or leaves it out with "
        "--skip_broken."
    )
