"""The application over a real SavedModel: TensorFlow Serving's shape, and every refusal."""

from __future__ import annotations

import base64
import gzip
import io
import json
import math
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from t2t_mm.serving.http.batching import BatchSettings
from t2t_mm.serving.http.limits import Limits
from t2t_mm.serving.http.server import ServerSettings, load_and_warm_up, make_api
from tests.serving.serving_toy import png, wav, write_export

MODEL = "/v1/models/toy"
LIMITS = Limits(body_bytes=20_000, text_bytes=100, pixels=10_000, audio_seconds=0.5)


def settings(folder: Path, **changed) -> ServerSettings:
    return ServerSettings(
        str(folder), "toy", poll_seconds=0.05, limits=LIMITS, quiet=True, **changed
    )


@pytest.fixture(scope="session")
def export_dir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("serving") / "export"
    write_export(folder / "7", "v7")
    return folder


@pytest.fixture(scope="module")
def api(export_dir):
    return make_api(settings(export_dir), export_dir, load_and_warm_up)


@pytest.fixture(scope="module")
def client(api):
    with TestClient(api.app(), raise_server_exceptions=False) as client:
        wait_ready(client)
        yield client


def wait_ready(client: TestClient) -> None:
    until = time.monotonic() + 60
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.02)


def b64(content: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(content).decode()}


def predict(client: TestClient, name: str | None, **body):
    if name:
        body["signature_name"] = name
    return client.post(f"{MODEL}:predict", content=json.dumps(body))


def refusal(response, status: int) -> str:
    assert response.status_code == status, response.text
    assert list(response.json()) == ["error"]
    return response.json()["error"]


def test_rows(client):
    """Two outputs are an object each row; a hypothesis without a score has null."""
    answer = predict(client, "toy_upper", instances=["Äb", {"inputs": "cd"}, b64(b"E")])
    assert answer.status_code == 200
    rows = answer.json()["predictions"]
    assert [row["outputs"] for row in rows] == [
        ["ÄB v7", "Äb v7"],
        ["CD v7", "cd v7"],
        ["E v7", "e v7"],
    ]
    # float32's shortest decimal, not its 17 digits as a double.
    assert [row["scores"] for row in rows] == [[-0.3, None], [-0.2, None], [-0.1, None]]


def test_columns(client):
    for inputs in (["ab", "cd"], {"inputs": ["ab", "cd"]}):
        answer = predict(client, "toy_upper", inputs=inputs).json()
        assert answer == {
            "outputs": {
                "outputs": [["AB v7", "ab v7"], ["CD v7", "cd v7"]],
                "scores": [[-0.2, None], [-0.2, None]],
            }
        }


def test_the_explicit_version(client):
    body = {"signature_name": "toy_upper", "instances": ["a"]}
    assert client.post(f"{MODEL}/versions/7:predict", json=body).status_code == 200
    for version in ("6", "07", "x"):
        sentence = refusal(client.post(f"{MODEL}/versions/{version}:predict", json=body), 404)
        assert sentence == f"version '{version}' is not served; 7 is."


def test_pictures_of_every_common_format(client):
    picture = Image.new("RGB", (5, 3), (250, 250, 250))
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"):
        out = io.BytesIO()
        picture.save(out, kind)
        answer = predict(client, "toy_light", instances=[b64(out.getvalue()), b64(png(10))])
        labels = [row["outputs"] for row in answer.json()["predictions"]]
        assert labels == [["bright", "dark"], ["dark", "bright"]], kind


