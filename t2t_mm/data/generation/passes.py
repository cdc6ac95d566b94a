"""One run through a problem's generator that writes some of a split's shards.

Every worker runs the whole generator, which is cheap, and makes only the values of its own shards,
which is not. Nothing passes between workers, and the bytes cannot depend on how many there are.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from t2t_mm.data.generation.disk_errors import disk_error
from t2t_mm.data.generation.examples import ExampleEncoder, checked_samples
from t2t_mm.data.generation.sharding import keys, membership, shard_name
from t2t_mm.data.generation.spill import Spill
from t2t_mm.data.records.files import write_records
from t2t_mm.data.records.manifest import Shard
from t2t_mm.errors import DataError
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import Broken, Dropped, Problem, Sample, Split

_CHUNK = 1024  # samples encoded at once
_LARGE_CHUNK = 32  # of images and sounds
_TRIAL_SECONDS = 1.0
_SPILL_BYTES = 32 << 20  # records of all shards of a pass kept in memory, not in temporary files

Progress = Callable[[int], None]


@dataclass(frozen=True)
class PassOrder:
    """An order to write some shards of a split.

    Attributes:
      problem: the base problem.
      split: which part.
      shards: positions of the shards to write.
      total: number of shards of the split.
      seed: of the generator and of the order of examples.
      data_dir, tmp_dir: where to write; where raw files are.
      vocabularies: feature -> model file, for the features that are text.
      skip_broken: leave broken examples out instead of stopping.
      max_cases: the split is the first so many examples of the generator; 0: all.
    """

    problem: Problem
    split: Split
    shards: tuple[int, ...]
    total: int
    seed: int
    data_dir: Path
    tmp_dir: Path
    vocabularies: dict[str, Path]
    skip_broken: bool = False
    max_cases: int = 0


@dataclass(frozen=True)
class PassResult:
    """The shards that a pass wrote.

    Attributes:
      shards: position -> shard.
      seconds: that the pass took.
      iterating: seconds of them for the generator alone, which another pass would cost again.
    """

    shards: dict[int, Shard]
    seconds: float
    iterating: float


def run_pass(order: PassOrder, progress: Progress = lambda count: None) -> PassResult:
    """Writes the shards of `order`.

    Args:
      order: what to write.
      progress: told now and then how many more examples are done.

    Raises:
      DataError: for a broken example, unless skipped, and for a full or forbidden disk.
    """
    start = time.perf_counter()
    memory = _SPILL_BYTES // len(order.shards)
    try:
        spills = {shard: Spill(order.data_dir, memory) for shard in order.shards}
        try:
            encoding = _fill(spills, order, progress)
            iterating = time.perf_counter() - start - encoding
            shards = {shard: _finish(order, shard, spills[shard]) for shard in order.shards}
        finally:
            for spill in spills.values():
                spill.close()
    except OSError as error:
        raise disk_error(error, order.data_dir) from None
    return PassResult(shards, time.perf_counter() - start, iterating)


def _fill(spills: dict[int, Spill], order: PassOrder, progress: Progress) -> float:
    """Runs the generator; returns the seconds that encoding took."""
    encoder = _encoder(order)
    encoding = 0.0
    for chunk in _chunks(order):
        start = time.perf_counter()
        records = encoder.encode([(index, sample) for index, _, sample in chunk])
        for (index, key, _), record in zip(chunk, records, strict=True):
            spill = spills[key % order.total]
            for note in encoder.notes.pop(index, ()):
                spill.noted[note.reason] += note.times
            if isinstance(record, bytes):
                # Training data are read shuffled; what is evaluated keeps its order.
                spill.add(key if order.split is Split.TRAIN else index, record)
            elif isinstance(record, Dropped):
                spill.left_out[record.reason] += 1
            elif order.skip_broken:
                spill.leave_out_broken(record)
            else:
                raise DataError(record.sentence)
        progress(len(chunk))
        encoding += time.perf_counter() - start
    return encoding


def relative_reading_cost(order: PassOrder) -> float:
    """The cost of reading an example, as a multiple of encoding it, from the first few thousand."""
    encoder = _encoder(order)
    samples = enumerate(checked_samples(order.problem, order.split, order.tmp_dir, order.seed))
    next(samples, None)  # what it takes to begin is not part of it
    most = _chunk_size(order)
    reading = encoding = 0.0
    while reading + encoding < _TRIAL_SECONDS:
        start = time.perf_counter()
        chunk = list(itertools.islice(samples, most))
        middle = time.perf_counter()
        encoder.encode(chunk)
        reading += middle - start
        encoding += time.perf_counter() - middle
        if len(chunk) < most:
            break
    return reading / max(1e-9, encoding)


def _encoder(order: PassOrder) -> ExampleEncoder:
    loaded = {path: Vocabulary.load(path) for path in set(order.vocabularies.values())}
    vocabularies = {side: loaded[path] for side, path in order.vocabularies.items()}
    return ExampleEncoder(order.problem, order.split, vocabularies)


def _chunks(order: PassOrder) -> Iterator[list[tuple[int, int, Sample | Dropped | Broken]]]:
    """(index, key, sample) of the wanted shards, some at a time."""
    most = _chunk_size(order)
    samples = checked_samples(order.problem, order.split, order.tmp_dir, order.seed)
    samples = itertools.islice(samples, order.max_cases or None)
    numbered = zip(itertools.count(), keys(order.seed), samples, strict=False)
    wanted = itertools.compress(numbered, membership(order.seed, order.shards, order.total))
    while chunk := list(itertools.islice(wanted, most)):
        yield chunk


def _chunk_size(order: PassOrder) -> int:
    heavy = any(kind.heavy for kind in order.problem.kinds.values())
    return _LARGE_CHUNK if heavy else _CHUNK


def _finish(order: PassOrder, shard: int, spill: Spill) -> Shard:
    name = shard_name(order.problem.data_name, order.split.value, shard, order.total)
    examples, size, digest = write_records(order.data_dir / name, spill.in_order())
    left_out, noted = (dict(sorted(c.items())) for c in (spill.left_out, spill.noted))
    return Shard(name, examples, size, digest, left_out, noted=noted, broken=spill.broken)
