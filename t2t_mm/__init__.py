"""t2t_mm: train one MultiModel on many problems of different modalities, all chosen by name.

Importing this package imports neither TensorFlow nor any problem: names are looked up, and what
they need is loaded, at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from t2t_mm.version import __version__

if TYPE_CHECKING:
    from t2t_mm.decoding.model_loading import LoadedModel
    from t2t_mm.serving.export.api import Exported
    from t2t_mm.training.settings import TrainResult

__all__ = ["__version__", "export", "load", "train"]


def train(*args: Any, **kwargs: Any) -> TrainResult:
    """Trains one model on the named problems; see `t2t_mm.training.api.train`."""
    from t2t_mm.training.api import train as run

    return run(*args, **kwargs)


def load(*args: Any, **kwargs: Any) -> LoadedModel:
    """Loads a trained model from its run directory; see `t2t_mm.decoding.model_loading.load`."""
    from t2t_mm.decoding.model_loading import load as run

    return run(*args, **kwargs)


def export(*args: Any, **kwargs: Any) -> Exported:
    """Writes a trained model as a SavedModel; see `t2t_mm.serving.export.api.export`."""
    from t2t_mm.serving.export.api import export as run

    return run(*args, **kwargs)