def test_sounds_are_resampled_to_the_problems_rate(client):
    import soundfile

    flac = io.BytesIO()
    soundfile.write(flac, np.zeros(16_000 // 4), 16_000, format="FLAC")
    sounds = [b64(wav(40)), b64(wav(160, rate=32_000)), b64(flac.getvalue())]
    rows = predict(client, "toy_samples", instances=sounds).json()["predictions"]
    assert [row["outputs"] for row in rows] == [["40"], ["40"], ["2000"]]


def test_explain(client):
    body = {"inputs": ["a b"], "outputs": ["x y"]}
    answer = predict(client, "explain_toy_upper", inputs=body).json()["outputs"]
    assert answer == {
        "source_pieces": [["a", "b"]],
        "target_pieces": [["x", "y"]],
        "attention": [[[1.0, 0.0], [0.0, 1.0]]],
        "grid": [0, 0],
    }
    row = predict(client, "explain_toy_upper", instances=[{"inputs": "a", "outputs": "x"}]).json()
    assert row["predictions"] == [
        {"source_pieces": ["a"], "target_pieces": ["x"], "attention": [[1.0]], "grid": [0, 0]}
    ]


def test_status_metadata_and_problems(client):
    assert client.get("/v1/models").json() == {"models": ["toy"]}
    state = {
        "version": "7",
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    for path in (MODEL, f"{MODEL}/versions/7"):
        assert client.get(path).json() == {"model_version_status": [state]}
    assert refusal(client.get(f"{MODEL}/versions/8"), 404) == "unknown version '8'."
    metadata = client.get(f"{MODEL}/metadata").json()
    assert metadata["model_spec"] == {"name": "toy", "signature_name": "", "version": "7"}
    definitions = metadata["metadata"]["signature_def"]["signature_def"]
    assert set(definitions) == {"toy_upper", "toy_light", "toy_samples", "explain_toy_upper"}
    assert definitions["toy_upper"]["inputs"]["inputs"] == {
        "dtype": "DT_STRING",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
        "name": "inputs",
    }
    assert definitions["toy_upper"]["outputs"]["scores"]["dtype"] == "DT_FLOAT"
    problems = client.get(f"{MODEL}/problems").json()
    assert (problems["name"], problems["version"], problems["model"]) == ("toy", "7", "toy")
    assert problems["problems"]["toy_light"]["labels"] == ["dark", "bright"]
    assert problems["explained"] == ["toy_upper"]


def test_names_that_are_not_there(client):
    known = "toy_upper, toy_light, toy_samples"
    unknown = predict(client, "toy", instances=["a"])
    sentence = f'unknown signature_name "toy"; the problems are {known}, each with explain_NAME '
    assert refusal(unknown, 404).startswith(sentence)
    for name in (None, "serving_default"):
        sentence = refusal(predict(client, name, instances=["a"]), 400)
        assert sentence == f"several problems are served; signature_name is one of {known}."
    for path in ("", "/metadata", "/problems", "/versions/7"):
        sentence = refusal(client.get(f"/v1/models/other{path}"), 404)
        assert sentence == "unknown model 'other'; 'toy' is served."
    assert "no such path" in refusal(client.get("/v1/nothing"), 404)
    assert "no such path" in refusal(client.post(f"{MODEL}:classify", json={}), 404)
    assert "GET is not allowed" in refusal(client.get(f"{MODEL}:predict"), 405)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("toy_upper", b64(b"\xff\xfe"), "row 1 of toy_upper is not valid UTF-8 (invalid start b"),
        ("toy_upper", b64(png()), "is not valid UTF-8"),
        ("toy_upper", "\ud800", "holds half of a surrogate pair"),
        ("toy_upper", " ", "row 1 of toy_upper is empty text; give at least one character."),
        ("toy_upper", "a" * 101, "has 101 bytes of text; at most 100 are allowed"),
        ("toy_upper", "refuse me", "row 1 of toy_upper is refused by the toy."),
        ("toy_light", "a cat", "row 1 of toy_light is text, but this problem takes an image;"),
        ("toy_light", b64(b"a cat"), "is not an image, but this problem takes one"),
        ("toy_light", b64(wav()), "is not an image, but this problem takes one"),
        ("toy_light", b64(png()[:-20]), "row 1 of toy_light is not an image that can be decoded"),
        ("toy_light", b64(png(size=90)[:-60]), "is not an image that can be decoded"),
        ("toy_light", b64(png()[:30]), "is not an image"),
        ("toy_light", b64(png(size=101)), "has 101 x 101 pixels; at most 10,000 are allowed"),
        ("toy_samples", "a word", "row 1 of toy_samples is text, but this problem takes a sound;"),
        ("toy_samples", b64(png()), "is not a sound that can be decoded (Format not recognised)"),
        ("toy_samples", b64(wav()[:-9]), "(it breaks off after 71 of 80 bytes)"),
        ("toy_samples", b64(wav()[:20]), "is not a sound"),
        ("toy_samples", b64(wav(0)), "it holds no samples"),
        ("toy_samples", b64(wav(4400)), "has 0.55 seconds; at most 0.5 are allowed"),
    ],
)
def test_rows_of_another_modality_or_damaged(client, name, value, sentence):
    good = {"toy_upper": "a", "toy_light": b64(png()), "toy_samples": b64(wav())}[name]
    response = predict(client, name, instances=[good, value])
    assert sentence in refusal(response, 400)
    assert predict(client, name, instances=[good]).status_code == 200


def test_a_language_model_takes_empty_text_and_prompts(tmp_path):
    write_export(tmp_path / "1", "v1", ("toy_model", "toy_upper"))
    served = make_api(settings(tmp_path), tmp_path, load_and_warm_up)
    with TestClient(served.app(), raise_server_exceptions=False) as client:
        wait_ready(client)
        response = predict(client, "toy_model", instances=["", "yes, "])
        texts = ["once upon a time", "yes, once upon a time"]
        rows = [{"outputs": [text], "scores": [0.0]} for text in texts]
        assert response.json() == {"predictions": rows}
        assert "is empty text" in refusal(predict(client, "toy_model", instances=[" "]), 400)
        assert "is empty text" in refusal(predict(client, "toy_upper", instances=[""]), 400)


def test_what_the_graph_alone_refuses(client, monkeypatch):
    """A damaged picture that passed the checks gets TensorFlow's reason in a sentence."""
    monkeypatch.setattr("t2t_mm.serving.http.app.checked_row", lambda *_: png()[:-20])
    sentence = refusal(predict(client, "toy_light", instances=["x"]), 400)
    assert sentence.startswith("row 0 of toy_light cannot be read (")
    assert "\n" not in sentence and "{{" not in sentence and "[[" not in sentence


def test_malformed_bodies(client):
    for content, status in ((b"{", 400), (b"\xff", 400), (b"x" * 20_001, 413), (b"", 400)):
        refusal(client.post(f"{MODEL}:predict", content=content), status)
    chunks = (b"x" * 1000 for _ in range(21))
    sentence = refusal(client.post(f"{MODEL}:predict", content=chunks), 413)
    assert "at most 20,000 are allowed (--max_body_mb)" in sentence
    refusal(client.post(f"{MODEL}:predict", content=(b"x" * 10_000 for _ in range(100))), 413)


def test_many_at_once_are_batched_and_each_gets_its_own(client, api):
    """One bad row among them fails alone."""
    before = api.metrics._registry.get_sample_value(
        "t2t_batch_rows_count", {"signature": "toy_upper"}
    )
    answers: dict[int, object] = {}

    def ask(index: int) -> None:
        text = "refuse" if index == 5 else f"slow 2000 word{index}"
        answers[index] = predict(client, "toy_upper", instances=[text])

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refusal(answers.pop(5), 400) == "row 0 of toy_upper is refused by the toy."
    for index, answer in answers.items():
        row = answer.json()["predictions"][0]
        assert row["outputs"] == [f"SLOW 2000 WORD{index} v7", f"slow 2000 word{index} v7"]
        assert math.isclose(row["scores"][0], -0.1 * len(f"slow 2000 word{index}"), rel_tol=1e-6)
    after = api.metrics._registry.get_sample_value(
        "t2t_batch_rows_count", {"signature": "toy_upper"}
    )
    assert after - before < 12


def test_health_and_metrics(client):
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready", "version": "7"}
    client.get("/v1/models/%0aforged")
    text = client.get("/metrics").text
    assert 't2t_requests_total{code="200",route="predict"}' in text
    assert 't2t_request_seconds_bucket{le="+Inf",route="predict"}' in text
    assert "t2t_model_version 7.0" in text
    assert "forged" not in text


def test_no_path_reaches_the_file_system(client):
    for path in (
        "/../setup.py",
        "/%2e%2e%2fapp.py",
        "/app.py",
        "/..%2f..%2fsetup.py",
        "//etc/passwd",
    ):
        assert client.get(path).status_code == 404


def test_not_ready_and_broken_exports(tmp_path, caplog):
    """An export that breaks the contract is told, not served; a good one below it is."""
    write_export(tmp_path / "2", "v2", ("toy_upper",))
    card = tmp_path / "2" / "assets.extra" / "t2t_mm.json"
    good = card.read_text()
    card.write_text(good.replace('"toy_upper"', '"other"'))
    api = make_api(settings(tmp_path), tmp_path, load_and_warm_up)
    with TestClient(api.app()) as client:
        assert client.get("/healthz").status_code == 200
        until = time.monotonic() + 60
        while not (status := client.get(MODEL).json()["model_version_status"]) or (
            status[0]["state"] != "END"
        ):
            assert time.monotonic() < until
            time.sleep(0.02)
        told = status[0]["status"]["error_message"]
        assert (
            told == "the SavedModel has no signature 'other', which assets.extra/t2t_mm.json lists."
        )
        assert "no version of the model is loaded" in refusal(client.get("/readyz"), 503)
        for body in ({"instances": ["a"]}, {}):
            refusal(predict(client, None, **body), 503)
        card.write_text(good)
        wait_ready(client)
        # The only problem needs no name.
        for name in (None, "serving_default", "toy_upper"):
            rows = predict(client, name, instances=["a"]).json()["predictions"]
            assert rows[0]["outputs"] == ["A v2", "a v2"]


def test_deadline_and_full_queue(export_dir):
    batching = BatchSettings(num_threads=1, max_queue=2, timeout_seconds=0.5, delay_seconds=0.0)
    api = make_api(settings(export_dir, batching=batching), export_dir, load_and_warm_up)
    with TestClient(api.app()) as client:
        wait_ready(client)
        endless = threading.Event()
        signature = api.versions.current.signatures["toy_upper"]
        answer = type(signature).answer

        def slow(self, columns):
            endless.wait(20)
            return answer(self, columns)

        type(signature).answer = slow
        try:
            results: list = []
            ask = lambda: results.append(predict(client, "toy_upper", instances=["a"]))  # noqa: E731
            threads = [threading.Thread(target=ask) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            codes = sorted(result.status_code for result in results)
            assert codes == [429, 429, 429, 504, 504, 504]
            full = next(result for result in results if result.status_code == 429)
            assert full.headers["retry-after"] == "1"
            assert "rows wait already" in full.json()["error"]
        finally:
            endless.set()
            type(signature).answer = answer
        assert predict(client, "toy_upper", instances=["a"]).status_code == 200


def packed(client, content: bytes, packing: str = "gzip"):
    headers = {"Content-Encoding": packing}
    return client.post(f"{MODEL}:predict", content=content, headers=headers)


def test_a_body_in_gzip_is_unpacked(client):
    body = json.dumps({"signature_name": "toy_upper", "instances": ["ab"]}).encode()
    plain = client.post(f"{MODEL}:predict", content=body)
    members = gzip.compress(body[:9]) + gzip.compress(body[9:])
    for content, packing in ((gzip.compress(body), "gzip"), (members, "GZIP"), (body, "identity")):
        answer = packed(client, content, packing)
        assert answer.status_code == 200 and answer.json() == plain.json()


def test_what_gzip_hides_is_bounded_and_what_is_damaged_refused(client, api):
    body = json.dumps({"signature_name": "toy_upper", "instances": ["a" * 30_000]}).encode()
    assert len(gzip.compress(body)) < 1000
    bomb = refusal(packed(client, gzip.compress(body)), 413)
    assert bomb == (
        "the body has 20,001 bytes or more when it is unpacked; at most 20,000 are allowed "
        "(--max_body_mb)."
    )
    small = gzip.compress(json.dumps({"instances": ["a"]}).encode())
    assert refusal(packed(client, small[:-4]), 400) == (
        "the body is gzip that breaks off before its end."
    )
    assert "is not gzip, as it says, or damaged" in refusal(packed(client, b"{}"), 400)
    wrong = small[:-8] + bytes(4) + small[-4:]
    assert "incorrect data check" in refusal(packed(client, wrong), 400)
    assert refusal(packed(client, small, "br"), 415) == (
        "the body is packed by 'br'; send it in gzip or as it is."
    )
    assert api.bodies._held == 0
