"""How readers stand damaged and odd inputs: seeded, bounded, all of them or one.

    python -m benchmarks.fuzzing                                   # 10,000 inputs of every target
    python -m benchmarks.fuzzing --target=csv --inputs=500 --seed=1
    python -m benchmarks.fuzzing --target=csv --only=4711          # one input, with its traceback

A line for each target: how many inputs were kept, kept in part and refused, how many were faults
(an exception that is no sentence for a user, a wrong or lost value, more than 2 GB of memory or
30 s, the process's death), and the first faults of each sort. Exit status 1 if there was any.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.fuzzing import runner
from benchmarks.fuzzing.target import emptied
from benchmarks.fuzzing.targets import TARGETS

_SHOWN = 3  # faults of one sort


def main() -> int:
    """Runs what the flags say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", action="append", choices=list(TARGETS), help="default: all")
    parser.add_argument("--inputs", type=int, default=10_000, help="of each target")
    parser.add_argument("--first", type=int, default=0, help="the number to begin with")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="run this number alone, in this process")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    names = args.target or list(TARGETS)
    if args.child:
        runner.work(TARGETS[names[0]], names[0], args.first, args.inputs, args.seed, args.child)
        return 0
    if args.only is not None:
        folder = emptied(Path(tempfile.gettempdir()) / f"fuzzing-only-{os.getpid()}")
        print(TARGETS[names[0]]()(runner.generator(args.seed, names[0], args.only), folder))
        return 0
    return int(sum(_run(name, args) for name in names) > 0)


def _run(name: str, args: argparse.Namespace) -> bool:
    """Runs a target and prints its line; True if there were faults."""
    result = runner.run(name, args.first, args.inputs, args.seed)
    kinds = ", ".join(f"{count:,} {word}" for word, count in sorted(result.verdicts.items()))
    print(f"{name}: {result.inputs:,} inputs: {kinds}; {len(result.faults)} faults; "
          f"peak {result.peak / 1e6:.0f} MB, slowest {result.slowest:.2f} s, "
          f"{result.seconds:.0f} s in all", flush=True)  # fmt: skip
    sorts: dict[str, list[tuple[int, str]]] = {}
    for number, fault in result.faults:
        key = fault.split(":")[0] + fault.rpartition("[")[2]
        sorts.setdefault(key, []).append((number, fault))
    for found in sorted(sorts.values(), key=len, reverse=True):
        print(f"  {len(found)} x, e.g. --only={found[0][0]}: {found[0][1]}", flush=True)
    return bool(result.faults)


if __name__ == "__main__":
    sys.exit(main())
