"""A server under load: many clients, some malformed bodies, new versions meanwhile.

    python benchmarks/server_load.py              # 32 clients for 5 minutes, two reloads
    python benchmarks/server_load.py --clients=8 --seconds=20

A tiny model is trained; each version of the export has the weights of another checkpoint. Every
good answer is compared with what `t2t_mm.load` gives for that checkpoint: of a version that could
be served between a request's beginning and its end. A malformed body must be refused with a
sentence.
Exit status 1 if a request is lost, an answer is wrong or memory grows.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import tiny_job
from benchmarks.kills import Server

_STEPS = (4, 8, 12)  # of the checkpoints that become versions 1, 2 and 3
_TEXTS, _PICTURES = 48, 24
_GROWTH = 1.1  # of the server's memory from the middle to the end that counts as flat
_BUSY = (429, 503)


@dataclass(frozen=True)
class Case:
    """A row and the answer of each version, the first version first."""

    problem: str
    row: Any
    wanted: tuple[str, ...]


@dataclass
class Seen:
    """What a client saw."""

    answered: int = 0
    refused: int = 0
    busy: int = 0  # answers 429 or 503, after which it came back
    seconds: list[float] = field(default_factory=list)
    by_version: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass
class Served:
    """Which versions may answer: from the one last seen to the last that was written."""

    least: int = 1
    most: int = 1


def main() -> int:
    """Trains, exports, serves, loads; prints what came back."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--malformed", type=float, default=0.1, help="share of the bodies")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory(prefix="server-load-") as holder:
        folder = Path(holder)
        versions, cases = prepared(folder)
        shutil.copytree(versions[0], folder / "served" / "1")
        server = Server(folder / "served")
        try:
            return report(*run(server, cases, versions, folder / "served", args), args)
        finally:
            server.kill()


def prepared(folder: Path) -> tuple[list[Path], list[Case]]:
    """The versions to serve, and inputs with the answers of the Python API."""
    import t2t_mm
    from t2t_mm.serving.export.api import export

    raw = tiny_job.write_raw(folder / "raw").parent
    for steps in _STEPS:
        run_dir = tiny_job.train(raw, folder, steps)
    rng = random.Random(0)
    texts = [" ".join(rng.choices(tiny_job.DIGITS, k=rng.randint(1, 8))) for _ in range(_TEXTS)]
    pictures = [tiny_job.png(rng.choice(list(tiny_job.COLORS)), rng) for _ in range(_PICTURES)]
    inputs = {"tiny_digits": texts, "tiny_colors": pictures}
    versions, answers = [], []
    for steps in _STEPS:
        checkpoint = run_dir / "checkpoints" / f"model-{steps}"
        model = t2t_mm.load(run_dir, checkpoint)
        answers.append(
            {name: [d.output for d in model.decode(name, given)] for name, given in inputs.items()}
        )
        made = export(run_dir, folder / "exports", checkpoint=checkpoint, log=lambda line: None)
        versions.append(made.path)
    cases = [
        Case(name, _row(one), tuple(found[name][index] for found in answers))
        for name, given in inputs.items()
        for index, one in enumerate(given)
    ]
    return versions, cases


def _row(value: str | bytes) -> Any:
    return value if isinstance(value, str) else {"b64": base64.b64encode(value).decode()}


def run(
    server: Server, cases: list[Case], versions: list[Path], folder: Path, args: argparse.Namespace
) -> tuple[list[Seen], list[tuple[float, int]], Served]:
    """Runs clients, reloads and the watch of memory and version until the time is over."""
    begin, served = time.monotonic(), Served()
    end = begin + args.seconds
    seen = [Seen() for _ in range(args.clients)]
    threads = [
        threading.Thread(target=work, args=(server, cases, one, served, end, args, number))
        for number, one in enumerate(seen)
    ]
    for thread in threads:
        thread.start()
    memory, due = [], [begin + args.seconds * share for share in (0.15, 0.3)]
    while time.monotonic() < end:
        if due and time.monotonic() > due[0]:
            due.pop(0)
            number = served.most + 1
            shutil.copytree(versions[number - 1], folder / f".{number}")
            served.most = number
            (folder / f".{number}").rename(folder / str(number))
        served.least = max(served.least, int(server.version()))
        memory.append((time.monotonic() - begin, _resident(server.process.pid)))
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    return seen, memory, served


def work(
    server: Server,
    cases: list[Case],
    seen: Seen,
    served: Served,
    end: float,
    args: argparse.Namespace,
    number: int,
) -> None:
    """One client: asks, waits for the answer, asks again."""
    rng = random.Random(f"{args.seed}/{number}")
    connection = http.client.HTTPConnection(server.address, timeout=90)
    while time.monotonic() < end:
        case = rng.choice(cases)
        body = json.dumps({"signature_name": case.problem, "instances": [case.row]}).encode()
        bad = rng.random() < args.malformed
        if bad:
            body = malformed(rng, case, body)
        begin, least = time.monotonic(), served.least
        try:
            status, answer = _ask(connection, body, seen)
        except (OSError, http.client.HTTPException, ValueError) as error:
            seen.lost.append(f"{type(error).__name__}: {error}")
            connection.close()
            continue
        seen.seconds.append(time.monotonic() - begin)
        if bad:
            _judge_refusal(seen, status, answer, body)
        else:
            _judge_answer(seen, status, answer, case, range(least, served.most + 1))


