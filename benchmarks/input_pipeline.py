"""How fast the input pipeline is, problem by problem, and what it costs.

    python benchmarks/input_pipeline.py --data_dir=DIR --problems=shapes8

Per problem: the examples and target tokens a second that the pipeline gives when nothing else runs,
the processor time of an example (training needs the same cores), how much of a batch is padding,
the time to the first batch, and the size of the iterator in a checkpoint.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches.pipeline import count_examples, training_batches
from t2t_mm.data.binding import bind
from t2t_mm.lookup import find_problems
from t2t_mm.registry import HPARAMS

_HEAD = ("problem", "examples/s", "tokens/s", "us CPU", "batch", "padding", "first s", "state kB")
_ROW = "{:28} {:>10} {:>9} {:>7} {:>6} {:>8} {:>8} {:>9}"


def main() -> None:
    """Prints a row per problem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--problems", default="shapes8")
    parser.add_argument("--hparams_set", default="multimodel_tiny")
    parser.add_argument("--hparams", default="")
    parser.add_argument("--seconds", type=float, default=3.0, help="measured, per problem")
    args = parser.parse_args()
    hparams = HPARAMS.get(args.hparams_set)().override(args.hparams)
    tf.constant(0)  # TensorFlow's own start is not the pipeline's
    print(_ROW.format(*_HEAD))
    for problem in find_problems(args.problems):
        task = bind(problem, args.data_dir)
        begin = time.monotonic()
        iterator = iter(training_batches(task, args.data_dir, hparams, seed=0))
        next(iterator)
        first = time.monotonic() - begin
        print(
            _ROW.format(task.name, *_measure(iterator, args.seconds), f"{first:.2f}", _kb(iterator))
        )
        print(f"  {count_examples(task, 'train', args.data_dir, hparams, training=True)}")


def _measure(iterator: tf.data.Iterator, seconds: float) -> tuple[str, ...]:
    for _ in itertools.islice(iterator, 20):
        pass
    batches = examples = tokens = cells = 0
    cpu, begin = time.process_time(), time.monotonic()
    shapes = []
    while time.monotonic() - begin < seconds:
        batch = next(iterator)
        batches += 1
        examples += batch["inputs"].shape[0]
        shapes.append((batch["inputs"].shape, batch["inputs_length"], batch["targets"]))
    wall, cpu = time.monotonic() - begin, time.process_time() - cpu
    real = 0
    for shape, lengths, targets in shapes:
        side = shape[1] ** 2 if len(shape) == 4 else shape[1]
        real += int(np.sum(lengths))
        cells += shape[0] * side
        tokens += int(np.count_nonzero(targets)) if targets.shape.rank == 2 else shape[0]
    return (
        f"{examples / wall:,.0f}",
        f"{tokens / wall:,.0f}",
        f"{1e6 * cpu / examples:.0f}",
        f"{examples / batches:.1f}",
        f"{1 - real / cells:.1%}",
    )


def _kb(iterator: tf.data.Iterator) -> str:
    with tempfile.TemporaryDirectory() as folder:
        tf.train.Checkpoint(iterator=iterator).write(f"{folder}/state")
        return f"{sum(path.stat().st_size for path in Path(folder).iterdir()) / 1024:.1f}"


if __name__ == "__main__":
    main()
