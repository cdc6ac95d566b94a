"""Memory of the test processes: what a module made is given back before the next one."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator

import pytest


def _trim() -> None:
    """Hands free memory back to the system, where the C library is glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@pytest.fixture(scope="module", autouse=True)
def forget_what_a_module_made(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empties the module's own caches: models and traced functions stay alive in them."""
    yield
    for value in vars(request.module).values():
        own = getattr(value, "__module__", None) == request.module.__name__
        if own and hasattr(value, "cache_clear"):
            value.cache_clear()
    gc.collect()
    _trim()
