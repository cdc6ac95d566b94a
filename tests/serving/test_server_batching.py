"""Which rows run together, what a failing row does to the others, and the bounds of the queue."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from t2t_mm.serving.http.batching import Batcher, BatchSettings
from t2t_mm.serving.http.request_error import RequestError, RowError
from t2t_mm.serving.http.telemetry import Metrics


@dataclass(eq=False)
class Fake:
    """Doubles bytes; remembers its batches; waits for `gate`."""

    name: str = "fake"
    explains: bool = False
    batches: list[list[bytes]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def answer(self, columns):
        values = columns["inputs"]
        self.batches.append(values)
        assert b"free" in values or self.gate.wait(20)
        if b"bad" in values:
            raise RowError("is bad")
        if b"bug" in values:
            raise ZeroDivisionError
        return [{"outputs": value * 2} for value in values]


def run(test: Callable, **settings) -> Metrics:
    """Runs an async test(batcher) in a loop of its own."""
    metrics = Metrics()

    async def body() -> None:
        batcher = Batcher(BatchSettings(**settings), metrics)
        try:
            await asyncio.wait_for(test(batcher), 20)
        finally:
            batcher.close()

    asyncio.run(body())
    return metrics


def rows(*values: bytes) -> dict:
    return {"inputs": list(values)}


def asked(batcher, fake, *values: bytes) -> asyncio.Task:
    return asyncio.ensure_future(batcher.run(fake, rows(*values)))


async def ticks() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def metric(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics._registry.get_sample_value(name, labels)


def test_a_full_batch_starts_at_once_and_is_split_back():
    fake = Fake()

    async def test(batcher):
        answers = await asyncio.gather(*(asked(batcher, fake, b"%d" % i) for i in range(8)))
        assert answers == [[{"outputs": b"%d" % i * 2}] for i in range(8)]

    metrics = run(test, max_batch_size=4, delay_seconds=15.0)  # longer than the test may take
    assert [len(batch) for batch in fake.batches] == [4, 4]
    assert sorted(value for batch in fake.batches for value in batch) == [
        b"%d" % i for i in range(8)
    ]
    assert metric(metrics, "t2t_batch_rows_sum", signature="fake") == 8
    assert metric(metrics, "t2t_batch_rows_count", signature="fake") == 2
    assert metric(metrics, "t2t_queue_rows") == 0


def test_a_lone_row_waits_only_for_the_delay():
    fake = Fake()

    async def test(batcher):
        assert await asked(batcher, fake, b"a") == [{"outputs": b"aa"}]

    run(test, delay_seconds=0.01)
    assert fake.batches == [[b"a"]]


def test_what_waits_for_a_busy_thread_becomes_one_batch():
    fake = Fake()

    async def test(batcher):
        fake.gate.clear()
        first = asked(batcher, fake, b"a")
        await ticks()
        rest = [asked(batcher, fake, b"b", b"c"), asked(batcher, fake, b"d")]
        await asyncio.sleep(0.05)
        fake.gate.set()
        assert await first == [{"outputs": b"aa"}]
        assert await rest[0] == [{"outputs": b"bb"}, {"outputs": b"cc"}]
        assert await rest[1] == [{"outputs": b"dd"}]

    run(test, num_threads=1, delay_seconds=0.0)
    assert fake.batches == [[b"a"], [b"b", b"c", b"d"]]


def test_a_request_that_ends_takes_no_later_one_with_it():
    """Lanes come and go: what waits in a new one outlives a request of the old one."""
    fake = Fake()

    async def test(batcher):
        fake.gate.clear()
        held, free = asked(batcher, fake, b"h", b"h"), asked(batcher, fake, b"free", b"free")
        await free
        late = asked(batcher, fake, b"late")
        await ticks()
        fake.gate.set()
        await held
        assert await late == [{"outputs": b"latelate"}]

    run(test, max_batch_size=2, num_threads=2, delay_seconds=0.3)
    assert fake.batches == [[b"h", b"h"], [b"free", b"free"], [b"late"]]


def test_signatures_are_not_mixed_and_a_large_request_is_cut():
    one, two = Fake("one"), Fake("two")

    async def test(batcher):
        values = [b"%d" % i for i in range(7)]
        answers = await asyncio.gather(asked(batcher, one, *values), asked(batcher, two, b"x"))
        assert answers[0] == [{"outputs": value * 2} for value in values]
        assert answers[1] == [{"outputs": b"xx"}]

    run(test, max_batch_size=3, num_threads=1)
    assert [len(batch) for batch in one.batches] == [3, 3, 1]
    assert two.batches == [[b"x"]]


def test_explanations_run_alone():
    fake = Fake(explains=True)

    async def test(batcher):
        await asyncio.gather(asked(batcher, fake, b"a"), asked(batcher, fake, b"b", b"c"))
        with pytest.raises(RequestError, match="fake takes at most 4 rows per request, got 5"):
            await asked(batcher, fake, *[b"a"] * 5)

    run(test, num_threads=1, max_batch_size=4)
    assert fake.batches == [[b"a"], [b"b", b"c"]]


def test_a_bad_row_fails_alone():
    fake = Fake()

    async def test(batcher):
        good = [asked(batcher, fake, b"%d" % i) for i in range(7)]
        bad = asked(batcher, fake, b"bad")
        answers = await asyncio.gather(*good)
        assert answers == [[{"outputs": b"%d" % i * 2}] for i in range(7)]
        with pytest.raises(RequestError, match="row 0 of fake is bad") as error:
            await bad
        assert error.value.status == 400
        with pytest.raises(RequestError, match="row 2 of fake is bad"):
            await asked(batcher, fake, b"a", b"b", b"bad", b"bad")

    run(test, max_batch_size=8, delay_seconds=0.1)
    assert [len(batch) for batch in fake.batches[:7]] == [8, 4, 4, 2, 2, 1, 1]


def test_a_bug_is_no_fault_of_the_sender(caplog):
    fake = Fake()

    async def test(batcher):
        good, bad = asked(batcher, fake, b"a"), asked(batcher, fake, b"bug")
        assert await good == [{"outputs": b"aa"}]
        with pytest.raises(RequestError, match="the model failed") as error:
            await bad
        assert error.value.status == 500

    run(test, max_batch_size=2, delay_seconds=15.0)
    assert "signature fake failed" in caplog.text


def test_a_full_queue():
    fake = Fake()

    async def test(batcher):
        fake.gate.clear()
        running = asked(batcher, fake, b"r")
        await ticks()
        waiting = [asked(batcher, fake, b"a", b"b"), asked(batcher, fake, b"c")]
        await ticks()
        with pytest.raises(RequestError, match="3 rows wait already") as error:
            await asked(batcher, fake, b"d")
        assert (error.value.status, error.value.headers) == (429, {"Retry-After": "1"})
        with pytest.raises(RequestError, match="at most 3 rows, got 4") as error:
            await asked(batcher, fake, *[b"e"] * 4)
        assert error.value.status == 400
        fake.gate.set()
        await asyncio.gather(running, *waiting)
        assert await asked(batcher, fake, b"d") == [{"outputs": b"dd"}]

    run(test, max_queue=3, num_threads=1, delay_seconds=0.0)


def test_a_request_that_gives_up_leaves_the_queue():
    fake = Fake()

    async def test(batcher):
        fake.gate.clear()
        asking = [asked(batcher, fake, b"a"), asked(batcher, fake, b"b")]
        for one in asking:
            with pytest.raises(RequestError, match=r"no answer within 0\.2 s") as error:
                await one
            assert error.value.status == 504
        fake.gate.set()
        assert await asked(batcher, fake, b"c") == [{"outputs": b"cc"}]

    metrics = run(test, num_threads=1, delay_seconds=0.0, timeout_seconds=0.2)
    assert [b"b"] not in fake.batches
    assert fake.batches[-1] == [b"c"]
    assert metric(metrics, "t2t_queue_rows") == 0
