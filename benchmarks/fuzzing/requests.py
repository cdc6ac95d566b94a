"""Targets: bodies of :predict, as JSON and as bytes; the export's card; t2t-decoder's inputs."""

from __future__ import annotations

import base64
import gzip
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import tiny_job
from benchmarks.fuzzing.mutation import damaged_bytes, damaged_tree, odd_text, packed_bytes
from benchmarks.fuzzing.samples import pictures
from benchmarks.fuzzing.target import KEPT, REFUSED, Fault, Try, check, refusal
from t2t_mm.errors import UserError

_PNG = pictures()["RGB.png"]
_PATHS = ("/v1/models/fuzz:predict", "/v1/models/fuzz/versions/1:predict")


def made_run() -> Path:
    """A run directory that is there until the process ends."""
    holder = tempfile.mkdtemp(prefix="fuzzing-run-")
    return tiny_job.train(tiny_job.write_raw(Path(holder) / "raw").parent, Path(holder))


def make_bodies() -> Try:
    """Bodies for an export of two problems: 200, or 4xx with a sentence.

    A body that nobody touched gets the answer that it always gets.
    """
    from starlette.testclient import TestClient

    from t2t_mm.serving.export.api import export
    from t2t_mm.serving.http.limits import Limits
    from t2t_mm.serving.http.server import ServerSettings, load_and_warm_up, make_api

    run = made_run()
    folder = run.parent / "export"
    export(run, folder, log=lambda line: None)
    settings = ServerSettings(
        str(folder), "fuzz", poll_seconds=0, quiet=True, limits=Limits(body_bytes=1 << 20)
    )
    api = make_api(settings, folder, load_and_warm_up)
    client = TestClient(api.app(), raise_server_exceptions=True)
    client.__enter__()
    while client.get("/readyz").status_code != 200:
        pass
    wholes = [json.dumps(body).encode() for body in _bodies()]
    answers = [_answer(client, _PATHS[0], body, {}) for body in wholes]
    check(all(status == 200 for status, _ in answers), str(answers)[:500])

    def once(rng: random.Random, folder: Path) -> str:
        number = rng.randrange(len(wholes))
        body, headers = _damaged_body(rng, wholes[number])
        path = (
            _PATHS[0]
            if rng.random() < 0.95
            else rng.choice((_PATHS[1], f"/v1/models/{rng.randrange(9)}:predict"))
        )
        status, content = _answer(client, path, body, headers)
        if body == wholes[number] and path == _PATHS[0] and not headers:
            check((status, content) == answers[number], f"another answer: {content}")
        if status == 200:
            return KEPT
        check(400 <= status < 500, f"status {status}: {content}")
        check(list(content) == ["error"] and 0 < len(content["error"]) < 2000, str(content)[:500])
        return REFUSED

    return once


def _answer(client: Any, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    response = client.post(path, content=body, headers=headers)
    try:
        return response.status_code, json.loads(response.content)
    except ValueError:
        raise Fault(f"the answer is no JSON: {response.content[:200]!r}") from None


def _bodies() -> list[dict[str, Any]]:
    picture = {"b64": base64.b64encode(_PNG).decode()}
    return [
        {"signature_name": "tiny_digits", "instances": ["one two", "three"]},
        {
            "signature_name": "tiny_digits",
            "instances": [{"inputs": "four"}, {"inputs": {"b64": "Zml2ZQ=="}}],
        },
        {"signature_name": "tiny_digits", "inputs": ["six"]},
        {"signature_name": "tiny_digits", "inputs": {"inputs": ["seven eight", "nine"]}},
        {"signature_name": "tiny_colors", "instances": [picture, picture]},
        {"signature_name": "tiny_colors", "inputs": {"inputs": [picture]}},
        {"signature_name": "explain_tiny_digits", "instances": [{"inputs": "one", "outputs": "1"}]},
    ]


def _damaged_body(rng: random.Random, whole: bytes) -> tuple[bytes, dict[str, str]]:
    way = rng.random()
    if way < 0.05:
        return whole, {}
    if way < 0.1:
        packed = gzip.compress(whole, mtime=0)
        return (packed if rng.random() < 0.5 else damaged_bytes(rng, packed)), {
            "content-encoding": "gzip"
        }
    if way < 0.5:
        try:
            return json.dumps(damaged_tree(rng, json.loads(whole))).encode(), {}
        except (ValueError, OverflowError, RecursionError):
            return b"", {}
    if way < 0.6:
        values = json.loads(whole)
        rows = values.get("instances") or values["inputs"]
        if isinstance(rows, list):
            rows[0] = {"b64": base64.b64encode(damaged_bytes(rng, _PNG)).decode()}
        return json.dumps(values).encode(), {}
    if way < 0.65:
        return json.dumps(
            {"signature_name": "tiny_digits", "instances": [odd_text(rng)]}
        ).encode(), {}
    if way < 0.67:
        return rng.choice(
            (b"[" * 100_000, b'{"a":' * 50_000, b"1" * 10_000, b"", b'{"instances": []}')
        ), {}
    return damaged_bytes(rng, whole), {}


def make_decoder_inputs() -> Try:
    """Files of --decode_from_file: as many inputs as lines, each stored or refused by its line."""
    from t2t_mm.decoding.encoded_inputs import EncodedInputs
    from t2t_mm.decoding.input_files import read_inputs
    from t2t_mm.runs.trained_run import open_run

    run = open_run(made_run())

    def once(rng: random.Random, folder: Path) -> str:
        name = rng.choice(list(run.tasks))
        lines = [
            " ".join(rng.choices(tiny_job.DIGITS, k=rng.randint(1, 4)))
            for _ in range(rng.randint(1, 5))
        ]
        if name == "tiny_colors":
            lines = [f"{i}.png" for i in range(len(lines))]
            for line in lines:
                (folder / line).write_bytes(
                    _PNG if rng.random() < 0.8 else damaged_bytes(rng, _PNG)
                )
        content = "\n".join(lines).encode() + b"\n"
        way = rng.random()
        if way < 0.5:
            line = rng.randrange(len(lines))
            lines[line] = odd_text(rng).replace("\n", " ").replace("\r", " ")
            content = "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n"
        elif way < 0.8:
            content = rng.choice((damaged_bytes, packed_bytes))(rng, content)
        path = folder / "in.txt"
        path.write_bytes(content)
        try:
            found = read_inputs(run.tasks[name], str(path))
            contents = EncodedInputs(found, run.vocabularies)
            for index in range(len(found)):
                contents[index]
        except UserError as error:
            return refusal(error)
        if way < 0.5:
            check(len(found) == len(lines), f"{len(found)} inputs of {len(lines)} lines")
        return KEPT

    return once


TARGETS: dict[str, Callable[[], Try]] = {
    "rest_bodies": make_bodies,
    "decoder_inputs": make_decoder_inputs,
}
