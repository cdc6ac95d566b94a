"""A real server in a process of its own: load, a new version under load, a full queue, the end."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from t2t_mm.serving.http.client import Client
from tests.serving.serving_toy import png, write_export

MODULE = [sys.executable, "-m", "t2t_mm.bin.t2t_query_server"]
# A server whose model sleeps, without TensorFlow.
SLEEPER = """
import sys, time, types
from t2t_mm.serving.http import server

def answer(columns):
    time.sleep(float(columns["inputs"][0]))
    return [{"outputs": ["done"], "scores": [0.0]} for _ in columns["inputs"]]

signature = types.SimpleNamespace(
    name="nap", problem={"inputs": "text"}, features={"inputs": {"kind": "text"}}, explains=False,
    inputs=("inputs",), answer=answer,
    whole=frozenset())
signature = type("Nap", (), dict(vars(signature), answer=staticmethod(answer)))()
server.load_and_warm_up = lambda path, version: types.SimpleNamespace(
    version=version, card={"problems": {"nap": {}}}, problems=["nap"], in_flight=0,
    signatures={"nap": signature}, signature=lambda name: signature)
if sys.argv[2:]:  # seconds that loading takes
    server.load_and_warm_up = lambda *_: print("begins", flush=True) or time.sleep(
        float(sys.argv[2]))
server.serve(server.ServerSettings(
    sys.argv[1], port=0, grace_seconds=1.0, batching=server.BatchSettings(max_batch_size=1)))
"""


@dataclass
class Running:
    """A server's process."""

    process: subprocess.Popen
    log: Path
    url: str
    export_dir: Path

    def ask(self, text: str) -> tuple[int, dict]:
        """Status and answer, without retries."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=60)
        body = json.dumps({"signature_name": "toy_upper", "instances": [text]})
        connection.request("POST", "/v1/models/t2t_mm:predict", body)
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    def metric(self, name: str) -> float:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])


def start(command: list[str], export_dir: Path, log: Path, sign: str = "is served") -> Running:
    """Starts a server and waits until its log holds the sign."""
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    until = time.monotonic() + 120
    while sign not in log.read_text():
        assert process.poll() is None and time.monotonic() < until, log.read_text()
        time.sleep(0.05)
    url = re.search(r"at (http://\S+?)/ ", log.read_text())[1]
    return Running(process, log, url, export_dir)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("process")
    write_export(folder / "export" / "1", "v1")
    flags = [f"--export_dir={folder / 'export'}", "--port=0", "--poll_seconds=0.1"]
    flags += ["--num_threads=1", "--max_batch_size=4", "--max_queue=16"]
    running = start([*MODULE, *flags], folder / "export", folder / "log.txt")
    yield running
    running.process.kill()
    running.process.wait()


def test_eight_clients_lose_nothing_while_a_new_version_comes(server):
    end = threading.Event()
    seen: list[list[str]] = [[] for _ in range(8)]

    def work(number: int) -> None:
        client = Client(server.url)
        light = client.predict("toy_light", [png(10), png(200)])
        assert [answer.output for answer in light] == ["dark", "bright"]
        while not end.is_set():
            text = f"client {number} asks {len(seen[number])}"
            answer = client.predict("toy_upper", text)
            upper, _, version = answer.output.rpartition(" ")
            assert upper == text.upper()
            seen[number].append(version)

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(work, number) for number in range(8)]
        try:
            time.sleep(0.5)
            write_export(server.export_dir / "2.part", "v2")
            (server.export_dir / "2.part").rename(server.export_dir / "2")
            until = time.monotonic() + 60
            while "version 1 is unloaded" not in server.log.read_text():
                assert time.monotonic() < until, server.log.read_text()
                time.sleep(0.05)
            time.sleep(0.5)
        finally:
            end.set()
        for one in done:
            one.result()
    for versions in seen:
        assert versions == sorted(versions)  # never back to the old one
        assert (versions[0], versions[-1]) == ("v1", "v2")
    assert server.metric("t2t_model_version") == 2


def test_a_full_queue_is_429_and_the_client_comes_back(server):
    # Four run, sixteen wait, the others are sent away: however fast the machine, they are together.
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(server.ask, ["slow 100000 a"] * 40))
    codes = Counter(status for status, _ in answers)
    assert set(codes) == {200, 429}, codes
    assert codes[200] >= 16
    assert all("rows wait already" in body["error"] for status, body in answers if status == 429)
    clients = [Client(server.url, retries=20) for _ in range(30)]
    with ThreadPoolExecutor(30) as pool:
        outputs = pool.map(lambda one: one.predict("toy_upper", "slow 20000 b").output, clients)
        assert set(outputs) == {"SLOW 20000 B v2"}


def test_sigterm_finishes_what_is_in_flight(server):
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(server.ask, f"slow 100000 {number}") for number in range(8)]
        while server.metric("t2t_requests_in_flight") < 9:  # this one included
            assert not all(one.done() for one in asked), "too fast to be caught in flight"
        server.process.send_signal(signal.SIGTERM)
        for number, one in enumerate(asked):
            status, body = one.result()
            assert status == 200
            assert body["predictions"][0]["outputs"][0] == f"SLOW 100000 {number} v2"
    assert server.process.wait(30) == 0
    log = server.log.read_text()
    assert "everything in flight was answered" in log
    assert re.search(r"POST /v1/models/t2t_mm:predict 200 \d+ ms toy_upper rows=1\n", log)
    assert "Traceback" not in log
    with pytest.raises(ConnectionRefusedError):
        server.ask("a")


def empty_version(tmp_path: Path) -> Path:
    """A version folder for servers that do not read it."""
    folder = tmp_path / "export" / "1"
    for name in ("saved_model.pb", "variables/variables.index", "variables/variables.data-0",
                 "assets.extra/t2t_mm.json"):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return folder


def test_a_version_that_loads_does_not_hold_up_the_end(tmp_path):
    folder = empty_version(tmp_path)
    command = [sys.executable, "-c", SLEEPER, str(folder.parent), "60"]
    running = start(command, folder.parent, tmp_path / "log.txt", "begins")
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(30) == 0
    assert "stopped while a version was still loading." in running.log.read_text()


def test_the_end_is_bounded_by_the_grace(tmp_path):
    folder = empty_version(tmp_path)
    command = [sys.executable, "-c", SLEEPER, str(folder.parent)]
    running = start(command, folder.parent, tmp_path / "log.txt")
    with ThreadPoolExecutor(2) as pool:
        naps = [pool.submit(running.ask, seconds) for seconds in ("0.5", "60")]
        while running.metric("t2t_batches_running") < 2:
            assert not naps[0].done(), "both were never running at the same time"
        running.process.send_signal(signal.SIGINT)
        assert naps[0].result()[0] == 200
        assert running.process.wait(30) == 0
        assert naps[1].result() == (503, {"error": "the server stops before it could answer."})
    assert "while the model was still running (--grace_seconds)" in running.log.read_text()
