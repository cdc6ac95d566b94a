"""The served version: the highest complete one, looked for again and again.

A new version is loaded and warmed up in a thread while the old one goes on answering; then new
requests go to the new one, and those in flight finish on the old one, which is dropped after the
last of them. What cannot be loaded is told once, and tried again when its files change.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2t_mm.serving.http.telemetry import LOG, Metrics
from t2t_mm.serving.http.version_folders import VersionFolder, scan

if TYPE_CHECKING:
    from t2t_mm.serving.http.servable import Servable

Load = Callable[[Path, int], "Servable"]
_OK = {"error_code": "OK", "error_message": ""}


class Versions:
    """Follows an export's folder.

    Args:
      folder: holds the version folders.
      load: loads and warms up one, in a thread.
      poll_seconds: between two looks; 0: look once.
      metrics: to count loads and failures in.
    """

    def __init__(self, folder: Path, load: Load, poll_seconds: float, metrics: Metrics):
        self._folder = folder
        self._load = load
        self._poll_seconds = poll_seconds
        self._metrics = metrics
        self._seen: dict[int, tuple] = {}  # fingerprints of the last look
        self._refused: dict[int, tuple[tuple, str]] = {}  # fingerprint and reason, told already
        self._leaving: list[Servable] = []
        self._loading: int | None = None
        self._thread = ThreadPoolExecutor(1, "t2t-loader")
        self._closed = False
        self._running = False
        self.current: Servable | None = None

    async def follow(self) -> None:
        """Looks for ever, every poll_seconds."""
        await self.look(settled=False)
        while self._poll_seconds:
            await asyncio.sleep(self._poll_seconds)
            await self.look(settled=True)

    async def look(self, settled: bool) -> None:
        """Serves the highest version that can be served.

        Args:
          settled: leave alone what has changed since the last look: it is being copied.
        """
        try:
            found = await self._in_thread(scan, self._folder)
        except OSError as error:  # a share that is away for a moment takes no model away
            LOG.warning("%s cannot be read (%s).", self._folder, error.strerror)
            return
        before = self._seen if settled else {one.number: one.fingerprint for one in found}
        self._seen = {one.number: one.fingerprint for one in found}
        self._refused = {n: why for n, why in self._refused.items() if n in self._seen}
        for one in found:
            if self.current and one.number == self.current.version:
                return
            if before.get(one.number) == one.fingerprint and await self._try(one):
                return
        if self.current and self.current.version not in self._seen:
            self._swap(None)
            LOG.warning("no version is served: none is left in %s.", self._folder)

    @property
    def busy(self) -> bool:
        """True if the thread is looking or loading, which nobody can interrupt."""
        return self._running

    async def close(self) -> None:
        """Forgets what waits to be loaded."""
        self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    @contextmanager
    def use(self, servable: Servable) -> Iterator[None]:
        """Keeps a version while a request needs it."""
        servable.in_flight += 1
        try:
            yield
        finally:
            servable.in_flight -= 1
            self._drop_unused()

    def states(self) -> list[dict[str, Any]]:
        """TensorFlow Serving's model_version_status, the highest version first."""
        states = {one.version: ("UNLOADING", _OK) for one in self._leaving}
        for number, (_, reason) in self._refused.items():
            states[number] = ("END", {"error_code": "FAILED_PRECONDITION", "error_message": reason})
        if self._loading is not None:
            states[self._loading] = ("LOADING", _OK)
        if self.current:
            states[self.current.version] = ("AVAILABLE", _OK)
        return [
            {"version": str(number), "state": state, "status": status}
            for number, (state, status) in sorted(states.items(), reverse=True)
        ]

    async def _try(self, one: VersionFolder) -> bool:
        """Loads and serves a version; False if it cannot be."""
        if self._refused.get(one.number, ((), ""))[0] == one.fingerprint:
            return False
        if one.missing:
            self._refuse(one, f"incomplete: {', '.join(one.missing)} missing or empty")
            return False
        self._loading, begin = one.number, time.monotonic()
        try:
            servable = await self._in_thread(self._load, one.path, one.number)
        except Exception as error:  # whatever is wrong with it, the old version goes on
            self._refuse(one, str(error) or type(error).__name__)
            return False
        finally:
            self._loading = None
        self._refused.pop(one.number, None)
        self._metrics.reloads.inc()
        self._swap(servable)
        seconds = time.monotonic() - begin
        names = ", ".join(servable.problems)
        LOG.info("version %d is served (loaded in %.1f s): %s", one.number, seconds, names)
        return True

    def _refuse(self, one: VersionFolder, reason: str) -> None:
        self._refused[one.number] = (one.fingerprint, reason)
        self._metrics.reload_failures.inc()
        goes_on = f"version {self.current.version} goes on" if self.current else "none is served"
        LOG.error("version %d is not served: %s (%s; %s).", one.number, reason, one.path, goes_on)

    def _swap(self, servable: Servable | None) -> None:
        if self.current:
            self._leaving.append(self.current)
        self.current = servable
        self._metrics.version.set(servable.version if servable else 0)
        self._drop_unused()

    def _drop_unused(self) -> None:
        unused = [one for one in self._leaving if not one.in_flight]
        if not unused:
            return
        self._leaving = [one for one in self._leaving if one.in_flight]
        for one in unused:
            LOG.info("version %d is unloaded.", one.version)
        del unused
        if not self._closed:  # a SavedModel's functions refer to each other in circles
            self._thread.submit(gc.collect)

    async def _in_thread(self, function: Callable, *args: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, function, *args)

    def _run(self, function: Callable, *args: Any) -> Any:
        self._running = True
        try:
            return function(*args)
        finally:
            self._running = False
