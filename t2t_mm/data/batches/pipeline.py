"""From shards to batches: select -> order -> read -> parse -> trim -> feed -> prefetch.

The lengths of all examples are known before the first is read (record_index), so what is shuffled
and batched are positions, and records are read where they lie. That makes an epoch's shuffle
complete, a batch a function of (seed, number) whatever the threads do, and the saved state of an
iterator some kilobytes: numbers, where a shuffle buffer would save its records.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches import order as batch_order
from t2t_mm.data.batches.bucketing import Buckets, buckets_for
from t2t_mm.data.batches.selection import ExampleCounts, Selection, select
from t2t_mm.data.binding import shard_paths
from t2t_mm.data.records.damage import find_undecodable
from t2t_mm.data.records.index import (
    RecordIndex,
    index_records,
    parse_spec,
    read_records,
    unreadable,
)
from t2t_mm.hparam import HParams
from t2t_mm.kinds.kind import features_of
from t2t_mm.problem import LENGTH, TARGETS, Split, Task

Batch = dict[str, tf.Tensor]


def training_batches(
    task: Task, data_dir: str | Path, hparams: HParams, seed: int
) -> tf.data.Dataset:
    """Endless batches of a problem; each epoch holds every used example once, in a new order.

    The iterator can be saved with tf.train.Checkpoint and goes on exactly where it was.

    Args:
      task: the bound problem.
      data_dir: where the shards are.
      hparams: lengths, batch sizes, modalities.
      seed: the same seed gives the same batches.

    Returns:
      A data set of dicts: each input and its length, targets (docs/architecture.md).

    Raises:
      DataError: if records are missing or unreadable, or all are too long.
    """
    index, selection = _open(task, Split.TRAIN, data_dir, hparams, training=True)
    key = _key(seed, task.name)
    with tf.device("CPU:0"):  # or the index would be copied to a GPU and back
        order = batch_order.shuffled(selection, _buckets(task, hparams, selection), key)
        return _prepared(order, index, _parser(task, hparams, index, selection, key), task)


def evaluation_batches(
    task: Task,
    split: Split | str,
    data_dir: str | Path,
    hparams: HParams,
    batches: int | None = None,
) -> tf.data.Dataset:
    """The batches of a split: every example up to eval_max_length once, the longest first.

    Args:
      task: the bound problem.
      split: which part.
      data_dir: where the shards are.
      hparams: lengths, batch sizes, modalities.
      batches: at most this number, spread evenly over the lengths; None: all.

    Returns:
      A data set of dicts as in training, without augmentation, and with `index` int32 [B], the
      examples' positions in the split, and `references` string [B, R] where the problem has them.
    """
    index, selection = _open(task, Split(split), data_dir, hparams, training=False)
    with tf.device("CPU:0"):
        order = batch_order.longest_first(selection, _buckets(task, hparams, selection), batches)
        return _prepared(order, index, _parser(task, hparams, index, selection, None), task)


def count_examples(
    task: Task, split: Split | str, data_dir: str | Path, hparams: HParams, training: bool
) -> ExampleCounts:
    """Counts the examples of a split that training or evaluation uses, drops and trims."""
    return select_examples(task, split, data_dir, hparams, training).counts


def select_examples(
    task: Task, split: Split | str, data_dir: str | Path, hparams: HParams, training: bool
) -> Selection:
    """The examples of a split that are used, in training or evaluation."""
    return _open(task, Split(split), data_dir, hparams, training)[1]


def largest_batch(task: Task, data_dir: str | Path, hparams: HParams) -> dict[str, tuple[int, ...]]:
    """The shapes of the training batch that needs most memory, for a trainer to try first.

    Activations grow with the numbers in a batch, padding included, and attention with these
    times the length; the latter outweighs the former from about a thousand positions on.

    Returns:
      Feature -> shape.
    """
    _, selection = _open(task, Split.TRAIN, data_dir, hparams, training=True)
    buckets = _buckets(task, hparams, selection)
    bucket = buckets.indices(selection.lengths)
    # Largest sizes per bucket. What is left of a bucket is batched with the next one, hence the
    # largest so far.
    longest = {name: np.zeros(len(buckets.bounds), np.int64) for name in selection.sizes}
    for name, sizes in selection.sizes.items():
        np.maximum.at(longest[name], bucket, sizes)
        longest[name] = np.maximum.accumulate(longest[name])
    shapes = [
        _shapes(task, hparams, min(size, len(bucket)), {n: int(m[i]) for n, m in longest.items()})
        for i, size in enumerate(buckets.batch_sizes)
        if (bucket == i).any()
    ]
    return max(reversed(shapes), key=_cost)


def next_batch(
    iterator: Iterator[Batch],
    task: Task,
    data_dir: str | Path | None = None,
    split: Split | str = Split.TRAIN,
) -> Batch:
    """`next(iterator)`, with what cannot be read said in one sentence.

    Raises:
      DataError: names the problem and, if data_dir is given, the file that is cut off or altered,
        or the record that cannot be decoded.
      StopIteration: at the end of an evaluation's batches.
    """
    try:
        return next(iterator)
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.NotFoundError) as e:
        paths = [] if data_dir is None else shard_paths(task, Split(split), data_dir)
        undecodable = find_undecodable(task, Split(split), paths)
        raise undecodable or unreadable(task.name, [str(path) for path in paths], e) from e


def _open(
    task: Task, split: Split, data_dir: str | Path, hparams: HParams, training: bool
) -> tuple[RecordIndex, Selection]:
    paths = [str(path) for path in shard_paths(task, split, data_dir)]
    index = index_records(task, paths)
    sizes = {name: kind.sizes(index.counts[task.stored[name]]) for name, kind in task.kinds.items()}
    return index, select(task, hparams, sizes, training)


def _buckets(task: Task, hparams: HParams, selection: Selection) -> Buckets:
    return buckets_for(task, hparams, int(selection.lengths.max()))


def _key(seed: int, name: str) -> int:
    """A seed of the problem's own, so that problems of equal size are not shuffled alike."""
    return int(np.random.SeedSequence([seed, zlib.crc32(name.encode())]).generate_state(1)[0])