def _ask(connection: http.client.HTTPConnection, body: bytes, seen: Seen) -> tuple[int, Any]:
    for pause in (0.1, 0.2, 0.4, 0.8, 1.6, 0.0):
        connection.request("POST", "/v1/models/t2t_mm:predict", body)
        response = connection.getresponse()
        status, answer = response.status, json.loads(response.read())
        if status not in _BUSY:
            break
        seen.busy += 1
        time.sleep(pause)
    return status, answer


def malformed(rng: random.Random, case: Case, body: bytes) -> bytes:
    """A body that no server may answer with 200."""
    name = case.problem
    wrong: list[Any] = [
        {"signature_name": name},
        {"signature_name": name, "instances": []},
        {"signature_name": name, "instances": [case.row], "inputs": [case.row]},
        {"signature_name": name, "instances": [case.row, None]},
        {"signature_name": name, "instances": [{"input": case.row}]},
        {"signature_name": name, "instances": [{"b64": "=not base64="}]},
        {"signature_name": f"{name}_", "instances": [case.row]},
        {"signature_name": 3, "instances": [case.row]},
        {"signature_name": "tiny_colors", "instances": ["a text"]},
        {"signature_name": "tiny_colors", "instances": [_row(rng.randbytes(50))]},
        {"signature_name": "tiny_digits", "instances": ["one " * 5000]},
        [case.row],
    ]
    cut = body[: rng.randrange(len(body))]
    return rng.choice((cut, b"\xff" + body, *(json.dumps(one).encode() for one in wrong)))


def _judge_refusal(seen: Seen, status: int, answer: Any, body: bytes) -> None:
    if 400 <= status < 500 and list(answer) == ["error"] and answer["error"]:
        seen.refused += 1
    else:
        seen.wrong.append(f"malformed {body[:80]!r} is answered {status}: {str(answer)[:200]}")


def _judge_answer(seen: Seen, status: int, answer: Any, case: Case, possible: range) -> None:
    if status != 200:
        seen.lost.append(f"status {status}: {str(answer)[:200]}")
        return
    seen.answered += 1
    got = answer["predictions"][0]["outputs"][0]
    fitting = [number for number in possible if case.wanted[number - 1] == got]
    if fitting:
        seen.by_version[fitting[0] if len(fitting) == 1 else 0] += 1
    else:
        wanted = {number: case.wanted[number - 1] for number in possible}
        seen.wrong.append(f"{case.problem} {str(case.row)[:60]}: {got!r}, not {wanted}")


def _resident(process: int) -> int:
    """Bytes of memory that a process takes."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def report(
    seen: list[Seen], memory: list[tuple[float, int]], served: Served, args: argparse.Namespace
) -> int:
    """Prints the sums.

    Returns:
      0 if nothing is lost, wrong or growing.
    """
    lost = [line for one in seen for line in one.lost]
    wrong = [line for one in seen for line in one.wrong]
    times = sorted(second for one in seen for second in one.seconds)
    middle = _median(memory, 0.5 * args.seconds, 0.6 * args.seconds)
    last = _median(memory, 0.9 * args.seconds, args.seconds)
    flat = last <= _GROWTH * middle
    print(f"{args.clients} clients, {args.seconds:g} s, versions 1 to {served.least}: "
          f"{sum(one.answered for one in seen):,} answered, "
          f"{sum(one.refused for one in seen):,} malformed refused, {len(lost)} lost, "
          f"{len(wrong)} wrong; {sum(one.busy for one in seen)} times busy")  # fmt: skip
    told = sum((one.by_version for one in seen), Counter())
    print("answers that one version alone gives: "
          + ", ".join(f"version {n} {told[n]:,}" for n in range(1, served.most + 1)))  # fmt: skip
    if times:
        ms = [
            1000 * times[min(len(times) - 1, int(share * len(times)))]
            for share in (0.5, 0.95, 0.99, 1)
        ]
        print("latency ms: p50 {:.0f}, p95 {:.0f}, p99 {:.0f}, longest {:.0f}; ".format(*ms)
              + f"{len(times) / args.seconds:.0f} requests/s")  # fmt: skip
    shares = [
        _median(memory, share * args.seconds, (share + 0.1) * args.seconds)
        for share in (0, 0.2, 0.4)
    ]
    print("memory MB: " + ", ".join(f"{value / 1e6:.0f}" for value in (*shares, middle, last))
          + f", peak {max(value for _, value in memory) / 1e6:.0f}"
          " (from 0, 20, 40, 50 and 90 % of the time on)")  # fmt: skip
    for line in [*lost[:5], *wrong[:5]]:
        print(f"  {line}")
    reloaded = served.least == len(_STEPS)
    return int(bool(lost or wrong) or not flat or not reloaded)


def _median(memory: list[tuple[float, int]], begin: float, end: float) -> float:
    return statistics.median([value for at, value in memory if begin <= at <= end] or [0])


if __name__ == "__main__":
    sys.exit(main())
