"""A client of the server: text, images and sounds in, answers out.

It takes the standard library alone, unless it is to convert sounds.

client = Client("http://127.0.0.1:8501")
client.predict("translate_ende_shapes", "the red circle is above the blue square").output
client.predict("caption_shapes", [Path("a.png"), Path("b.png")])
client.predict("my_questions", {"inputs": Path("a.png"), "question": "what is red?"})
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload
from urllib.parse import quote, urlsplit

from t2t_mm.errors import UserError

Value = str | bytes | Path
Input = Value | Mapping[str, Value]
_BUSY = (429, 503)
_LONGEST_PAUSE = 8.0  # seconds


class ServerError(Exception):
    """The server failed, or stayed busy through all retries."""


@dataclass(frozen=True)
class Answer:
    """A model's answer to one input.

    Attributes:
      outputs: texts, trees or labels, the best first.
      scores: natural logarithms of their probabilities; None for one that has none.
    """

    outputs: list[str]
    scores: list[float | None]

    @property
    def output(self) -> str:
        """The best one."""
        return self.outputs[0]


class Client:
    """Asks one server. May be used by several threads; each has a connection of its own.

    Args:
      url: the server's, such as http://127.0.0.1:8501.
      model: its name; None: the server's only one.
      timeout: seconds to wait for an answer.
      retries: how often to come back to a busy server, after pauses that double.
      sample_rate: Hz; sounds are made mono WAV files at this rate before they are sent, as a server
        needs it that runs the export's graph alone (TensorFlow Serving). This takes soundfile and
        soxr. None: sounds are sent as they are, and t2t-query-server converts them.
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        timeout: float = 60.0,
        retries: int = 5,
        sample_rate: int | None = None,
    ):
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(
                f"'{url}' is not a server's URL; give one such as http://127.0.0.1:8501."
            )
        self._url = f"{parts.scheme}://{parts.netloc}"
        self._parts = parts
        self._timeout = timeout
        self._retries = retries
        self._local = threading.local()
        self._model = model
        self._rate = sample_rate

    @property
    def model(self) -> str:
        """The model's name."""
        if self._model is None:
            self._model = self._get("/v1/models", "models", list)[0]
        return self._model

    @overload
    def predict(  # type: ignore[overload-overlap]  # a str is a sequence of str, too
        self, problem: str | None, inputs: Input
    ) -> Answer: ...
    @overload
    def predict(self, problem: str | None, inputs: Sequence[Input]) -> list[Answer]: ...
    def predict(
        self, problem: str | None, inputs: Input | Sequence[Input]
    ) -> Answer | list[Answer]:
        """Answers of one problem.

        Args:
          problem: its name; None: the server's only one.
          inputs: one input or a list of them: text as str; an image or sound as its file's bytes or
            Path. Where the problem reads several things, an input is a mapping, name -> value.

        Returns:
          An Answer, or one for each input in the same order.

        Raises:
          UserError: if the server refuses the request, or cannot be reached.
          ServerError: if it fails, or stays busy.
        """
        if isinstance(inputs, (str, bytes, Path, Mapping)):
            return self._predict(problem, [inputs])[0]
        return self._predict(problem, list(inputs)) if inputs else []

    def _predict(self, problem: str | None, inputs: list[Input]) -> list[Answer]:
        body = {
            "signature_name": problem,
            "instances": [_encoded(one, self._rate) for one in inputs],
        }
        rows = self._post(body, "predictions", list)
        return [Answer(row["outputs"], row["scores"]) for row in rows]

    def explain(self, problem: str, inputs: Input, output: str) -> dict[str, Any]:
        """The attention and experts while the model wrote `output`: see docs/serving.md."""
        named = inputs if isinstance(inputs, Mapping) else {"inputs": inputs}
        columns = {name: [_encoded(value, self._rate)] for name, value in named.items()}
        columns["outputs"] = [output]
        body = {"signature_name": f"explain_{problem}", "inputs": columns}
        return self._post(body, "outputs", dict)

    def problems(self) -> dict[str, Any]:
        """The export's description of its problems, by name."""
        return self._get(f"{self._path()}/problems", "problems", dict)

    def close(self) -> None:
        """Closes this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection:
            connection.close()
        self._local.connection = None

    def _path(self) -> str:
        return f"/v1/models/{quote(self.model, safe='')}"

    def _get(self, path: str, key: str, kind: type) -> Any:
        return self._part(self._call("GET", path), key, kind)

    def _post(self, body: dict[str, Any], key: str, kind: type) -> Any:
        answer = self._call("POST", f"{self._path()}:predict", json.dumps(body).encode())
        return self._part(answer, key, kind)

    def _part(self, answer: dict[str, Any], key: str, kind: type) -> Any:
        """The part of an answer under a key; another kind of server has something else there."""
        if not isinstance(answer.get(key), kind) or not answer[key]:
            raise UserError(
                f"{self._url} answers without '{key}'; is t2t-query-server running there?"
            )
        return answer[key]

    def _call(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        for attempt in range(self._retries + 1):
            status, wait, answer = self._send(method, path, body)
            if status == 200:
                return answer
            if status not in _BUSY or attempt == self._retries:
                break
            # Not all at the same moment again, and never sooner than the server asks for.
            time.sleep(min(_LONGEST_PAUSE, max(wait, 0.1 * 2**attempt)) * random.uniform(1, 1.5))
        sentence = answer.get("error", f"status {status}")
        if status >= 500 or status in _BUSY:
            raise ServerError(f"{self._url}: {sentence}")
        raise UserError(f"{self._url}: {sentence}")

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, float, dict]:
        """Status, seconds to wait and content; once more where an idle connection was closed."""
        fresh = getattr(self._local, "connection", None) is None
        try:
            return self._exchange(method, path, body)
        except TimeoutError:
            self.close()
            raise ServerError(f"{self._url} gave no answer within {self._timeout:g} s.") from None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if fresh:
                raise _unreachable(self._url, error) from None
        return self._send(method, path, body)

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, float, dict]:
        if getattr(self._local, "connection", None) is None:
            self._local.connection = self._connect()
        connection = self._local.connection
        headers = {"Content-Type": "application/json"} if body is not None else {}
        # A server that does not want all of a large body answers and closes before its end.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body, headers)
        response = connection.getresponse()
        content = response.read()
        wait = response.headers.get("Retry-After", "")
        return response.status, float(wait) if wait.isdecimal() else 0.0, _object(content)

    def _connect(self) -> http.client.HTTPConnection:
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(self._parts.netloc, timeout=self._timeout)


def _unreachable(url: str, error: Exception) -> UserError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return UserError(f"no answer from {url} ({reason}); is t2t-query-server running there?")


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:  # not from the application: a proxy, or a server at its limit
        return {"error": content[:200].decode("utf-8", "replace").strip()}
    return found if isinstance(found, dict) else {"error": f"got {type(found).__name__}"}


def _encoded(value: Input, sample_rate: int | None) -> Any:
    """An input as JSON has it; several by name are an object."""
    if isinstance(value, Mapping):
        return {name: _encoded(one, sample_rate) for name, one in value.items()}
    if isinstance(value, str):
        return value
    content = _file_content(value) if isinstance(value, Path) else value
    if sample_rate is not None:
        content = _converted(content, sample_rate)
    return {"b64": base64.b64encode(content).decode("ascii")}


def _file_content(path: Path) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check the path.") from None


def _converted(content: bytes, sample_rate: int) -> bytes:
    """A sound as a mono WAV file at a rate; an image, or what the server will refuse, as it is."""
    try:
        import soundfile  # noqa: F401
        import soxr  # noqa: F401

        from t2t_mm.kinds.broken import BrokenValue
        from t2t_mm.kinds.sound_files import stored_sound
        from t2t_mm.kinds.wav_files import pcm_file
    except ImportError as error:
        raise UserError(
            f"sample_rate={sample_rate} makes the client convert sounds, which takes soundfile and "
            f"soxr ({error}); install them, or leave sample_rate out and give mono WAV files at "
            "that rate."
        ) from error
    try:
        return pcm_file(stored_sound(content, sample_rate), sample_rate)
    except BrokenValue:
        return content
