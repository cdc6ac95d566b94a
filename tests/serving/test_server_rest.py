"""Bodies to columns and rows to answers, and the sentence for each malformed body."""

from __future__ import annotations

import json

import pytest

from t2t_mm.serving.http.request_error import RequestError
from t2t_mm.serving.http.rest import columns, outputs, parse, predictions

ONE, TWO = ("inputs",), ("inputs", "outputs")


def read(body: dict, names: tuple[str, ...] = ONE) -> dict:
    return columns(parse(json.dumps(body).encode()), names)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": ["a", {"b64": "Yg=="}]},
        {"instances": [{"inputs": "a"}, {"inputs": {"b64": "Yg=="}}]},
        {"instances": ["a", {"inputs": {"b64": "Yg=="}}]},
        {"inputs": ["a", {"b64": "Yg=="}]},
        {"inputs": {"inputs": ["a", {"b64": "Yg=="}]}},
    ],
)
def test_all_forms_mean_the_same(body):
    assert read(body) == {"inputs": ["a", b"b"]}


def test_two_inputs():
    wanted = {"inputs": ["a", "b"], "outputs": ["x", "y"]}
    assert read({"inputs": wanted}, TWO) == wanted
    rows = [{"inputs": "a", "outputs": "x"}, {"outputs": "y", "inputs": "b"}]
    assert read({"instances": rows}, TWO) == wanted


def test_answers():
    rows = [{"outputs": ["a"], "scores": [0.5]}, {"outputs": ["b"], "scores": [1.5]}]
    assert predictions(rows) == {"predictions": rows}
    assert predictions([{"outputs": ["a"]}]) == {"predictions": [["a"]]}
    both = {"outputs": [["a"], ["b"]], "scores": [[0.5], [1.5]]}
    assert outputs(rows, ()) == {"outputs": both}
    assert outputs([{"x": [1]}, {"x": [2]}], ()) == {"outputs": [[1], [2]]}
    gridded = [{"x": 1, "grid": [2, 3]}, {"x": 4, "grid": [2, 3]}]
    assert outputs(gridded, {"grid"}) == {"outputs": {"x": [1, 4], "grid": [2, 3]}}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"instances": [NaN]}', "NaN is not JSON"),
        (b"\xff{}", "the body is not UTF-8 text (invalid start byte at byte 0)"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "the body must be a JSON object, got a list."),
        (b"7", "the body must be a JSON object, got a number."),
        (b"{}", 'give either "instances" (row format) or "inputs" (column format) in the body.'),
        (b'{"instances": ["a"], "inputs": ["a"]}', 'give either "instances"'),
        (b'{"instance": ["a"]}', 'unknown key "instance" in the body; known: signature_name, '),
        (b'{"signature_name": 3, "inputs": ["a"]}', "signature_name must be a string, got a nu"),
        (b'{"instances": []}', "instances is empty; give at least one value."),
        (b'{"instances": "a"}', "instances must be a list, got a string."),
        (b'{"inputs": []}', "inputs is empty; give at least one value."),
        (b'{"inputs": {"b64": "YQ=="}}', "inputs must be a list, got an object."),
        (b'{"inputs": {"inputs": "a"}}', "inputs must be a list, got a string."),
        (b'{"inputs": {"input": ["a"]}}', 'unknown input "input" in inputs; give "inputs".'),
        (b'{"instances": [{"x": "a"}]}', 'unknown input "x" in instances[0]; give "inputs".'),
        (b'{"instances": ["a", {}]}', 'instances[1] lacks "inputs"; give "inputs".'),
        (b'{"instances": ["a", 3]}', 'instances[1] must be a string or {"b64": "..."}, got a nu'),
        (b'{"instances": [["a"]]}', "got a list."),
        (b'{"instances": [null]}', "got null."),
        (b'{"instances": [true]}', "got true or false."),
        (b'{"instances": [{"b64": 3}]}', "got an object."),
        (b'{"instances": [{"b64": "Y"}]}', "instances[0] holds invalid base64"),
        (b'{"instances": [{"b64": "Y!=="}]}', "instances[0] holds invalid base64"),
        (b'{"instances": [{"b64": "\xc3\xa9"}]}', "instances[0] holds invalid base64"),
        (b'{"instances": [' + b"9" * 5000 + b"]}", "not valid JSON"),
    ],
)
def test_malformed_bodies(body, sentence):
    with pytest.raises(RequestError) as error:
        columns(parse(body), ONE)
    assert error.value.status == 400
    assert sentence in error.value.sentence


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"instances": ["a"]}, 'instances[0] must be an object with "inputs" and "outputs".'),
        ({"inputs": ["a"]}, 'inputs must be an object with "inputs" and "outputs".'),
        ({"inputs": {"inputs": ["a"]}}, 'inputs lacks "outputs"; give "inputs" and "outputs".'),
        ({"inputs": {"inputs": ["a"], "outputs": ["x", "y"]}}, "inputs has 1, outputs has 2."),
    ],
)
def test_two_inputs_are_needed(body, sentence):
    with pytest.raises(RequestError) as error:
        read(body, TWO)
    assert sentence in error.value.sentence
