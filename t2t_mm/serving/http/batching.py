"""Dynamic batching: rows of one signature that arrive close together are run together.

Every (version, signature) has a lane of parts that wait. A part leaves its lane when a thread is
free and the lane has a full batch, or its oldest part has waited long enough; so under load, while
all threads are busy, the lanes fill up and the batches grow by themselves. All bookkeeping is done
on the event loop; the threads only run the model.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from t2t_mm.serving.http.outcomes import ByteColumns, Outcome, Runnable, answered_rows, outcomes
from t2t_mm.serving.http.request_error import RequestError, bad_request, too_busy
from t2t_mm.serving.http.rest import Row
from t2t_mm.serving.http.telemetry import Metrics


@dataclass(frozen=True)
class BatchSettings:
    """The rules by which requests are put together.

    Attributes:
      max_batch_size: rows that are run together at most.
      delay_seconds: that the first row of a batch waits for others.
      max_queue: rows that wait for a thread at most.
      num_threads: batches that are run at the same time.
      timeout_seconds: until a request gives up.
    """

    max_batch_size: int = 32
    delay_seconds: float = 0.005
    max_queue: int = 1024
    num_threads: int = 2
    timeout_seconds: float = 60.0


@dataclass(eq=False)
class _Part:
    """Rows of one request that stay together."""

    columns: ByteColumns
    rows: int
    arrived: float
    done: asyncio.Future[list[Outcome]]


@dataclass(eq=False)
class _Lane:
    signature: Runnable
    parts: deque[_Part] = field(default_factory=deque)

    def is_ready(self, now: float, settings: BatchSettings) -> bool:
        waited = now - self.parts[0].arrived
        if self.signature.explains or waited >= settings.delay_seconds:
            return True
        return sum(part.rows for part in self.parts) >= settings.max_batch_size

    def take(self, most: int) -> list[_Part]:
        """The oldest parts that fit into a batch; of an explanation one, its length is its own."""
        taken = [self.parts.popleft()]
        rows = taken[0].rows
        while self.parts and not self.signature.explains and rows + self.parts[0].rows <= most:
            taken.append(self.parts.popleft())
            rows += taken[-1].rows
        return taken


class Batcher:
    """Runs requests in batches, in threads.

    Args:
      settings: sizes and times.
      metrics: to observe batches and the queue in.
    """

    def __init__(self, settings: BatchSettings, metrics: Metrics):
        self._settings = settings
        self._metrics = metrics
        self._lanes: dict[Runnable, _Lane] = {}
        self._waiting = self._running = 0
        self._pool = ThreadPoolExecutor(settings.num_threads, "t2t-model")
        self._timer: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """True if a thread runs the model."""
        return self._running > 0

    async def run(self, signature: Runnable, columns: ByteColumns) -> list[Row]:
        """The answers to a request.

        Args:
          signature: one object for each signature and version.
          columns: the rows of each input, as many in all.

        Raises:
          RequestError: 400 for a bad row, 429 if the queue is full, 504 after the timeout, 500 if
            the model fails.
        """
        parts = self._parts(signature, columns)
        self._lanes.setdefault(signature, _Lane(signature)).parts.extend(parts)
        self._wait(sum(part.rows for part in parts))
        self._pump()
        try:
            answers = await asyncio.wait_for(
                asyncio.gather(*(part.done for part in parts)), self._settings.timeout_seconds
            )
        except asyncio.TimeoutError:
            raise RequestError(
                504, f"no answer within {self._settings.timeout_seconds:g} s (--timeout_seconds)."
            ) from None
        finally:
            self._forget(signature, parts)
        return answered_rows(signature.name, [one for part in answers for one in part])

    def close(self) -> None:
        """Runs nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _parts(self, signature: Runnable, columns: ByteColumns) -> list[_Part]:
        rows, most = len(next(iter(columns.values()))), self._settings.max_batch_size
        if signature.explains and rows > most:
            raise bad_request(
                f"{signature.name} takes at most {most} rows per request, got {rows}."
            )
        if rows > self._settings.max_queue:
            raise bad_request(
                f"a request may have at most {self._settings.max_queue} rows, got {rows}; send "
                "several requests."
            )
        if self._waiting + rows > self._settings.max_queue:
            raise too_busy(f"{self._waiting} rows wait already; try again in a second.")
        loop = asyncio.get_running_loop()
        return [
            _Part(
                {name: values[begin : begin + most] for name, values in columns.items()},
                min(most, rows - begin),
                loop.time(),
                loop.create_future(),
            )
            for begin in range(0, rows, most)
        ]

    def _wait(self, rows: int) -> None:
        self._waiting += rows
        self._metrics.queue_rows.set(self._waiting)

    def _forget(self, signature: Runnable, parts: Sequence[_Part]) -> None:
        """Takes out of the queue what nobody waits for any more."""
        lane = self._lanes.get(signature)  # a later one perhaps: empty lanes are dropped
        if lane is None:
            return
        for part in parts:
            if part in lane.parts:
                lane.parts.remove(part)
                self._wait(-part.rows)
        if not lane.parts:
            del self._lanes[signature]

    def _pump(self) -> None:
        """Gives batches to free threads, those first whose oldest row has waited longest."""
        now = asyncio.get_running_loop().time()
        while self._running < self._settings.num_threads:
            lanes = [lane for lane in self._lanes.values() if lane.parts]
            ready = [lane for lane in lanes if lane.is_ready(now, self._settings)]
            if not ready:
                self._set_timer(min((lane.parts[0].arrived for lane in lanes), default=None))
                return
            lane = min(ready, key=lambda lane: lane.parts[0].arrived)
            self._start(lane.signature, lane.take(self._settings.max_batch_size))

    def _set_timer(self, oldest: float | None) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None
        if oldest is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(oldest + self._settings.delay_seconds, self._pump)

    def _start(self, signature: Runnable, parts: list[_Part]) -> None:
        rows = sum(part.rows for part in parts)
        self._wait(-rows)
        self._metrics.batch_rows.labels(signature.name).observe(rows)
        self._run(1)
        columns = {
            name: [value for part in parts for value in part.columns[name]]
            for name in parts[0].columns
        }
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._pool, outcomes, signature, columns)
        running.add_done_callback(lambda done: self._finish(parts, done))

    def _run(self, more: int) -> None:
        self._running += more
        self._metrics.running.set(self._running)

    def _finish(self, parts: list[_Part], done: asyncio.Future[list[Outcome]]) -> None:
        self._run(-1)
        if done.cancelled():  # at the end of the program
            return
        answers = iter(done.result())
        for part in parts:
            own = [next(answers) for _ in range(part.rows)]
            if not part.done.done():  # else nobody waits for it any more
                part.done.set_result(own)
        self._pump()
