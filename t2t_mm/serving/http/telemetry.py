"""The server's telemetry: Prometheus metrics, and a line per request."""

from __future__ import annotations

import logging
import time
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = logging.getLogger("t2t_mm.serving")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)
_GONE = 499  # nginx's status for a sender who did not wait for the answer


class Metrics:
    """The server's metrics, in a registry of their own; README of each: GET /metrics."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self._registry}
        self.requests = Counter(
            "t2t_requests", "Requests answered, by route and HTTP status.", ["route", "code"], **own
        )
        self.seconds = Histogram(
            "t2t_request_seconds", "From a request's headers to its answer's end, in seconds.",
            ["route"], buckets=_SECONDS, **own,
        )  # fmt: skip
        self.in_flight = Gauge("t2t_requests_in_flight", "Requests not answered yet.", **own)
        self.batch_rows = Histogram(
            "t2t_batch_rows", "Rows that were run together.", ["signature"], buckets=_ROWS, **own
        )
        self.queue_rows = Gauge("t2t_queue_rows", "Rows that wait for a thread.", **own)
        self.running = Gauge("t2t_batches_running", "Batches that a thread runs.", **own)
        self.version = Gauge("t2t_model_version", "The served version; 0 while none is.", **own)
        self.reloads = Counter("t2t_model_loads", "Versions loaded and served.", **own)
        self.reload_failures = Counter(
            "t2t_model_load_failures", "Version folders that were incomplete or broken.", **own
        )

    async def metrics(self, request: Request) -> Response:
        """The endpoint, in Prometheus's text format."""
        return Response(
            generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )


class Telemetry:
    """ASGI middleware that counts, times and logs requests.

    Args:
      app: what it wraps.
      metrics: to count in.
      quiet: no line per request.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, quiet: bool):
        self._app = app
        self._metrics = metrics
        self._quiet = quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin, status = time.monotonic(), _GONE

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, watched_send)
        except Exception:
            status = 500
            raise
        finally:
            self._metrics.in_flight.dec()
            self._record(scope, status, time.monotonic() - begin)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        # Never the path: whoever asks for random ones would fill the memory with labels.
        route = getattr(scope.get("endpoint"), "__name__", "other")
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if not self._quiet:
            LOG.info(_line(scope, status, seconds))


def note(request: Request, words: str) -> None:
    """Adds words to the request's line in the log."""
    request.scope.setdefault("t2t_notes", []).append(words)


def _line(scope: Scope, status: int, seconds: float) -> str:
    client = (scope.get("client") or ("-",))[0]
    # As it was sent, percent-encoded: a decoded line break would forge a line.
    path = scope.get("raw_path", b"").decode("ascii", "backslashreplace")[:200]
    notes = "".join(f" {words}" for words in scope.get("t2t_notes", ()))
    return f"{client} {scope['method']} {path} {status} {1000 * seconds:.0f} ms{notes}"
