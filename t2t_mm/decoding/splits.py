"""Decodes a generated split: what was asked, what would have been right, what was answered."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches.bucketing import buckets_for
from t2t_mm.data.batches.pipeline import Batch, next_batch, select_examples
from t2t_mm.data.binding import shard_paths
from t2t_mm.data.records.manifest import load_manifest
from t2t_mm.decoding.decoder import Decoded
from t2t_mm.errors import DataError
from t2t_mm.hparam import HParams
from t2t_mm.kinds.kind import features_of
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import LENGTH, TARGETS, Split, Task

BatchDecoder = Callable[[Task, Batch, np.ndarray], list[Decoded]]

_NOT_ASKED = Decoded("", 0.0)


@dataclass(frozen=True)
class Answered:
    """One example of a split.

    Attributes:
      index: its position in the split.
      inputs: the text, or a few words about the image or sound; several inputs by their names.
      targets: the right answer.
      references: all right answers, `targets` first.
      ids: the right answer's tokens with EOS, its tags or its class, int32 [T]; see `Kind.ids_of`.
      decoded: the model's answer.
    """

    index: int
    inputs: str
    targets: str
    references: tuple[str, ...]
    ids: np.ndarray
    decoded: Decoded


def decode_batches(
    decoder: BatchDecoder,
    task: Task,
    batches: Iterable[Batch],
    hparams: HParams,
    vocabularies: Mapping[str, Vocabulary],
    report: Callable[[int], None] | None = None,
) -> list[Answered]:
    """Answers evaluation batches; nothing is asked of a language model, it has no inputs.

    Args:
      decoder: of the model; (task, batch, numbers of its examples) -> their answers.
      task: the problem.
      batches: as from `pipeline.evaluation_batches`.
      hparams: that prepared the batches.
      vocabularies: by name.
      report: called with the number of newly answered examples after every batch.

    Returns:
      The examples in the order of the split.
    """
    found: list[Answered] = []
    for batch in batches:
        arrays = {name: value.numpy() for name, value in batch.items()}
        # Sampling draws by an example's place in the split, in whatever batch it is.
        rows = arrays["index"]
        decoded = decoder(task, batch, rows) if task.has_inputs else [_NOT_ASKED] * len(rows)
        found += _rows(task, arrays, decoded, hparams, vocabularies)
        if report:
            report(len(decoded))
    return sorted(found, key=lambda one: one.index)


def _rows(
    task: Task,
    arrays: Mapping[str, np.ndarray],
    decoded: list[Decoded],
    hparams: HParams,
    vocabularies: Mapping[str, Vocabulary],
) -> Iterable[Answered]:
    for i, answer in enumerate(decoded):
        row = {name: values[i] for name, values in arrays.items()}
        targets = task.targets.from_prediction(row[TARGETS], vocabularies, row)
        others = [text.decode() for text in row.get("references", ()) if text]
        yield Answered(
            index=int(row["index"]),
            inputs=_describe(task, row, hparams, vocabularies),
            targets=targets,
            references=tuple(dict.fromkeys([targets, *others])),
            ids=task.targets.ids_of(row[TARGETS]),
            decoded=answer,
        )


def _describe(
    task: Task,
    row: Mapping[str, np.ndarray],
    hparams: HParams,
    vocabularies: Mapping[str, Vocabulary],
) -> str:
    place = f"{int(row['index'])} of {task.data_name}"
    shown = {}
    for name, kind in task.inputs.items():
        remark = kind.remark(int(row[name + LENGTH]), hparams, features_of(kind, hparams))
        shown[name] = kind.shown(row[name], vocabularies, place) + remark
    if len(shown) == 1:
        return next(iter(shown.values()))
    return "; ".join(f"{name}: {value}" for name, value in shown.items())


def check_data(
    task: Task, split: Split | str, data_dir: str | Path, vocabularies: Mapping[str, Vocabulary]
) -> None:
    """Refuses data that the model was not trained for.

    Raises:
      DataError: if the split is missing or incomplete, or has another vocabulary.
    """
    shard_paths(task, split, data_dir)  # complains of what is not there
    manifest = load_manifest(task.data_name, Path(data_dir).expanduser())
    if manifest is None or not manifest.complete:
        raise DataError(
            f"the data of problem '{task.name}' in {data_dir} are not complete; run t2t-datagen "
            f"--problems={task.data_name} --data_dir={data_dir}, which makes what is missing."
        )
    for name, file in manifest.vocabularies.items():
        if name in vocabularies and vocabularies[name].digest != file.digest:
            raise DataError(
                f"the data of problem '{task.name}' in {data_dir} were made with another "
                f"vocabulary '{name}' than the model was trained with; give the --data_dir of its "
                "training."
            )


def batches_for(
    task: Task, split: Split | str, data_dir: str | Path, hparams: HParams, examples: int | None
) -> int | None:
    """The number of evaluation batches with about that many examples; None for all."""
    if examples is None:
        return None
    selection = select_examples(task, split, data_dir, hparams, training=False)
    if examples >= len(selection.examples):
        return None
    buckets = buckets_for(task, hparams, int(selection.lengths.max()))
    sizes = np.asarray(buckets.batch_sizes)[buckets.indices(selection.lengths)]
    return 1 + math.ceil(np.sum(1 / sizes) * examples / len(selection.examples))


def evenly_spread(answers: list[Answered], most: int | None) -> list[Answered]:
    """At most `most` of the examples, evenly spread."""
    if most is None or len(answers) <= most:
        return answers
    return [answers[i * len(answers) // most] for i in range(most)]


def readable(
    batches: tf.data.Dataset, task: Task, data_dir: str | Path, split: Split | str
) -> Iterator[Batch]:
    """The batches of a split; a record that cannot be read becomes a DataError."""
    iterator = iter(batches)
    with contextlib.suppress(StopIteration):
        while True:
            yield next_batch(iterator, task, data_dir, split)
