"""Examples of a generated split as an export's users have them: text, images, WAV files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from t2t_mm.data.binding import shard_paths
from t2t_mm.data.records.index import index_records, parse_spec
from t2t_mm.decoding.splits import check_data
from t2t_mm.errors import DataError
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import TARGETS, Split, Task

_SHOWN, _MOST_BYTES = 3, 256 * 1024  # examples of a problem to try, and the largest of them


@dataclass(frozen=True)
class RawExample:
    """An example of a problem.

    Attributes:
      inputs: name -> UTF-8 text, an encoded image, or a WAV file.
      references: all right answers.
    """

    inputs: dict[str, bytes]
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
    values = {name: stored[task.stored[name]][0].numpy() for name in task.kinds}
    right = [task.targets.shown(values[TARGETS], vocabularies, "")]
    if not (task.reversed or task.copied):
        right += [reference.decode() for reference in stored["references"][0].numpy()]
    inputs = {
        name: kind.to_user_input(values[name], vocabularies) for name, kind in task.inputs.items()
    }
    return RawExample(inputs, tuple(dict.fromkeys(right)))


def shown_examples(
    tasks: Mapping[str, Task], data_dir: str | Path, vocabularies: Mapping[str, Vocabulary]
) -> Iterator[tuple[str, list[dict[str, bytes]]]]:
    """(problem, a few small inputs) for those problems whose data are there."""
    for name, task in tasks.items():
        try:
            found = raw_examples(task, data_dir, vocabularies, _SHOWN)
        except DataError:
            continue
        small = [e.inputs for e in found if sum(map(len, e.inputs.values())) <= _MOST_BYTES]
        yield name, small
