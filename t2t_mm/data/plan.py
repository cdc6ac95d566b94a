"""Which passes are still to be run. Threads that feed workers take them one by one."""

from __future__ import annotations

import dataclasses
import math
import threading
from dataclasses import dataclass

from t2t_mm.data.passes import PassOrder, PassResult

_OVERHEAD = 0.25  # of a pass's time may go into the generator before several shards share one pass


@dataclass
class _SplitPlan:
    order: PassOrder  # of all its missing shards
    missing: list[int]
    per_pass: int = 1


class Plan:
    """The missing shards of all splits of all problems.

    A pass runs the whole generator, so writing one shard at a time, which is best for going on
    after a kill, would be slow where the generator itself is. The first pass of a split tells how
    slow it is; later ones take so many shards that it costs a quarter of their time at most.

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
        own = max(1e-9, result.seconds - result.iterating) / len(order.shards)
        with self._lock:
            for plan in self._splits:
                if (plan.order.problem.data_name, plan.order.split) == (
                    order.problem.data_name,
                    order.split,
                ):
                    plan.per_pass = max(1, math.ceil(result.iterating / (_OVERHEAD * own)))
