"""A fair sample of a stream of text that fits into a fixed number of bytes."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from t2t_mm.data.generation.sharding import keys

_LINE = 1000  # characters; longer lines are cut, so that no text outweighs the others


def sample_lines(texts: Iterable[str], most_bytes: int, seed: int = 0) -> list[str]:
    """Lines of `texts`, all if they fit, else a uniform choice; the same ones for the same seed.

    Every line has a hash of its position, and those with the lowest are kept: one pass, whatever
    the length of the stream, and never more than `most_bytes` (about) in memory.

    Args:
      texts: any text; lines are cut at line breaks and after 1000 characters.
      most_bytes: UTF-8 bytes to keep.
      seed: of the choice.

    Returns:
      The lines in their order in `texts`.
    """
    heap: list[tuple[int, int, str]] = []  # the highest hash first: the next to go
    size, limit = 0, 1 << 64
    for index, (line, key) in enumerate(zip(_lines(texts), keys(seed), strict=False)):
        if key >= limit:
            continue
        heapq.heappush(heap, (-key, index, line))
        size += len(line.encode())
        while size > most_bytes and len(heap) > 1:
            key, _, dropped = heapq.heappop(heap)
            size -= len(dropped.encode())
            limit = -key
    return [line for _, _, line in sorted(heap, key=lambda item: item[1])]


def _lines(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for line in text.splitlines():
            if len(line) <= _LINE:  # most are
                yield line
                continue
            for start in range(0, len(line), _LINE):
                yield line[start : start + _LINE]
