"""The shard of each example, its place there, and the names of the shards' files.

Both follow from a hash of (seed, index) alone: shards can be written in any order, by any number of
workers, again after a kill, and always hold the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

_BLOCK = 1 << 14  # hashes made at once
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def shard_name(data_name: str, split: str, shard: int, shards: int) -> str:
    """The file name of one shard, Tensor2Tensor's convention."""
    return f"{data_name}-{split}-{shard:05d}-of-{shards:05d}"


def existing_shards(data_name: str, data_dir: Path) -> list[Path]:
    """Every file in `data_dir` that is named like a shard of `data_name`."""
    found: list[Path] = []
    for split in ("train", "dev", "test"):
        found += data_dir.glob(f"{data_name}-{split}-?????-of-?????")
    return sorted(found)


def example_keys(seed: int, start: int, count: int) -> np.ndarray:
    """Hashes of the examples start .. start + count - 1, uint64 (the splitmix64 generator)."""
    state = np.uint64((seed * 0xD1342543DE82EF95 + 0x632BE59BD9B4E019) & (2**64 - 1))
    index = np.arange(start, start + count, dtype=np.uint64)
    with np.errstate(over="ignore"):  # arithmetic modulo 2 ** 64 is what is meant
        z = state + (index + np.uint64(1)) * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def keys(seed: int) -> Iterator[int]:
    """Hashes of the examples 0, 1, 2, ... without end."""
    start = 0
    while True:
        yield from example_keys(seed, start, _BLOCK).tolist()
        start += _BLOCK


def membership(seed: int, shards: Collection[int], total: int) -> Iterator[int]:
    """1 or 0 for each of the examples 0, 1, 2, ... without end: 1 if it goes to one of `shards`.

    Args:
      seed: of the order of examples.
      shards: the wanted ones.
      total: number of shards of the split.
    """
    wanted = np.zeros(total, np.uint8)
    wanted[list(shards)] = 1
    start = 0
    while True:
        yield from wanted[example_keys(seed, start, _BLOCK) % np.uint64(total)].tobytes()
        start += _BLOCK
