"""The routes: TensorFlow Serving's REST paths, what the page needs, health and metrics."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.registry import KINDS
from t2t_mm.serving.http import rest
from t2t_mm.serving.http.batching import Batcher, BatchSettings
from t2t_mm.serving.http.error_answers import failed, no_route, refused
from t2t_mm.serving.http.limits import BodyReader, Limits
from t2t_mm.serving.http.outcomes import ByteColumns
from t2t_mm.serving.http.page_files import PageFiles
from t2t_mm.serving.http.request_error import RequestError, bad_request, not_found
from t2t_mm.serving.http.telemetry import Metrics, Telemetry, note
from t2t_mm.serving.http.versions import Versions

if TYPE_CHECKING:
    from t2t_mm.serving.http.servable import Servable, ServedSignature

_READ_IN_THREAD = 1 << 14  # bytes of a body from which on its reading would hold up the others
_OUTPUTS = {"kind": "text"}  # what explain_NAME takes besides its input


class _NameConvertor(StringConvertor):
    """A part of a path up to a slash or colon, so that :predict is never part of a name."""

    regex = "[^/:]+"


register_url_convertor("word", _NameConvertor())


@dataclass
class Api:
    """The endpoints.

    Attributes:
      name: the model's, in the paths.
      versions: which version is served.
      batching: how requests are put together.
      limits: of a request.
      metrics: of this server.
      quiet: no line per request.
    """

    name: str
    versions: Versions
    batching: BatchSettings
    limits: Limits
    metrics: Metrics
    quiet: bool = False
    batcher: Batcher = field(init=False)
    bodies: BodyReader = field(init=False)

    def __post_init__(self) -> None:
        self.batcher = Batcher(self.batching, self.metrics)
        self.bodies = BodyReader(self.limits)

    def app(self) -> Starlette:
        """The ASGI application."""
        model = "/v1/models/{name:word}"
        version = model + "/versions/{version:word}"
        page = PageFiles().page
        routes = [
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics.metrics),
            Route("/v1/models", self.models),
            Route(f"{version}:predict", self.predict, methods=["POST"]),
            Route(f"{model}:predict", self.predict, methods=["POST"]),
            *(Route(f"{base}/metadata", self.metadata) for base in (version, model)),
            Route(f"{model}/problems", self.problems),
            *(Route(base, self.status) for base in (version, model)),
            Route("/", page),
            Route("/{name}", page),
        ]
        return Starlette(
            routes=routes,
            middleware=[Middleware(Telemetry, metrics=self.metrics, quiet=self.quiet)],
            exception_handlers={
                RequestError: refused,
                HTTPException: no_route,
                Exception: failed,
            },
            lifespan=self._lifespan,
        )

    async def healthz(self, request: Request) -> Response:
        """200: the process is alive."""
        return JSONResponse({"status": "alive"})

    async def readyz(self, request: Request) -> Response:
        """200 if a version is served, else 503."""
        return JSONResponse({"status": "ready", "version": str(self._servable().version)})

    async def models(self, request: Request) -> Response:
        """The names of the models: there is one."""
        return JSONResponse({"models": [self.name]})

    async def status(self, request: Request) -> Response:
        """TensorFlow Serving's model status."""
        self._check_name(request)
        states = self.versions.states()
        wanted = request.path_params.get("version")
        if wanted is not None:
            states = [one for one in states if one["version"] == wanted]
            if not states:
                raise not_found(f"unknown version {wanted!r}.")
        return JSONResponse({"model_version_status": states})

    async def metadata(self, request: Request) -> Response:
        """TensorFlow Serving's model metadata."""
        servable = self._wanted(request)
        definitions = {name: one.definition() for name, one in servable.signatures.items()}
        return JSONResponse(
            {
                "model_spec": {
                    "name": self.name,
                    "signature_name": "",
                    "version": str(servable.version),
                },
                "metadata": {"signature_def": {"signature_def": definitions}},
            }
        )

    async def problems(self, request: Request) -> Response:
        """The export's description of its problems, for the page and for clients."""
        servable = self._wanted(request)
        explained = [name for name in servable.problems if f"explain_{name}" in servable.signatures]
        return JSONResponse(
            {
                **servable.card,
                "name": self.name,
                "version": str(servable.version),
                "explained": explained,
                "limits": {
                    "body_bytes": self.limits.body_bytes,
                    "text_bytes": self.limits.text_bytes,
                    "audio_seconds": self.limits.audio_seconds,
                },
            }
        )

    async def predict(self, request: Request) -> Response:
        """Answers."""
        servable = self._wanted(request)
        try:
            body = await asyncio.wait_for(self.bodies.read(request), self.limits.body_seconds)
        except asyncio.TimeoutError:
            seconds = self.limits.body_seconds
            raise RequestError(408, f"the body did not arrive within {seconds:g} s.") from None
        try:
            with self.versions.use(servable):
                return await self._answer(request, servable, body)
        except asyncio.CancelledError:  # after --grace_seconds
            raise RequestError(503, "the server stops before it could answer.") from None
        finally:
            self.bodies.release(body)

    async def _answer(self, request: Request, servable: Servable, body: bytes) -> Response:
        if len(body) < _READ_IN_THREAD:
            parsed, signature, columns = self._read(servable, body)
        else:
            parsed, signature, columns = await asyncio.to_thread(self._read, servable, body)
        note(request, f"{signature.name} rows={len(next(iter(columns.values())))}")
        rows = await self.batcher.run(signature, columns)
        if parsed.by_rows:
            return JSONResponse(rest.predictions(rows))
        return JSONResponse(rest.outputs(rows, signature.whole))

    def _read(
        self, servable: Servable, body: bytes
    ) -> tuple[rest.PredictRequest, ServedSignature, ByteColumns]:
        parsed = rest.parse(body)
        signature = servable.signature(parsed.signature_name)
        values = rest.columns(parsed, signature.inputs)
        columns = {name: self._checked(signature, name, one) for name, one in values.items()}
        return parsed, signature, columns

    def _checked(
        self, signature: ServedSignature, name: str, column: list[rest.Value]
    ) -> list[bytes]:
        """The values of one input as the model reads them; those that it explains are text."""
        description = signature.features.get(name, _OUTPUTS)
        what = "" if len(signature.features) == 1 else f" ({name})"
        return [
            checked_row(value, description, self.limits, f"row {index} of {signature.name}{what}")
            for index, value in enumerate(column)
        ]

    def _servable(self) -> Servable:
        if self.versions.current is None:
            raise RequestError(503, "no version of the model is loaded yet.", {"Retry-After": "1"})
        return self.versions.current

    def _wanted(self, request: Request) -> Servable:
        self._check_name(request)
        servable = self._servable()
        version = request.path_params.get("version")
        if version is not None and version != str(servable.version):
            raise not_found(f"version {version!r} is not served; {servable.version} is.")
        return servable

    def _check_name(self, request: Request) -> None:
        name = request.path_params["name"]
        if name != self.name:
            raise not_found(f"unknown model {name!r}; '{self.name}' is served.")

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        following = asyncio.create_task(self.versions.follow())
        yield
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await self.versions.close()
        self.batcher.close()


def checked_row(
    value: rest.Value, description: Mapping[str, Any], limits: Limits, where: str
) -> bytes:
    """The bytes to give to the model of a row that is of its problem's kind of data.

    The kinds check it by the same functions as t2t-decoder's, so every format that it reads is
    allowed here, and sounds are resampled alike.

    Args:
      value: str, or bytes where the request has base64.
      description: what the export says of the feature, see `Kind.description`.
      limits: bounds of its size.
      where: names the value in an error.

    Raises:
      RequestError: 400, if it is of another kind, damaged, or beyond a limit.
    """
    try:
        return KINDS.get(description["kind"]).checked_row(value, description, limits)
    except BrokenValue as error:
        raise bad_request(f"{where} {error.detail}.") from None
