"""Runs a plan in this process or in several."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from typing import IO, Any

from t2t_mm.data.generation.passes import PassOrder, PassResult, Progress, run_pass
from t2t_mm.data.generation.plan import PassPlan
from t2t_mm.data.generation.worker import START
from t2t_mm.errors import DataError
from t2t_mm.problem import Problem

Done = Callable[[PassOrder, PassResult], None]


def processors() -> int:
    """The number of processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def unpicklable(problems: Iterable[Problem]) -> str | None:
    """The first problem whose code another process could not import, with the reason."""
    for problem in problems:
        if type(problem).__module__ == "__main__":
            return f"'{problem.name}' is defined in the main script"
        try:
            pickle.dumps(problem)
        except Exception as error:
            return f"'{problem.name}' cannot be pickled ({error})"
    return None


def run_plan(plan: PassPlan, workers: int, done: Done, progress: Progress) -> None:
    """Runs every pass of `plan`.

    Args:
      plan: the passes.
      workers: processes; 1 runs them in this one.
      done: called with every finished pass, never by two threads at once.
      progress: called with further examples done, likewise.

    Raises:
      DataError: the first that a pass raised, or if a worker died.
      RuntimeError: with the traceback of what else a worker raised.
    """
    if workers <= 1:
        while order := plan.take():
            result = run_pass(order, progress)
            plan.learn(order, result)
            done(order, result)
    else:
        _WorkerPool(plan, workers, done, progress).run()


class _WorkerPool:
    """Worker processes, each with a thread that feeds it."""

    def __init__(self, plan: PassPlan, workers: int, done: Done, progress: Progress):
        self._plan, self._done, self._progress = plan, done, progress
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._processes = [_start() for _ in range(workers)]

    def run(self) -> None:
        threads = [threading.Thread(target=self._feed, args=(p,)) for p in self._processes]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive() and not self._stopped.is_set():
                    thread.join(0.1)  # with a timeout, so that Ctrl-C gets through
        finally:
            self._stopped.set()
            for process in self._processes:
                process.kill()  # what it has not finished is not under its name
            for thread in threads:
                thread.join()
            for process in self._processes:
                process.wait()
                _pipe(process.stdout).close()
        if self._error:
            raise self._error

    def _feed(self, process: subprocess.Popen[bytes]) -> None:
        try:
            while not self._stopped.is_set() and (order := self._plan.take()):
                result = self._run(process, order)
                self._plan.learn(order, result)
                with self._lock:
                    self._done(order, result)
        except BaseException as error:
            if not self._stopped.is_set():
                self._error = error
                self._stopped.set()

    def _run(self, process: subprocess.Popen[bytes], order: PassOrder) -> PassResult:
        try:
            orders, results = _pipe(process.stdin), _pipe(process.stdout)
            pickle.dump(order, orders)
            orders.flush()
            while True:
                kind, value = pickle.load(results)
                if kind != "progress":
                    return _result(kind, value)
                with self._lock:
                    self._progress(value)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            status = process.wait()
            raise DataError(
                f"a worker died (status {status}) over problem '{order.problem.data_name}', split "
                f"{order.split.value}; perhaps memory ran out: run the same command again with "
                "fewer --num_workers, it goes on where it stopped."
            ) from None


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", START, json.dumps([path or os.getcwd() for path in sys.path])]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """A stream of a process that `_start` made; none of them is None."""
    if stream is None:
        raise ValueError("the process was started without this pipe")
    return stream


def _result(kind: str, value: Any) -> PassResult:
    if kind == "user_error":
        raise DataError(value)
    if kind == "fault":
        raise RuntimeError(f"a worker failed:\n{value}")
    return value
