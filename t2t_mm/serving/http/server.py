"""Runs the application under uvicorn: start, signals, and an end that loses nothing."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from t2t_mm.errors import UserError
from t2t_mm.files.paths import literal_path
from t2t_mm.serving.http.app import Api
from t2t_mm.serving.http.batching import BatchSettings
from t2t_mm.serving.http.limits import Limits
from t2t_mm.serving.http.telemetry import LOG, Metrics
from t2t_mm.serving.http.version_folders import scan
from t2t_mm.serving.http.versions import Load, Versions

if TYPE_CHECKING:
    from t2t_mm.serving.http.servable import Servable  # which imports TensorFlow

_CONNECTIONS_WAITING = 2048  # that the kernel accepts before we do


@dataclass(frozen=True)
class ServerSettings:
    """The settings of a server.

    Attributes:
      export_dir: holds the version folders.
      model_name: in the paths.
      host: to listen at.
      port: to listen at; 0: any free one, told in the start line.
      poll_seconds: between two looks for a new version; 0: never.
      grace_seconds: that requests in flight have to finish at the end.
      quiet: no line per request.
      batching: how requests are put together.
      limits: of a request.
    """

    export_dir: str
    model_name: str = "t2t_mm"
    host: str = "127.0.0.1"
    port: int = 8501
    poll_seconds: float = 2.0
    grace_seconds: float = 30.0
    quiet: bool = False
    batching: BatchSettings = field(default_factory=BatchSettings)
    limits: Limits = field(default_factory=Limits)


def serve(settings: ServerSettings) -> None:
    """Serves until SIGTERM or SIGINT, then finishes what is in flight and returns.

    Raises:
      UserError: if there is nothing to serve, or the address cannot be listened at.
    """
    _log_to_stderr()
    folder = check_folder(settings)
    listening = _listen(settings.host, settings.port)
    api = make_api(settings, folder, load_and_warm_up)
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    LOG.info("serving '%s' at %s/ (REST: %s/v1/models/%s); loading %s",
             settings.model_name, address, address, settings.model_name, folder)  # fmt: skip
    _ignore_after_the_end()
    config = uvicorn.Config(
        api.app(),
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=max(1, round(settings.grace_seconds)),
    )
    uvicorn.Server(config).run(sockets=[listening])
    _leave(api)


def make_api(settings: ServerSettings, folder: Path, load: Load) -> Api:
    """The application's parts, put together.

    Args:
      settings: of the server.
      folder: the checked export_dir.
      load: loads a version.
    """
    metrics = Metrics()
    versions = Versions(folder, load, settings.poll_seconds, metrics)
    return Api(settings.model_name, versions, settings.batching, settings.limits, metrics,
               settings.quiet)  # fmt: skip


def load_and_warm_up(path: Path, version: int) -> Servable:
    """Loads a version folder and calls each of its signatures once."""
    from t2t_mm.serving.http.loading import load, warm_up

    servable = load(path, version)
    warm_up(servable)
    return servable


def check_folder(settings: ServerSettings) -> Path:
    """The export's folder.

    Raises:
      UserError: if TensorFlow takes it for a pattern, it does not exist, is a version itself, or
        has no version and is looked at once.
    """
    folder = literal_path(settings.export_dir, "--export_dir")
    if not folder.is_dir():
        raise UserError(
            f"--export_dir={settings.export_dir} is not a folder; t2t-exporter makes one."
        )
    if (folder / "saved_model.pb").exists():
        raise UserError(
            f"--export_dir={settings.export_dir} is a version itself; name the folder above it."
        )
    if any(not one.missing for one in scan(folder)):
        return folder
    if not settings.poll_seconds:
        raise UserError(f"no complete version (a folder such as 1) in {settings.export_dir}.")
    LOG.warning("no complete version (a folder such as 1) in %s yet; waiting for one.", folder)
    return folder


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_CONNECTIONS_WAITING)
    except OSError as error:
        reason = str(error.strerror or error).partition(" (while")[0]
        raise UserError(f"cannot listen at {host}, port {port} ({reason}).") from None


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    for name in (LOG.name, "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
    LOG.setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _ignore_after_the_end() -> None:
    """uvicorn raises the signal that ended it once more; the exit status shall be 0."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)


def _leave(api: Api) -> None:
    if api.batcher.busy:
        LOG.warning("stopped while the model was still running (--grace_seconds).")
    elif api.versions.busy:
        LOG.warning("stopped while a version was still loading.")
    else:
        LOG.info("stopped; everything in flight was answered.")
        return
    sys.stderr.flush()
    os._exit(0)  # Python would wait for the threads, and TensorFlow cannot be interrupted
