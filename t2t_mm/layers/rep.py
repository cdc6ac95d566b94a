"""The unified representation: what every modality's bottom gives and every body reads."""

from __future__ import annotations

from typing import Any, NamedTuple


class Rep(NamedTuple):
    """A batch of variable-sized inputs in the one space that all modalities share.

    Paper, section 2: "unified representations of variable size". A picture or a spectrogram
    is flattened to a sequence; its two-dimensional shape is kept so that a categorical top
    can restore it.

    Attributes:
      x: [B, L, D] float, the positions.
      mask: [B, L] float, 1 where a position is real and 0 where it is padding.
      grid: (H, W) with H * W = L where the input was two-dimensional, else None. The two are
        Python ints or scalar tensors.
    """

    x: Any
    mask: Any
    grid: tuple[Any, Any] | None = None
