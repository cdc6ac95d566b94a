"""t2t-query-server's flags, its sentences, and its client mode."""

from __future__ import annotations

import io
import socket
import sys
from pathlib import Path

import pytest

from t2t_mm.bin import t2t_query_server
from t2t_mm.bin.command_line import exit_status
from t2t_mm.serving.http.client import Answer, ServerError


def command(*flags: str) -> int:
    return exit_status(t2t_query_server.main, list(flags))


def test_flags_reach_the_settings(monkeypatch):
    served = []
    monkeypatch.setattr("t2t_mm.serving.http.server.serve", served.append)
    flags = ["--export_dir=d", "--model_name=m", "--host=::1", "--port=0", "--poll_seconds=0",
             "--max_batch_size=4", "--batch_delay_ms=2.5", "--num_threads=3", "--max_queue=5",
             "--timeout_seconds=6", "--max_body_mb=0.5", "--max_text_bytes=7", "--max_pixels=8",
             "--max_audio_seconds=9", "--grace_seconds=10", "--quiet"]  # fmt: skip
    assert command(*flags) == 0
    (one,) = served
    assert (one.export_dir, one.model_name, one.host, one.port) == ("d", "m", "::1", 0)
    assert (one.poll_seconds, one.grace_seconds, one.quiet) == (0, 10, True)
    batching, limits = one.batching, one.limits
    assert (batching.max_batch_size, batching.delay_seconds) == (4, 0.0025)
    assert (batching.num_threads, batching.max_queue, batching.timeout_seconds) == (3, 5, 6)
    assert (limits.body_bytes, limits.text_bytes, limits.pixels) == (1 << 19, 7, 8)
    assert limits.audio_seconds == 9


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ([], "give either --export_dir=DIR to serve, or --server=URL to ask a server."),
        (["--export_dir=a", "--server=b"], "give either --export_dir=DIR to serve, or"),
        (["--export_dir=/nowhere"], "--export_dir=/nowhere is not a folder; t2t-exporter makes"),
        (["--export_dir=a", "--model_name=a/b"], "--model_name='a/b' cannot stand in a path"),
        (["--export_dir=a", "--max_batch_size=0"], "--max_batch_size=0"),
        (["--export_dir=a", "--port=70000"], "--port=70000"),
        (["--server=ftp://x"], "'ftp://x' is not a server's URL"),
    ],
)
def test_mistakes(flags, sentence, capsys):
    assert command(*flags) == 2
    assert sentence in capsys.readouterr().err


def test_folders_without_versions(tmp_path, capsys):
    assert command(f"--export_dir={tmp_path}", "--poll_seconds=0") == 2
    assert f"no complete version (a folder such as 1) in {tmp_path}." in capsys.readouterr().err
    (tmp_path / "saved_model.pb").write_text("x")
    assert command(f"--export_dir={tmp_path}") == 2
    assert "is a version itself; name the folder above it." in capsys.readouterr().err


def test_a_port_in_use(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert command(f"--export_dir={tmp_path}", f"--port={port}") == 2
    error = capsys.readouterr().err
    assert f"cannot listen at 127.0.0.1, port {port} (Address already in use)." in error


def test_a_missing_extra_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "starlette", None)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert command("--export_dir=d") == 2
    error = capsys.readouterr().err.strip()
    assert error == (
        "error: the server needs starlette, uvicorn, not installed here: "
        "pip install 't2t_mm[serve]'"
    )


class FakeClient:
    """Problems of several kinds; answers with what it was asked."""

    def __init__(self, *_):
        pass

    def problems(self):
        nothing = {"inputs": "text", "absent": True}
        two = {"inputs": {"inputs": "image", "question": "text"}}
        return {
            "translate": {"inputs": "text"},
            "caption": {"inputs": "image"},
            "model": nothing,
            "number": {"inputs": "number"},
            "ask": two,
        }

    def predict(self, problem, value):
        return Answer([f"{problem}: {value}", "second"], [-0.5, None])


@pytest.fixture
def fake_client(monkeypatch):
    monkeypatch.setattr("t2t_mm.serving.http.query.Client", FakeClient)


def test_client_mode_answers_once_or_line_by_line(fake_client, monkeypatch, capsys):
    assert command("--server=x", "--problem=translate", "--inputs_once=a b") == 0
    assert capsys.readouterr().out == "translate: a b\t-0.500\nsecond\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("one\n\n two \n"))
    assert command("--server=x", "--problem=translate") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["translate: one\t-0.500", "second", "translate: two\t-0.500", "second"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))  # asks a language model for a text
    assert command("--server=x", "--problem=model") == 0
    assert capsys.readouterr().out == "model: \t-0.500\nsecond\n"


def test_client_mode_takes_several_inputs_as_json(fake_client, monkeypatch, capsys):
    line = '{"question": "which?", "inputs": "a.png"}'
    named = {"inputs": Path("a.png"), "question": "which?"}
    wanted = f"ask: {named}\t-0.500\nsecond\n"
    assert command("--server=x", "--problem=ask", f"--inputs_once={line}") == 0
    assert capsys.readouterr().out == wanted
    monkeypatch.setattr("sys.stdin", io.StringIO(f"a.png\n{line}\n"))
    assert command("--server=x", "--problem=ask") == 0
    out, error = capsys.readouterr()
    assert out == wanted
    assert error == (
        'error: the line must be a JSON object {"inputs": ..., "question": ...}.\n'
    )  # and the next one is read


def test_client_mode_reads_files_where_values_are_files(fake_client, monkeypatch):
    asked = []
    answer = Answer(["x"], [None])
    monkeypatch.setattr(FakeClient, "predict", lambda self, *args: asked.append(args) or answer)
    assert command("--server=x", "--problem=caption", "--inputs_once=a.png") == 0
    assert command("--server=x", "--problem=number", "--inputs_once=0.5") == 0
    assert asked == [("caption", Path("a.png")), ("number", "0.5")]


def test_a_server_that_fails_is_one_sentence(fake_client, monkeypatch, capsys):
    def fail(self, problem, value):
        if value == "b":
            return Answer(["x"], [None])
        raise ServerError("http://x gave no answer within 60 s.")

    monkeypatch.setattr(FakeClient, "predict", fail)
    assert command("--server=x", "--problem=translate", "--inputs_once=a") == 2
    assert capsys.readouterr().err == "error: http://x gave no answer within 60 s.\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("a\nb\n"))
    assert command("--server=x", "--problem=translate") == 0
    assert capsys.readouterr() == ("x\n", "error: http://x gave no answer within 60 s.\n")


def test_client_mode_needs_a_known_problem(fake_client, capsys):
    assert command("--server=x", "--inputs_once=a") == 2
    assert "--problem is one of translate, caption, model, number, ask." in capsys.readouterr().err
    assert command("--server=x", "--problem=captoin", "--inputs_once=a") == 2
    assert "did you mean 'caption'?" in capsys.readouterr().err
