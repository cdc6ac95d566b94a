"""Errors as answers: {"error": "one sentence"} and a status."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from t2t_mm.serving.http.request_error import RequestError, bad_request, not_found
from t2t_mm.serving.http.telemetry import note


async def refused(request: Request, error: Exception) -> Response:
    """A RequestError as TensorFlow Serving words it."""
    assert isinstance(error, RequestError)
    note(request, error.sentence)
    return JSONResponse(
        {"error": error.sentence}, status_code=error.status, headers=error.headers or None
    )


async def no_route(request: Request, error: Exception) -> Response:
    """An unknown path, or another method than the path has."""
    assert isinstance(error, HTTPException)
    refusal = bad_request(error.detail)
    refusal.status, refusal.headers = error.status_code, dict(error.headers or {})
    if error.status_code == 404:
        refusal = not_found("no such path; the REST API is below /v1/models, the page at /.")
    if error.status_code == 405:
        refusal.sentence = (
            f"{request.method} is not allowed here; :predict takes POST, the rest GET."
        )
    return await refused(request, refusal)


async def failed(request: Request, error: Exception) -> Response:
    """A fault of ours; the traceback goes to the log."""
    return JSONResponse({"error": "the server failed; its log says why."}, status_code=500)
