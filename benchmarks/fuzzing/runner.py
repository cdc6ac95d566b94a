"""Runs a target's inputs in child processes with bounds on memory and time; a death is a fault.

Input i of a target depends on the seed, the target's name and i alone, whichever child runs it.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fuzzing.target import Try, emptied

MEMORY = 2 << 30  # bytes above what the libraries take
_SECONDS = 30  # that one input may take
_GRACE = 60  # further seconds until a child that does not hear its alarm is killed
_STARTING = 900  # further seconds until the first input: a run may be trained before it
_MAPPED = 1 << 26  # a file's pages that are mapped while it is read


@dataclass
class Result:
    """The sum of a target's inputs.

    Attributes:
      verdicts: how many were kept, refused, or kept in part.
      faults: (number, what went wrong), in the order of the numbers.
      peak: bytes of memory above the libraries'.
      slowest: seconds.
      seconds: in all.
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)
    peak: int = 0
    slowest: float = 0.0
    seconds: float = 0.0

    @property
    def inputs(self) -> int:
        """All inputs that were tried."""
        return self.verdicts.total() + len(self.faults)


def generator(seed: int, target: str, number: int) -> random.Random:
    """The source of all choices of one input."""
    return random.Random(f"{seed}/{target}/{number}")


def run(target: str, first: int, count: int, seed: int) -> Result:
    """Runs inputs first to first + count - 1, in as many children as it takes."""
    result, begin, last = Result(), time.monotonic(), first + count
    while first < last:
        with tempfile.TemporaryDirectory(prefix="fuzzing-") as folder:
            first = _run_child(target, first, last, seed, Path(folder), result)
    result.seconds = time.monotonic() - begin
    return result


def _run_child(target: str, first: int, last: int, seed: int, folder: Path, result: Result) -> int:
    """Runs one child to its end or death; gives the number to go on with."""
    words = [sys.executable, "-m", "benchmarks.fuzzing", f"--target={target}", f"--first={first}",
             f"--inputs={last - first}", f"--seed={seed}", f"--child={folder}"]  # fmt: skip
    with open(folder / "errors.txt", "wb") as errors:
        child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=errors)
        _watch(child, folder / "now")
    for line in _lines(folder / "verdicts"):
        event = json.loads(line)
        if "fault" in event:
            result.faults.append((event["number"], event["fault"]))
        result.verdicts.update(event.get("verdicts", {}))
        result.peak = max(result.peak, event.get("peak", 0))
        result.slowest = max(result.slowest, event.get("slowest", 0.0))
    now = _number(folder / "now")
    if child.returncode == 0:
        return last
    told = (folder / "errors.txt").read_text(errors="replace").strip()[-1500:]
    if now is None:
        raise RuntimeError(f"the child of {target} ended before its first input:\n{told}")
    number, verdicts = now
    result.verdicts.update(verdicts)
    result.faults.append((number, f"the process ended with status {child.returncode}: {told}"))
    return number + 1


def _watch(child: subprocess.Popen, now: Path) -> None:
    """Waits; kills a child whose input takes too long."""
    before, since = None, time.monotonic()
    while child.poll() is None:
        time.sleep(0.2)
        number = _number(now)
        if number != before:
            before, since = number, time.monotonic()
        elif time.monotonic() - since > _SECONDS + _GRACE + (_STARTING if number is None else 0):
            child.kill()
            child.wait()


def _number(path: Path) -> tuple[int, dict[str, int]] | None:
    try:
        number, verdicts = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return number, verdicts


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def work(
    make: Callable[[], Try], target: str, first: int, count: int, seed: int, out: Path
) -> None:
    """What a child does: tries the inputs, writes faults and the sum to out/verdicts."""
    tries = make()
    base = _bounded()
    verdicts: Counter[str] = Counter()
    slowest = 0.0
    signal.signal(signal.SIGALRM, _too_slow)
    with open(out / "now", "wb", 0) as now, open(out / "verdicts", "a") as events:
        for number in range(first, first + count):
            os.pwrite(now.fileno(), json.dumps([number, verdicts]).encode().ljust(200), 0)
            begin = time.monotonic()
            signal.alarm(_SECONDS)
            try:
                verdicts[tries(generator(seed, target, number), emptied(out / "input"))] += 1
            except Exception as error:
                _write(events, number=number, fault=_told(error))
            finally:
                signal.alarm(0)
            slowest = max(slowest, time.monotonic() - begin)
        _write(events, verdicts=verdicts, slowest=slowest, peak=max(0, _peak() - base))


def _write(events, **event) -> None:
    events.write(json.dumps(event) + "\n")
    events.flush()


def _told(error: BaseException) -> str:
    """An error and the places of our own code that it went through."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(f.filename).name}:{f.lineno}" for f in frames[1:]]
    return f"{type(error).__name__}: {str(error)[:400]} [{' > '.join(places[-6:])}]"


def _too_slow(number: int, frame: object) -> None:
    raise TimeoutError(f"more than {_SECONDS} s")


def _bounded() -> int:
    """Bounds this process's memory; gives what it takes now, in bytes."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    size, resident = (int(status[key].split()[0]) << 10 for key in ("VmSize", "VmRSS"))
    most = size + MEMORY + _MAPPED
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    return resident


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
