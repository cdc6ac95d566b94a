"""Refusals of a request: an HTTP status and one sentence."""

from __future__ import annotations

from collections.abc import Mapping


class RequestError(Exception):
    """The answer to a request that gets no prediction.

    Args:
      status: the HTTP status, 4xx or 5xx.
      sentence: what is wrong, what is allowed.
      headers: to be sent too, e.g. Retry-After.
    """

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None):
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})


class RowError(Exception):
    """The model refuses an input: the sender's mistake.

    Its words complete "row 3 of NAME ...".
    """


def bad_request(sentence: str) -> RequestError:
    """400: the request itself is wrong."""
    return RequestError(400, sentence)


def not_found(sentence: str) -> RequestError:
    """404: no such model, version, signature or path."""
    return RequestError(404, sentence)


def too_busy(sentence: str) -> RequestError:
    """429: come back in a second."""
    return RequestError(429, sentence, {"Retry-After": "1"})
