"""How fast data are generated, and how much memory that takes.

    python benchmarks/datagen.py --examples=10000000 --num_workers=2

Makes sentence pairs of 8 to 16 words each, out of 200,000 made-up words that are as unequally
frequent as real ones (Zipf's law, exponent 1.1), and generates their data in a process of its own.
Prints the lines a second (a pair is two lines) of the vocabulary and of the encoding, which
includes reading, shuffling, checksums and writing, and the peak memory of the main process and of
the largest worker. Processor seconds tell what it costs where other programs run beside it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from t2t_mm.data.generation.api import generate
from t2t_mm.problem import Sample, Split, Text2TextProblem

_WORDS = 200_000
_STREAM = 1_000_003  # words of the running text that sentences are cut from; a prime
_SYLLABLES = ("ka", "to", "mi", "ren", "sol", "ve", "dra", "un", "pi", "shi", "lo", "gat", "e")
_START = "import sys; sys.path.insert(0, sys.argv[1]); import datagen; datagen.child()"


class Sentences(Text2TextProblem):
    """Pairs of made-up sentences; next to nothing is done to make one.

    Args:
      name: of the problem.
      examples: of the training split.
      shards: files of the training split.
    """

    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 100}

    def __init__(self, name: str, examples: int, shards: int):
        super().__init__(name)
        self.examples = examples
        self.shards = {Split.TRAIN: shards}

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        """Yields cuts of two running texts."""
        inputs, targets = _text(0), _text(1)
        join = " ".join
        for i in range(self.examples):
            a, length = i * 7919 % _STREAM, 8 + i % 9
            yield {
                "inputs": join(inputs[a : a + length]),
                "targets": join(targets[a : a + 24 - length]),
            }


@lru_cache
def _text(seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    names = ("".join(s) for n in range(1, 9) for s in itertools.product(_SYLLABLES, repeat=n))
    words = list(itertools.islice(names, _WORDS))
    shares = np.arange(1, _WORDS + 1) ** -1.1
    chosen = rng.choice(_WORDS, _STREAM + 24, p=shares / shares.sum())
    return [words[i] for i in chosen.tolist()]


def child() -> None:
    """Generates the data and prints what it took, as JSON."""
    arguments = json.loads(sys.argv[2])
    times = {}

    def log(line: str) -> None:
        times[line.partition(" ")[0]] = _now()
        print(line, file=sys.stderr)

    problem = Sentences("datagen_benchmark", arguments["examples"], arguments["num_shards"])
    workers = arguments["num_workers"]
    generate([problem], arguments["data_dir"], num_workers=workers, log=log)
    result = {
        "vocabulary": (times["built"] - times["building"]).tolist(),
        "encoding": (_now() - times["built"]).tolist(),
        "main": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "worker": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }
    print(json.dumps(result))


def _now() -> np.ndarray:
    """Seconds by the clock, and of processors: of this process and of workers that have ended."""
    spent = os.times()
    return np.array([time.monotonic(), sum(spent[:4])])


def main() -> None:
    """Prints two lines of speed and one of memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=1_000_000, help="sentence pairs")
    parser.add_argument("--num_workers", type=int, default=1)
    parser.add_argument("--num_shards", type=int, default=100)
    parser.add_argument("--data_dir", help="an empty folder; default: a temporary one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="datagen_benchmark") as folder:
        arguments = {**vars(args), "data_dir": args.data_dir or folder}
        here = str(Path(__file__).resolve().parent)
        command = [sys.executable, "-c", _START, here, json.dumps(arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    lines = 2 * args.examples
    for part in ("vocabulary", "encoding"):
        seconds, busy = result[part]
        rates = f"{lines / seconds:9,.0f} lines/s, {lines / busy:9,.0f} a processor's second"
        print(f"{part:10}  {rates}  ({lines:,} lines in {seconds:.1f} s)")
    workers = f", the largest worker {result['worker']:,.0f} MiB" if args.num_workers > 1 else ""
    print(f"memory      peak of the main process {result['main']:,.0f} MiB{workers}")


if __name__ == "__main__":
    main()
