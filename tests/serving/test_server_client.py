"""The Python client against a scripted server: what is sent, retries, errors as sentences."""

from __future__ import annotations

import base64
import io
import json
import sys
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
import soundfile

from t2t_mm.errors import UserError
from t2t_mm.kinds.sound_files import stored_sound
from t2t_mm.serving.http.client import Answer, Client, ServerError

GOOD = {"predictions": [{"outputs": ["x", "y"], "scores": [-0.5, None]}]}


class Script:
    """A server that gives prepared answers and remembers the requests."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, object]] = []
        self.requests: list[tuple[str, object]] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self._answer(None)

            def do_POST(self):
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _answer(self, body):
                script.requests.append((self.path, body))
                status, content = script.answers.pop(0)
                sent = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(sent)))
                if status == 418:  # closes without having said so
                    self.close_connection = True
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()
    thread = Thread(target=script.http.serve_forever)
    thread.start()
    yield script
    script.http.shutdown()
    thread.join()
    script.http.server_close()


@pytest.fixture(autouse=True)
def pauses(monkeypatch) -> list[float]:
    """The pauses that were asked for; none is made."""
    asked: list[float] = []
    monkeypatch.setattr("t2t_mm.serving.http.client.time.sleep", asked.append)
    return asked


def test_text_bytes_and_paths(script, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG")
    encoded = {"b64": base64.b64encode(b"\x89PNG").decode()}
    script.answers = [(200, {"models": ["m"]}), (200, GOOD),
                      (200, {"predictions": GOOD["predictions"] * 3})]  # fmt: skip
    client = Client(script.url)
    assert client.predict("p", "ä") == Answer(["x", "y"], [-0.5, None])
    three = client.predict("p", [b"\x89PNG", path, "t"])
    assert [answer.output for answer in three] == ["x"] * 3
    assert client.predict("p", []) == []
    assert script.requests == [
        ("/v1/models", None),
        ("/v1/models/m:predict", {"signature_name": "p", "instances": ["ä"]}),
        ("/v1/models/m:predict", {"signature_name": "p", "instances": [encoded, encoded, "t"]}),
    ]


def test_several_inputs_by_name(script, tmp_path):
    """A mapping is one input, a list of mappings several."""
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG")
    row = {"inputs": {"b64": base64.b64encode(b"\x89PNG").decode()}, "question": "which?"}
    script.answers = [(200, GOOD), (200, {"predictions": GOOD["predictions"] * 2})]
    client, asked = Client(script.url, model="m"), {"inputs": path, "question": "which?"}
    assert client.predict("p", asked) == Answer(["x", "y"], [-0.5, None])
    both = client.predict("p", [asked, {**asked, "inputs": b"\x89PNG"}])
    assert [answer.output for answer in both] == ["x", "x"]
    bodies = [body for _, body in script.requests]
    assert bodies == [{"signature_name": "p", "instances": n * [row]} for n in (1, 2)]
    with pytest.raises(UserError, match=r"missing\.png cannot be read \(No such file"):
        client.predict("p", {**asked, "inputs": tmp_path / "missing.png"})


def test_explain_names_its_input(script):
    script.answers = [(200, {"outputs": {"grid": [0, 0]}})]
    Client(script.url, model="m").explain("p", {"question": "a"}, "x")
    columns = {"question": ["a"], "outputs": ["x"]}
    assert script.requests[0][1] == {"signature_name": "explain_p", "inputs": columns}


def test_explain_and_problems(script):
    script.answers = [(200, {"outputs": {"grid": [0, 0]}}), (200, {"problems": {"p": {}}})]
    client = Client(script.url, model="m")
    assert client.explain("p", "a", "x") == {"grid": [0, 0]}
    assert client.problems() == {"p": {}}
    columns = {"inputs": ["a"], "outputs": ["x"]}
    assert script.requests[0][1] == {"signature_name": "explain_p", "inputs": columns}


def test_a_busy_server_is_asked_again_after_growing_pauses(script, pauses):
    script.answers = [(429, {"error": "busy"}), (503, b"no JSON"), (429, {}), (200, GOOD)]
    assert Client(script.url, model="m").predict("p", "a").output == "x"
    assert len(pauses) == 3
    assert all(low <= got <= 1.5 * low for low, got in zip((0.1, 0.2, 0.4), pauses, strict=True))


def test_a_server_that_stays_busy(script, pauses):
    script.answers = [(429, {"error": "7 rows wait already"})] * 3
    with pytest.raises(ServerError, match="7 rows wait already"):
        Client(script.url, model="m", retries=2).predict("p", "a")
    assert len(pauses) == 2


def test_refusals_and_failures(script, pauses):
    script.answers = [(400, {"error": "row 0 is text."}), (500, {"error": "failed"}), (404, b"[]")]
    client = Client(script.url, model="m")
    with pytest.raises(UserError, match=r"row 0 is text\."):
        client.predict("p", "a")
    with pytest.raises(ServerError, match="failed"):
        client.predict("p", "a")
    with pytest.raises(UserError, match="got list"):
        client.predict("p", "a")
    assert not pauses


def test_an_idle_connection_that_the_server_closed_is_made_anew(script):
    script.answers = [(418, {"error": "teapot"}), (200, GOOD)]
    client = Client(script.url, model="m")
    with pytest.raises(UserError, match="teapot"):
        client.predict("p", "a")
    assert client.predict("p", "a").output == "x"


@pytest.mark.parametrize("content", [b"<html>It works</html>", {"models": []}, {"models": "m"}])
def test_a_server_of_another_kind(script, content):
    script.answers = [(200, content)]
    with pytest.raises(UserError, match=rf"{script.url} answers without 'models'; is t2t-query-s"):
        Client(script.url).predict("p", "a")
    script.answers = [(200, {"problems": ["p"]})]
    with pytest.raises(UserError, match="answers without 'problems'"):
        Client(script.url, model="m").problems()


def test_no_server_and_no_url(tmp_path):
    with pytest.raises(UserError, match=r"no answer from http://127\.0\.0\.1:9 \(Connection refu"):
        Client("127.0.0.1:9", model="m").predict("p", "a")
    for url in ("ftp://x", "http://", ""):
        with pytest.raises(UserError, match="is not a server's URL"):
            Client(url)
    with pytest.raises(UserError, match=r"missing\.png cannot be read \(No such file"):
        Client("127.0.0.1:9", model="m").predict("p", tmp_path / "missing.png")


def test_sounds_are_converted_for_a_server_that_runs_the_graph_alone(script):
    def sent(value: bytes, **options: int) -> bytes:
        script.answers = [(200, GOOD)]
        Client(script.url, model="m", **options).predict("p", value)
        return base64.b64decode(script.requests[-1][1]["instances"][0]["b64"])

    flac = io.BytesIO()
    tone = np.sin(np.arange(3200) / 20)
    soundfile.write(flac, np.stack([tone, -0.5 * tone], 1), 16_000, format="FLAC")
    assert sent(flac.getvalue()) == flac.getvalue()
    wav = sent(flac.getvalue(), sample_rate=8000)
    with wave.open(io.BytesIO(wav)) as file:
        assert file.getparams()[:4] == (1, 2, 8000, 1600)
        assert file.readframes(1600) == stored_sound(flac.getvalue(), 8000)
    assert sent(wav, sample_rate=8000) == wav
    assert sent(b"\x89PNG", sample_rate=8000) == b"\x89PNG"


def test_converting_without_its_library_is_a_sentence(script, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    client = Client(script.url, model="m", sample_rate=8000)
    with pytest.raises(
        UserError,
        match=r"^sample_rate=8000 makes the client convert sounds, which "
        r"takes soundfile and soxr \(.*\); install them, or leave sample_rate out",
    ):
        client.predict("p", b"RIFF")
