"""A batch shared out over the cores of the processor.

Writing one token is a chain of hundreds of operations of a few microseconds each, and a training
step of a small model one of thousands. TensorFlow hands operations from one thread to another, and
parts of one operation to several threads, which costs more than such operations do. Here each core
takes examples of its own, one operation after the other: no example depends on the others of its
batch.
"""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def count_cores() -> int:
    """The cores that this process may use; 1 with an accelerator: it takes a batch as a whole."""
    if tf.config.list_physical_devices("GPU"):
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def disable_intra_op_threads() -> None:
    """Makes each operation of this process run in one thread, unless there is an accelerator.

    For programs that share out their batches: they gain more than operations lose.
    Once TensorFlow has run an operation it is too late, and nothing changes but the time.
    """
    if tf.config.list_physical_devices("GPU"):
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
    except RuntimeError:  # TensorFlow runs already
        return


def single_threaded() -> AbstractContextManager[None]:
    """Graphs traced and called in this context run in the calling thread, operation by operation.

    TensorFlow has no public name for this executor of its own; where it is not found, and with an
    accelerator, its usual one computes the same.
    """
    if tf.config.list_physical_devices("GPU"):
        return nullcontext()
    try:
        from tensorflow.python.eager.context import function_executor_type
    except ImportError:
        return nullcontext()
    return function_executor_type("SINGLE_THREADED_EXECUTOR")


class Cores:
    """Calls functions for parts of a batch at the same time.

    Args:
      count: cores; None: see `count_cores`.
    """

    def __init__(self, count: int | None = None):
        self.count = count or count_cores()

    def trace(self, function: Callable[..., Any], input_signature: Sequence[Any]) -> Any:
        """The graph of a function, for calls within `map_shares` and `map_batches`."""
        with single_threaded():
            graph = tf.function(function, input_signature=input_signature, autograph=False)
            return graph.get_concrete_function()

    def map_batches(
        self, call: Callable[[_Item], _Result], batches: Iterable[_Item]
    ) -> Iterator[_Result]:
        """Calls a function for each of several batches, as many at a time as there are cores.

        Args:
          call: takes a batch.
          batches: taken one by one, in the thread of the caller.

        Yields:
          What each call gave, in the order of the batches.
        """
        waiting: deque[Future[_Result]] = deque()
        for batch in batches:
            waiting.append(_threads(self.count).submit(_in_order, call, batch))
            if len(waiting) > self.count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def map_shares(self, call: Callable[[slice], _Result], rows: int) -> list[_Result]:
        """Calls a function once for each core's share of the rows 0, 1, ...

        Args:
          call: takes which rows; of n shares the i-th has the rows i, i + n, ..., since neighbours
            in a batch are alike in length.
          rows: how many there are.

        Returns:
          What each call gave, the first share first; see `merge_shares`.
        """
        shares = max(1, min(self.count, rows))
        slices = [slice(first, None, shares) for first in range(shares)]
        if shares == 1:
            return [_in_order(call, slices[0])]
        calls = [_threads(self.count).submit(_in_order, call, share) for share in slices]
        return [done.result() for done in calls]


def _in_order(call: Callable[[_Item], _Result], item: _Item) -> _Result:
    with single_threaded():
        return call(item)


@functools.cache
def _threads(count: int) -> ThreadPoolExecutor:
    """The one pool for all: searches with other settings need no threads of their own."""
    return ThreadPoolExecutor(count, "t2t-core")


def merge_shares(shares: Sequence[np.ndarray]) -> np.ndarray:
    """The rows of `Cores.map_shares`'s shares in their order, as one array.

    Args:
      shares: [B_i, ...]; where their other axes differ in length, zeros are added at the end.
    """
    longest = np.max([share.shape[1:] for share in shares], axis=0).astype(int)
    merged = np.zeros((sum(map(len, shares)), *longest), shares[0].dtype)
    for first, share in enumerate(shares):
        rows = merged[first :: len(shares)]
        rows[(slice(None), *map(slice, share.shape[1:]))] = share
    return merged
