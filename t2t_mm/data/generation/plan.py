"""The passes that are still to be run. Threads that feed workers take them one by one."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from t2t_mm.data.generation.passes import PassOrder, PassResult

_OVERHEAD = 0.25  # of a pass's time may go into the generator before several shards share one pass
_SECONDS = 120.0  # that a pass may last, so that few are needed; no more is lost by a kill
_BYTES = 4 << 30  # of its shards, which stand on the disk twice while it lasts
_EXAMPLES = 1 << 24  # of a pass, whose places are held in memory (data/generation/spill.py)
_SHARDS = 256  # of a pass, each of which may keep a temporary file open


@dataclass
class _SplitPlan:
    order: PassOrder  # of all its missing shards
    missing: list[int]
    per_pass: int = 1


class PassPlan:
    """The missing shards of all splits of all problems.

    A pass runs the whole generator, so writing one shard at a time, which is best for going on
    after a kill, would be slow where the generator itself is. The first pass of a split writes one
    and tells how slow it is; later ones take as many as two minutes allow, or more if the
    generator would otherwise cost over a quarter of their time, but never over 17 million examples
    or 256 shards.

    Args:
      orders: one for each split, with all its missing shards.
      workers: how many share the work.
    """

    def __init__(self, orders: list[PassOrder], workers: int):
        self._splits = [_SplitPlan(order, list(order.shards)) for order in orders]
        self._workers = max(1, workers)
        self._lock = threading.Lock()
        self.shards = sum(len(order.shards) for order in orders)

    def take(self) -> PassOrder | None:
        """The next pass, None if all are taken."""
        with self._lock:
            plan = next((plan for plan in self._splits if plan.missing), None)
            if plan is None:
                return None
            fair = math.ceil(len(plan.missing) / self._workers)
            count = min(plan.per_pass, fair)
            taken, plan.missing = plan.missing[:count], plan.missing[count:]
            return dataclasses.replace(plan.order, shards=tuple(taken))

    def learn(self, order: PassOrder, result: PassResult) -> None:
        """Sizes the later passes of the same split by what this one took."""
        with self._lock:
            for plan in self._splits:
                if (plan.order.problem.data_name, plan.order.split) == (
                    order.problem.data_name,
                    order.split,
                ):
                    plan.per_pass = _per_pass(result)


def _per_pass(result: PassResult) -> int:
    """The number of shards that a pass like this one should write."""
    shards = result.shards.values()
    own = max(1e-9, result.seconds - result.iterating) / len(shards)
    needed = shards_for(result.iterating, own)
    quick = int((_SECONDS - result.iterating) / own)
    small = int(_BYTES / max(1, sum(s.bytes for s in shards) / len(shards)))
    few = int(_EXAMPLES / max(1, sum(s.examples for s in shards) / len(shards)))
    return max(1, min(max(needed, min(quick, small)), few, _SHARDS))


def shards_for(reading: float, making: float) -> int:
    """The number of shards per pass at which the generator costs at most a quarter of the rest.

    Args:
      reading: seconds that the whole generator takes.
      making: seconds that encoding and writing one shard take.
    """
    return max(1, math.ceil(reading / (_OVERHEAD * making)))


def work_items(
    orders: list[PassOrder], workers: int | None, cost: Callable[[PassOrder], float]
) -> list[PassOrder]:
    """Cuts orders into passes before any has run, for machines that share nothing but a disk.

    A pass has 256 shards at most; how many examples they will hold is not known yet.

    Args:
      orders: one for each split, with all its missing shards.
      workers: the least number of passes of each split, if it has the shards; None for as
        many as are cheap.
      cost: what reading an example costs, as a multiple of encoding and writing it.
    """
    items = []
    for order in orders:
        missing = len(order.shards)
        count = min(missing, shards_for(cost(order) * order.total, 1.0)) if missing > 1 else 1
        if workers:
            count = min(count, math.ceil(missing / workers))
        count = min(count, _SHARDS)
        for start in range(0, missing, count):
            part = order.shards[start : start + count]
            items.append(dataclasses.replace(order, shards=part))
    return items