def _prepared(
    order: tf.data.Dataset, index: RecordIndex, parse: Callable[..., Batch], task: Task
) -> tf.data.Dataset:
    """Reads and prepares the batches of `order`, each a function of its number and positions."""
    heavy = any(kind.heavy for kind in task.inputs.values())  # decoding takes milliseconds
    batches = order.enumerate().flat_map(read_records(index))
    batches = batches.map(parse, min(4, os.cpu_count() or 1) if heavy else None)
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False  # it would take threads from the training step
    options.threading.max_intra_op_parallelism = 1
    # Saves where the iterator is, not the prepared batches that wait: for images and sound
    # these are megabytes. Text's are small, and saving them spares 50 microseconds an example.
    options.experimental_symbolic_checkpoint = heavy
    return batches.prefetch(2).with_options(options)


def _parser(
    task: Task, hparams: HParams, index: RecordIndex, selection: Selection, key: int | None
) -> Callable[..., Batch]:
    """(number, positions [B], records [B]) -> the batch; with a key, the training batch."""
    evaluating = key is None
    # References answer the problem as it is stored, not the reversed one.
    references = evaluating and index.references > 0 and not (task.reversed or task.copied)
    spec = parse_spec(task, references)
    forms = {name: features_of(kind, hparams) for name, kind in task.inputs.items()}

    @tf.autograph.experimental.do_not_convert
    def parse(number: tf.Tensor, positions: tf.Tensor, records: tf.Tensor) -> Batch:
        stored = tf.io.parse_example(records, spec)
        values = {name: stored[task.stored[name]] for name in task.kinds}
        for name, limit in selection.limits.items() if selection.trim else ():
            if limit is not None:
                values[name] = task.kinds[name].trim(values[name], limit)
        batch = {}
        for place, (name, kind) in enumerate(task.inputs.items()):
            seed = None if key is None else _seed_of_batch(key, number, place)
            batch[name], batch[name + LENGTH] = kind.feed(
                values[name], hparams, forms[name], not evaluating, seed
            )
        batch[TARGETS], _ = task.targets.feed(values[TARGETS], hparams)
        if evaluating:
            batch["index"] = tf.cast(positions, tf.int32)
        if references:
            batch["references"] = stored["references"].to_tensor()
        return batch

    return parse


def _seed_of_batch(key: int, number: tf.Tensor, place: int) -> tf.Tensor:
    """The seed of a batch and an input, another for each, int64 [2]."""
    return tf.stack([tf.constant(key + 1 + place, tf.int64), number])


def _cost(shapes: dict[str, tuple[int, ...]]) -> float:
    sides = [shape for name, shape in shapes.items() if not name.endswith(LENGTH)]
    longest = max((side[1] for side in sides if len(side) > 1), default=1)
    return sum(map(math.prod, sides)) * (1000 + longest)


def _shapes(
    task: Task, hparams: HParams, batch: int, sizes: dict[str, int]
) -> dict[str, tuple[int, ...]]:
    """The shapes of a batch whose largest features have these sizes."""
    shapes = {}
    for name, kind in task.inputs.items():
        shapes[name] = kind.batch_shape(batch, sizes[name], hparams, features_of(kind, hparams))
        shapes[name + LENGTH] = (batch,)
    return {**shapes, TARGETS: task.targets.batch_shape(batch, sizes[TARGETS], hparams)}
