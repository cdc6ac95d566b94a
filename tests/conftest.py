"""Memory of the test processes: what a module made is given back before the next one."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator

import pytest


def _trim() -> None:
    """Hands free memory back to the system, where the C library is glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _forget_custom_gradients() -> None:
    """Drops what TensorFlow keeps for ever: every graph that a custom gradient was traced in.

    A function that is called later has its gradient in its own graph by then.
    """
    if "tensorflow" in sys.modules:
        from tensorflow.python.framework import ops

        registry = ops.gradient_registry._registry
        for name in [name for name in registry if name.startswith("CustomGradient-")]:
            del registry[name]


def _free() -> None:
    _forget_custom_gradients()
    gc.collect()
    _trim()


@pytest.fixture(scope="session")
def free_memory() -> Callable[[], None]:
    """Gives back what no test holds any more: for modules of several large parts."""
    return _free


@pytest.fixture(scope="module", autouse=True)
def forget_what_a_module_made(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empties the module's own caches: models and traced functions stay alive in them."""
    yield
    for value in vars(request.module).values():
        own = getattr(value, "__module__", None) == request.module.__name__
        if own and hasattr(value, "cache_clear"):
            value.cache_clear()
    _free()
