"""Images in: Xception's entry flow, and a shorter one for small images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from t2t_mm.layers.conv2d import ConvRes, ConvStep2D, grid_timing
from t2t_mm.layers.rep import Rep
from t2t_mm.modalities.modality import INPUT, Modality
from t2t_mm.tensor import Shape, Tensor

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.kinds import Image as Kind


class Image(Modality):
    """The image modality's input (arXiv 1706.05137, section 2.5.2).

    h1 = ConvStep_2([3 x 3], x, 32), h2 = ConvStep([3 x 3], h1, 64), r1 = ConvRes(h2, 128),
    r2 = ConvRes(r1, 256), ConvRes(r2, D). A 299 x 299 image becomes 19 x 19 positions.

    Two deviations: the first step is a raw one (see `ConvStep2D`), and a two-dimensional timing
    signal is added (see `grid_timing`).

    Args:
      channels: of the image.
    """

    kinds = frozenset({"image"})
    allowed_roles = frozenset({INPUT})

    def __init__(self, channels: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels = channels
        self.steps = [
            ConvStep2D(filters, strides=(stride, stride), raw=raw, **self._named(name))
            for name, filters, stride, raw in self._step_plan()
        ]
        self.blocks = [
            ConvRes(filters, **self._named(f"block_{i}"))
            for i, filters in enumerate(self._block_plan(), start=1)
        ]

    @classmethod
    def sharing_key(cls, name: str, kind: Kind, hparams: HParams) -> str:
        own = name if kind.channels == 3 else f"{name}.{kind.channels}ch"
        return f"{own}.{hparams.hidden_size}"

    @classmethod
    def arguments(cls, kind: Kind, hparams: HParams) -> dict[str, Any]:
        return {"channels": kind.channels}

    def _step_plan(self) -> list[tuple[str, int, int, bool]]:
        """(name, filters, stride, raw) of each ConvStep."""
        return [("step_1", 32, 2, True), ("step_2", 64, 1, False)]

    def _block_plan(self) -> list[int]:
        """The filters of each ConvRes."""
        return [128, 256, self.hidden_size]

    def _named(self, name: str) -> dict[str, Any]:
        return {"name": name, "seed": self._seed(name), "dtype": self.dtype_policy}

    def build(self, input_shape: Shape | None = None) -> None:
        shape: Shape = (None, None, None, self.channels)
        for layer in self._convolutions():
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def _convolutions(self) -> list[keras.layers.Layer]:
        return [*self.steps, *self.blocks]

    def positions(self, values: Tensor) -> Tensor:
        """The pixels."""
        return ops.prod(ops.shape(values)[:3])

    def bottom(self, values: Tensor, lengths: Tensor | None = None, training: bool = False) -> Rep:
        """Maps standardized images [B, H, W, C] to a grid of positions."""
        x = ops.cast(values, self.compute_dtype)
        for layer in self._convolutions():
            x = layer(x)
        height, width = ops.shape(x)[1:3]
        x = x + ops.cast(grid_timing(height, width, self.hidden_size), x.dtype)
        x = ops.reshape(x, (-1, height * width, self.hidden_size))
        return Rep(x, ops.ones(ops.shape(x)[:2], "float32"), (height, width))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "channels": self.channels}


class ImageSmall(Image):
    """The image modality for small images: it divides the sides less.

    Deviation: the paper has one entry flow, for 299 x 299; it would leave 2 x 2 positions of a
    32 x 32 image. Here one strided step and `num_blocks` ConvRes blocks: 8 x 8 by default.

    Args:
      stride: of the first step.
      num_blocks: ConvRes blocks, each halves the sides; widths double up to D.
    """

    def __init__(self, stride: int = 2, num_blocks: int = 1, **kwargs: Any) -> None:
        self.stride = stride
        self.num_blocks = num_blocks
        super().__init__(**kwargs)

    @classmethod
    def arguments(cls, kind: Kind, hparams: HParams) -> dict[str, Any]:
        own = {"stride": hparams.image_small_stride, "num_blocks": hparams.image_small_blocks}
        return {**super().arguments(kind, hparams), **own}

    def _step_plan(self) -> list[tuple[str, int, int, bool]]:
        last = 64 if self.num_blocks else self.hidden_size
        return [("step_1", 32, self.stride, True), ("step_2", last, 1, False)]

    def _block_plan(self) -> list[int]:
        halvings = reversed(range(self.num_blocks))
        return [max(self.hidden_size >> n, min(64, self.hidden_size)) for n in halvings]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stride": self.stride, "num_blocks": self.num_blocks}
