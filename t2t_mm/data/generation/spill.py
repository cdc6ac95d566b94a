"""Keeps the records of one shard as they come, and gives them back in the shard's order."""

from __future__ import annotations

import functools
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from t2t_mm.data.records.manifest import PLACES
from t2t_mm.problem import Broken

_BLOCK = 1 << 14  # records whose places are looked up at once
_PLACES = 3  # of broken examples of one sort that are told
_WHOLE = 64 << 20  # bytes of a file that is read whole rather than record by record


class Spill:
    """Records of one shard.

    Memory: `memory` bytes of records, beyond which they go to a temporary file; 13 bytes per record
    while they come; 45 bytes per record, and 64 MiB, while they are read back.

    Args:
      folder: of the temporary file, which has no name and goes with the process.
      memory: bytes of records to hold.

    Attributes:
      left_out: reason -> number of examples that were not written.
      broken: reason -> the places of the first examples that could not be read or stored.
      noted: reason -> how often something was done to a value that was written.
    """

    def __init__(self, folder: Path, memory: int):
        self._folder, self._memory = folder, memory
        self._buffer = bytearray()
        self._file: IO[bytes] | None = None
        self._keys, self._lengths = array("Q"), array("I")
        self.left_out: Counter[str] = Counter()
        self.broken: dict[str, list[str]] = {}
        self.noted: Counter[str] = Counter()

    def add(self, key: int, record: bytes) -> None:
        """Adds a record; records are ordered by their keys."""
        self._buffer += record
        self._keys.append(key)
        self._lengths.append(len(record))
        if len(self._buffer) > self._memory:
            self._flush()

    def leave_out_broken(self, broken: Broken) -> None:
        """Counts an example that is not written, and keeps the first places."""
        self.left_out[broken.reason] += 1
        places = self.broken.setdefault(broken.reason, [])
        if len(places) < PLACES:
            places.append(broken.place)

    def _flush(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        self._file.write(self._buffer)
        self._buffer = bytearray()

    def in_order(self) -> Iterator[bytes]:
        """The records, lowest key first."""
        order = np.argsort(np.frombuffer(self._keys, np.uint64), kind="stable")
        lengths = np.frombuffer(self._lengths, np.uint32)
        ends = np.cumsum(lengths, dtype=np.int64)
        read = self._reader()
        for start in range(0, len(order), _BLOCK):
            block = order[start : start + _BLOCK]
            last = ends[block]
            first = last - lengths[block]
            yield from map(read, first.tolist(), last.tolist())

    def _reader(self) -> Callable[[int, int], bytes]:
        """A function that reads the bytes from one place to another."""
        if self._file is not None:
            self._flush()
            if self._file.tell() > _WHOLE:
                return functools.partial(_read, self._file)
            self._file.seek(0)
        content = bytes(self._buffer) if self._file is None else self._file.read()
        self._buffer = bytearray()
        return lambda start, end: content[start:end]

    def close(self) -> None:
        """Frees memory and disk."""
        if self._file is not None:
            self._file.close()
        self._buffer, self._keys, self._lengths = bytearray(), array("Q"), array("I")


def _read(file: IO[bytes], start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)
