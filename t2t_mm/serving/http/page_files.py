"""The page at `/`: its files, read once. No path of a request ever reaches the file system."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from t2t_mm.serving.http.request_error import not_found

_FOLDER = Path(__file__).parents[1] / "page"
_INDEX = "index.html"
_SUFFIXES = {".html", ".js", ".css", ".svg", ".png", ".ico"}
_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob: data:; "
    "style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


class PageFiles:
    """Answers GET / and GET /NAME for the files that were there at the start.

    Args:
      folder: holds index.html and what it loads, without folders.
    """

    def __init__(self, folder: Path = _FOLDER):
        paths = [p for p in folder.glob("*") if p.suffix in _SUFFIXES] if folder.is_dir() else []
        self._contents = {path.name: path.read_bytes() for path in paths}

    async def page(self, request: Request) -> Response:
        """The endpoint.

        Raises:
          RequestError: 404.
        """
        name = request.path_params.get("name") or _INDEX
        content = self._contents.get(name)
        if content is None:
            raise not_found("no such path; the REST API is below /v1/models, the page at /.")
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = {
            "ETag": tag,
            "Cache-Control": "no-cache",  # ask each time: a new version of the package changes it
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
        }
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=mimetypes.guess_type(name)[0], headers=headers)
