"""Exports of several inputs and of numbers, tags and sets: graph, server and client agree."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import uvicorn
from starlette.testclient import TestClient

from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import UserError
from t2t_mm.problem import Split
from t2t_mm.serving.export.api import Exported, export
from t2t_mm.serving.http.client import Client
from t2t_mm.serving.http.server import ServerSettings, load_and_warm_up, make_api
from tests.decoding.decoding_run import png, words
from tests.decoding.kinds_run import (
    KIND_NAMES,
    NUMBER,
    PRICE,
    QUESTION,
    REPLY,
    SET,
    SETS,
    TAG,
    kinds_model,
    kinds_run,
    question,
)

# Lengths differ, so that texts are padded.
ROWS = {
    QUESTION: [{"inputs": png(i), "question": question(Split.DEV, i)} for i in range(4)],
    REPLY: [{"picture": png(i), "about": question(Split.DEV, i)} for i in range(3)],
    NUMBER: [{"inputs": words(Split.DEV, i)} for i in range(4)],
    PRICE: [{"of": SET[i], "price": text} for i, text in enumerate(("3", "0.25", "1e1"))],
    TAG: [{"inputs": words(Split.DEV, i)} for i in range(5)],
    SETS: [{"inputs": png(i)} for i in range(4)],
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory, free_memory) -> Exported:
    run, folder = kinds_run(), tmp_path_factory.mktemp("kinds") / "export"
    written = export(
        run.output_dir, folder, [*KIND_NAMES], data_dir=run.data_dir, log=lambda line: None
    )
    free_memory()
    return written


@pytest.fixture(scope="module")
def saved(exported) -> Iterator[dict]:
    loaded = tf.saved_model.load(str(exported.path))
    yield loaded.signatures


@pytest.fixture(scope="module")
def client(exported) -> Iterator[TestClient]:
    folder = exported.path.parent
    settings = ServerSettings(str(folder), "toy", poll_seconds=0.05, quiet=True)
    api = make_api(settings, folder, load_and_warm_up)
    with TestClient(api.app(), raise_server_exceptions=False) as client:
        until = time.monotonic() + 120
        while client.get("/readyz").status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.05)
        yield client


def columns(rows: list[dict]) -> dict[str, tf.Tensor]:
    return {name: tf.constant([row[name] for row in rows]) for name in rows[0]}


def answers(signature, rows: list[dict]) -> tuple[list[list[str]], np.ndarray]:
    found = signature(**columns(rows))
    texts = [[text.decode() for text in row] for row in found["outputs"].numpy()]
    return texts, found["scores"].numpy()


def decoded(problem: str, rows: list[dict]) -> list:
    raw = rows if len(rows[0]) > 1 else [row["inputs"] for row in rows]
    return kinds_model().decode(problem, raw, DecodeSettings(return_beams=True))


def close(texts: list[str], wanted: list[str], problem: str) -> None:
    if problem == NUMBER:  # its last digits depend on the batch
        np.testing.assert_allclose(list(map(float, texts)), list(map(float, wanted)), rtol=1e-4)
    else:
        assert texts == wanted


@pytest.mark.parametrize("problem", KIND_NAMES)
def test_the_graph_answers_as_the_decoder_does(saved, problem):
    rows = ROWS[problem]
    assert sorted(saved[problem].structured_input_signature[1]) == sorted(rows[0])
    texts, scores = answers(saved[problem], rows)
    for got, found, one in zip(texts, scores, decoded(problem, rows), strict=True):
        close(got, [answer.output for answer in one.alternatives], problem)
        np.testing.assert_allclose(found, [a.score for a in one.alternatives], atol=1e-3)


@pytest.mark.parametrize("problem", [QUESTION, TAG])
def test_a_row_is_answered_as_if_it_were_alone(saved, problem):
    texts, scores = answers(saved[problem], ROWS[problem])
    alone = [answers(saved[problem], [row]) for row in ROWS[problem]]
    assert texts == [rows[0] for rows, _ in alone]
    np.testing.assert_allclose(scores, np.concatenate([s for _, s in alone]), atol=1e-3)


def test_one_input_alone_can_be_explained(saved):
    explained = {name.removeprefix("explain_") for name in saved if name.startswith("explain_")}
    assert explained == {NUMBER, TAG, SETS}
    found = saved[f"explain_{TAG}"](inputs=tf.constant(["red dog"]), outputs=tf.constant(["x x"]))
    assert found["source_pieces"].shape[1] == found["source_experts"].shape[1]


def test_the_card_tells_every_input(exported):
    card = json.loads((exported.path / "assets.extra/t2t_mm.json").read_text(encoding="utf-8"))
    problem = card["problems"][QUESTION]
    assert problem["inputs"] == {"inputs": "image", "question": "text"}
    assert problem["features"] == {
        "inputs": {"kind": "image", "image_size": 16},
        "question": {
            "kind": "text",
            "absent": False,
            "preparation": [],
            "prepared_by_caller": [],
        },
    }
    assert problem["target"]["labels"] == ["yes", "no", "maybe"]
    shown = problem["examples"][0]
    assert set(shown) == {"inputs", "question"} and set(shown["inputs"]) == {"b64"}
    assert card["problems"][NUMBER]["target"] == {"kind": "number", "low": -1, "high": 4}
    assert card["problems"][SETS]["target"]["multiple"]
    price = card["problems"][PRICE]["features"]
    assert price["of"]["labels"] == list(SET) and price["price"]["kind"] == "number"


def json_row(row: dict) -> dict:
    return {
        name: {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
        for name, value in row.items()
    }


def ask(client: TestClient, problem: str, **body):
    return client.post(
        "/v1/models/toy:predict", content=json.dumps({"signature_name": problem, **body})
    )


@pytest.mark.parametrize("problem", KIND_NAMES)
def test_the_server_answers_rows_and_columns(client, saved, problem):
    rows = list(map(json_row, ROWS[problem]))
    texts, scores = answers(saved[problem], ROWS[problem])
    found = ask(client, problem, instances=rows).json()["predictions"]
    by_columns = {name: [row[name] for row in rows] for name in rows[0]}
    other = ask(client, problem, inputs=by_columns).json()["outputs"]
    for index, row in enumerate(found):
        close(row["outputs"], texts[index], problem)
        close(other["outputs"][index], texts[index], problem)
        finite = np.where(scores[index] < -1e8, np.nan, scores[index])
        got = [np.nan if score in (None, -1e9) else score for score in row["scores"]]
        np.testing.assert_allclose(got, finite, atol=1e-3)


@pytest.mark.parametrize(
    ("problem", "row", "sentence"),
    [
        (QUESTION, "is it red ?", 'instances[0] must be an object with "inputs" and "question".'),
        (QUESTION, {"question": "a"}, 'instances[0] lacks "inputs"; give "inputs" and "question".'),
        (QUESTION, {"inputs": "a", "question": "a"}, f"row 0 of {QUESTION} (inputs) is text, but"),
        (
            QUESTION,
            json_row({"inputs": png(0), "question": " "}),
            f"row 0 of {QUESTION} (question) is empty text",
        ),
        (PRICE, {"of": "green", "price": "1"}, "is none of small, big, red"),
        (PRICE, {"of": "red", "price": "a"}, "is not a number"),
    ],
)
def test_what_is_wrong_is_named(client, problem, row, sentence):
    answer = ask(client, problem, instances=[row])
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


@pytest.fixture(scope="module")
def url(exported) -> Iterator[str]:
    """A server at a port."""
    folder = exported.path.parent
    settings = ServerSettings(str(folder), "toy", quiet=True)
    api = make_api(settings, folder, load_and_warm_up)
    server = uvicorn.Server(uvicorn.Config(api.app(), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + 120
    while not server.started or api.versions.current is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_the_client_names_its_inputs(url, tmp_path):
    path = Path(tmp_path / "a.png")
    path.write_bytes(png(1))
    client = Client(url)
    row = ROWS[QUESTION][1]
    want = decoded(QUESTION, [row])[0]
    alone = client.predict(QUESTION, {**row, "inputs": path})
    assert alone.outputs == [answer.output for answer in want.alternatives]
    two = client.predict(QUESTION, ROWS[QUESTION][:2])
    assert two[1].outputs == alone.outputs
    assert client.problems()[QUESTION]["inputs"] == {"inputs": "image", "question": "text"}
    with pytest.raises(UserError, match='must be an object with "inputs" and "question"'):
        client.predict(QUESTION, "is it red ?")
