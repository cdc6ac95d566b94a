"""Keeps TensorFlow's start-up chatter off the terminal; errors and our own lines stay.

TensorFlow 2.21 logs "oneDNN custom operations are on" and "Could not find cuda drivers" whatever
TF_CPP_MIN_LOG_LEVEL says, because it does so before its logging is set up.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class QuietImport(importlib.abc.MetaPathFinder):
    """Imports one module with standard error closed, then steps aside.

    Args:
      name: the module.
    """

    def __init__(self, name: str):
        self._name = name

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The ordinary spec of that module, its loader made quiet; None for any other module."""
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec and spec.loader:
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                with silent_stderr():
                    load(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Sends file descriptor 2 to nowhere: what C++ writes does not pass through sys.stderr."""
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def quieten(name: str = "tensorflow") -> None:
    """Makes the first import of a module quiet; nothing if it is there already."""
    if name not in sys.modules:
        sys.meta_path.insert(0, QuietImport(name))
