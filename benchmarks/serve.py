"""How a running server stands N clients at once, and whether each answer is the right one.

    t2t-query-server --export_dir=DIR --quiet &
    python benchmarks/serve.py --url=http://127.0.0.1:8501 --clients=8 --seconds=60 \
        --case=translate_ende_shapes,english.txt,english.txt.decodes --case=caption_shapes,list.txt

A case is PROBLEM,INPUTS or PROBLEM,INPUTS,ANSWERS. INPUTS has a text per line, of a problem over
images or sounds a path per line, of one with several inputs a JSON object of them. ANSWERS is
what t2t-decoder wrote for it, a line an input; without it the answers are obtained first, by single
requests, one after another. Every client sends one row a request, drawn at random among all cases,
and waits for the answer. Exit status 1 if any request is lost or any answer differs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from t2t_mm.errors import UserError
from t2t_mm.registry import KINDS
from t2t_mm.serving.http.client import Client, Input, ServerError

_SHOWN = 5  # wrong answers


@dataclass(frozen=True)
class Case:
    """An input and its offline answer."""

    problem: str
    inputs: Input
    wanted: str


@dataclass
class StepStats:
    """What one client saw."""

    seconds: list[float] = field(default_factory=list)  # of each answer
    by_problem: Counter = field(default_factory=Counter)
    errors: Counter = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def main() -> int:
    """Loads the server, prints what came back."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8501")
    parser.add_argument("--case", action="append", required=True, help="PROBLEM,INPUTS[,ANSWERS]")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--retries", type=int, default=5, help="after 429 and 503")
    args = parser.parse_args()
    cases = [case for words in args.case for case in read_cases(Client(args.url), words)]
    print(f"{len(cases)} inputs of {len({case.problem for case in cases})} problems; "
          f"{args.clients} clients, {args.seconds:g} s")  # fmt: skip
    begin = time.monotonic()
    tallies = load(args.url, cases, args.clients, args.seconds, args.seed, args.retries)
    return report(tallies, time.monotonic() - begin)


def read_cases(client: Client, words: str) -> list[Case]:
    """The cases of one --case."""
    problem, inputs, *answers = words.split(",")
    lines = _lines(inputs)
    features = client.problems()[problem]["features"]
    values = [_input(line, features, Path(inputs).parent) for line in lines]
    if answers:
        wanted = _lines(answers[0])
    else:
        wanted = [_one_line(client.predict(problem, value).output) for value in values]
    if len(wanted) != len(lines):
        raise SystemExit(f"{inputs} has {len(lines)} lines, {answers[0]} {len(wanted)}.")
    return [Case(problem, *pair) for pair in zip(values, wanted, strict=True)]


def _input(line: str, features: Mapping[str, Any], folder: Path) -> Input:
    """The input that a line stands for."""
    values = json.loads(line) if len(features) > 1 else dict.fromkeys(features, line)
    for name, feature in features.items():
        if KINDS.get(feature["kind"]).suffixes:  # a file's
            values[name] = (folder / values[name]).read_bytes()
    return values if len(features) > 1 else next(iter(values.values()))


def load(
    url: str, cases: list[Case], clients: int, seconds: float, seed: int, retries: int
) -> list[StepStats]:
    """Runs the clients; each starts no request after `seconds`, and waits for its last one."""
    tallies = [StepStats() for _ in range(clients)]
    end = time.monotonic() + seconds

    def work(index: int) -> None:
        client, draw = Client(url, retries=retries), random.Random(seed + index)
        while time.monotonic() < end:
            ask(client, draw.choice(cases), tallies[index])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tallies


def ask(client: Client, case: Case, tally: StepStats) -> None:
    """One request, counted as answered, wrong or lost."""
    begin = time.monotonic()
    try:
        got = _one_line(client.predict(case.problem, case.inputs).output)
    except (UserError, ServerError) as error:
        tally.errors[str(error)] += 1
        return
    tally.seconds.append(time.monotonic() - begin)
    tally.by_problem[case.problem] += 1
    if got != case.wanted:
        tally.wrong.append(
            f"{case.problem}: {repr(case.inputs)[:60]}: {got!r}, not {case.wanted!r}"
        )


def report(tallies: list[StepStats], wall: float) -> int:
    """Prints the sums.

    Returns:
      0 if nothing was lost and every answer was right.
    """
    times = sorted(one for tally in tallies for one in tally.seconds)
    errors = sum((tally.errors for tally in tallies), Counter())
    wrong = [line for tally in tallies for line in tally.wrong]
    problems = sum((tally.by_problem for tally in tallies), Counter())
    print(f"answered {len(times)}, lost {errors.total()}, wrong {len(wrong)}; "
          f"{len(times) / wall:.1f} requests/s over {wall:.1f} s")  # fmt: skip
    if times:
        shares = (0.5, 0.95, 0.99, 1.0)
        ms = [1000 * times[min(len(times) - 1, int(share * len(times)))] for share in shares]
        print("latency ms: p50 {:.0f}, p95 {:.0f}, p99 {:.0f}, longest {:.0f}".format(*ms))
    print("by problem: " + ", ".join(f"{name} {n}" for name, n in sorted(problems.items())))
    for sentence, count in errors.most_common(_SHOWN):
        print(f"  {count} x {sentence}")
    for line in wrong[:_SHOWN]:
        print(f"  {line}")
    return int(bool(errors or wrong))


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").split("\n")[:-1]


def _one_line(text: str) -> str:
    """As t2t-decoder writes it: a line break becomes a space."""
    return " ".join(text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
