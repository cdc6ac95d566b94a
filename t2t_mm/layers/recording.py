"""Lets a caller see what layers compute on the way: attention weights, and the experts chosen.

    with recording() as seen:
        model.forward(...)
    seen.attention  # [(layer, weights), ...] in the order of the computation

What is recorded are the tensors themselves, so it works in eager mode and while a function is
traced, inside that function. Without a recorder, recording is nothing.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from t2t_mm.tensor import State, Tensor


@dataclass
class Recorder:
    """Tensors that were computed while it was active, in order.

    Attributes:
      attention: (layer, weights [B, H, T, S]) of each attention.
      gating: (layer, `Gating` of B * L rows) of each mixture of experts.
    """

    attention: list[tuple[Any, Tensor]] = field(default_factory=list)
    gating: list[tuple[Any, State]] = field(default_factory=list)


_active = threading.local()


@contextlib.contextmanager
def recording() -> Iterator[Recorder]:
    """Collects what layers of this thread record inside of it; of several, the innermost does."""
    before = getattr(_active, "recorder", None)
    _active.recorder = recorder = Recorder()
    try:
        yield recorder
    finally:
        _active.recorder = before


def is_recording() -> bool:
    """True if a recorder is active; what would be computed for one alone can else be left out."""
    return getattr(_active, "recorder", None) is not None


def record_attention(layer: Any, weights: Tensor) -> None:
    """Hands attention weights to the active recorder."""
    if recorder := getattr(_active, "recorder", None):
        recorder.attention.append((layer, weights))


def record_gating(layer: Any, gating: State) -> None:
    """Hands a mixture's choice of experts to the active recorder."""
    if recorder := getattr(_active, "recorder", None):
        recorder.gating.append((layer, gating))
