"""t2t-query-server: serves an exported model over HTTP."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from t2t_mm.bin.command_line import common_flags, exit_status, parse
from t2t_mm.errors import UserError

if TYPE_CHECKING:
    from t2t_mm.serving.http.server import ServerSettings

USAGE = """
usage: t2t-query-server --export_dir=DIR [--model_name=NAME] [--port=8501] [flags]
       t2t-query-server --server=URL --problem=NAME [--inputs_once=TEXT]

Serves the highest version below DIR (DIR/1, DIR/2, ..., written by t2t-exporter) with the REST API
of TensorFlow Serving, and a page at /. A new version is taken up while the server runs. In
Tensor2Tensor the command of this name was the client; with --server it is one here too: it answers
--inputs_once, or the lines of standard input (a picture or sound by its path).

  t2t-query-server --export_dir=~/t2t_export
  curl -d '{"signature_name": "translate_ende_shapes",
            "instances": ["the red circle is above the blue square"]}' \\
      http://127.0.0.1:8501/v1/models/t2t_mm:predict
"""
COMMAND = "t2t-query-server"
_EXTRA = ("starlette", "uvicorn", "prometheus_client")


def main(argv: Sequence[str]) -> int:
    """Parses the flags, serves until it is told to stop.

    Args:
      argv: the arguments after the program's name.

    Returns:
      The exit status.
    """
    values = _flags()
    if not parse(values, argv, USAGE):
        return 0
    if bool(values.export_dir) == bool(values.server):
        raise UserError("give either --export_dir=DIR to serve, or --server=URL to ask a server.")
    if values.server:
        from t2t_mm.serving.http.query import query

        query(values.server, values.servable_name, values.problem, values.inputs_once,
              values.timeout_secs)  # fmt: skip
        return 0
    _check_extra()
    from t2t_mm.serving.http.server import serve

    serve(_settings(values))
    return 0


def _check_extra() -> None:
    missing = [name for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"the server needs {', '.join(missing)}, not installed here: "
            "pip install 't2t_mm[serve]'"
        )


def _settings(values: flags.FlagValues) -> ServerSettings:
    from t2t_mm.serving.http.batching import BatchSettings
    from t2t_mm.serving.http.limits import Limits
    from t2t_mm.serving.http.server import ServerSettings

    if not values.model_name or "/" in values.model_name or ":" in values.model_name:
        raise UserError(f"--model_name='{values.model_name}' cannot stand in a path of the API.")
    return ServerSettings(
        export_dir=values.export_dir,
        model_name=values.model_name,
        host=values.host,
        port=values.port,
        poll_seconds=values.poll_seconds,
        grace_seconds=values.grace_seconds,
        quiet=values.quiet,
        batching=BatchSettings(
            max_batch_size=values.max_batch_size,
            delay_seconds=values.batch_delay_ms / 1000,
            max_queue=values.max_queue,
            num_threads=values.num_threads,
            timeout_seconds=values.timeout_seconds,
        ),
        limits=Limits(
            body_bytes=int(values.max_body_mb * (1 << 20)),
            text_bytes=values.max_text_bytes,
            pixels=values.max_pixels,
            audio_seconds=values.max_audio_seconds,
        ),
    )


def _flags() -> flags.FlagValues:
    values = common_flags(COMMAND)
    define: dict[str, Any] = {"flag_values": values, "module_name": COMMAND}
    whole = {"lower_bound": 1, **define}
    positive = {"lower_bound": 0.001, **define}
    least_0 = {"lower_bound": 0, **define}
    flags.DEFINE_string("export_dir", None, "Folder of the version folders to serve.", **define)
    flags.DEFINE_string("model_name", "t2t_mm", "The model's name in the paths.", **define)
    flags.DEFINE_string("host", "127.0.0.1", "Address to listen at; 0.0.0.0: all.", **define)
    flags.DEFINE_integer(
        "port",
        8501,
        "Port to listen at; 0: a free one.",
        lower_bound=0,
        upper_bound=65535,
        **define,
    )
    flags.DEFINE_float(
        "poll_seconds", 2.0, "Between two looks for a new version; 0: never.", **least_0
    )
    flags.DEFINE_integer("max_batch_size", 32, "Rows that are run together at most.", **whole)
    flags.DEFINE_float("batch_delay_ms", 5.0, "How long a row waits for others, in ms.", **least_0)
    flags.DEFINE_integer("num_threads", 2, "Batches that are run at the same time.", **whole)
    flags.DEFINE_integer(
        "max_queue", 1024, "Rows that wait at most; beyond it requests get 429.", **whole
    )
    flags.DEFINE_float("timeout_seconds", 60.0, "Until a request is answered 504.", **positive)
    flags.DEFINE_float("max_body_mb", 16.0, "Size of a request; beyond it 413.", **positive)
    flags.DEFINE_integer("max_text_bytes", 8192, "Length of a text in UTF-8.", **whole)
    flags.DEFINE_integer("max_pixels", 4096 * 4096, "Width * height of a picture.", **whole)
    flags.DEFINE_float("max_audio_seconds", 60.0, "Length of a sound.", **positive)
    flags.DEFINE_float(
        "grace_seconds", 30.0, "That requests have to finish after SIGTERM.", **positive
    )
    flags.DEFINE_bool("quiet", False, "No line per request.", **define)
    _client_flags(define)
    return values


def _client_flags(define: dict) -> None:
    flags.DEFINE_string("server", None, "URL of a running server, to ask it.", **define)
    flags.DEFINE_string("servable_name", None, "Its model; not needed if it has one.", **define)
    flags.DEFINE_string("problem", None, "Problem to ask; not needed if there is one.", **define)
    flags.DEFINE_string("inputs_once", None, "Ask this, print the answer, exit.", **define)
    flags.DEFINE_float("timeout_secs", 60.0, "To wait for an answer.", lower_bound=0.001, **define)


def run() -> None:
    """The console script."""
    sys.exit(exit_status(main))


if __name__ == "__main__":
    run()
