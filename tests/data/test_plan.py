"""How many shards share a pass."""

from __future__ import annotations

from pathlib import Path

from t2t_mm.data.generation.passes import PassOrder, PassResult
from t2t_mm.data.generation.plan import PassPlan, shards_for, work_items
from t2t_mm.data.records.manifest import Shard
from t2t_mm.problem import Problem, Split


def order(missing: int, total: int, split: Split = Split.TRAIN) -> PassOrder:
    shards = tuple(range(total - missing, total))
    return PassOrder(Problem("p"), split, shards, total, 0, Path("d"), Path("t"), {})


def second_pass(
    reading: float, making: float, examples: int = 1000, size: int = 10**6, workers: int = 1
) -> int:
    """How many of 99 shards the second pass takes, after a first one of one shard."""
    plan = PassPlan([order(100, 100)], workers)
    first = plan.take()
    assert first.shards == (0,)
    plan.learn(first, PassResult({0: Shard("f", examples, size, "")}, reading + making, reading))
    return len(plan.take().shards)


def test_a_pass_may_last_two_minutes() -> None:
    assert second_pass(reading=20, making=10) == 10  # 20 + 10 * 10 seconds
    assert second_pass(reading=0.1, making=500) == 1
    assert second_pass(reading=0.1, making=0.1) == 99
    assert second_pass(reading=0.1, making=0.1, workers=2) == 50


def test_a_slow_generator_is_run_seldom() -> None:
    assert second_pass(reading=100, making=10) == 40  # 100 s are a quarter of 40 * 10 s


def test_memory_and_disk_are_bounded() -> None:
    assert second_pass(reading=100, making=10, examples=1 << 20) == 16
    assert second_pass(reading=100, making=10, examples=1 << 25) == 1
    assert second_pass(reading=0.1, making=0.1, size=1 << 30) == 4


def test_work_items_are_cut_by_what_reading_costs() -> None:
    orders = [order(100, 100), order(1, 1, Split.DEV)]

    def sizes(workers: int | None, cost: float) -> list[int]:
        return [len(item.shards) for item in work_items(orders, workers, lambda _: cost)]

    assert sizes(None, 0.02) == [8] * 12 + [4, 1]  # all is 2 readings of a shard: 8 are needed
    assert sizes(None, 1e-6) == [1] * 101
    assert sizes(None, 10.0) == [100, 1]
    assert sizes(50, 10.0) == [2] * 50 + [1]
    items = work_items(orders, 3, lambda _: 10.0)
    assert [shard for item in items[:-1] for shard in item.shards] == list(range(100))


def test_no_pass_has_more_than_256_shards() -> None:
    orders = [order(600, 600)]
    assert [len(item.shards) for item in work_items(orders, None, lambda _: 10.0)] == [256, 256, 88]
    plan = PassPlan(orders, 1)
    plan.learn(plan.take(), PassResult({0: Shard("f", 10, 10, "")}, 0.002, 0.001))
    assert len(plan.take().shards) == 256


def test_the_share_of_reading() -> None:
    assert shards_for(reading=1.0, making=1.0) == 4
    assert shards_for(reading=0.0, making=1.0) == 1
