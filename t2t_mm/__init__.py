"""t2t_mm: train one MultiModel on many problems of different modalities, all chosen by name.

Importing this package imports neither TensorFlow nor any problem: names are looked up, and what
they need is loaded, at first use. `train`, `load` and `export` are the functions themselves, with
their signatures, imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from t2t_mm.version import __version__

if TYPE_CHECKING:
    from t2t_mm.decoding.model_loading import load
    from t2t_mm.serving.export.api import export
    from t2t_mm.training.api import train

__all__ = ["__version__", "export", "load", "train"]

_HOMES = {
    "export": "t2t_mm.serving.export.api",
    "load": "t2t_mm.decoding.model_loading",
    "train": "t2t_mm.training.api",
}


def __getattr__(name: str) -> Any:
    """The function of that name, from the module that it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
