"""The residual blocks of ResNet (arXiv 1512.03385): convolutions, each batch-normalized."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_mm.layers.batch_normalization import BatchNorm
from t2t_mm.layers.conv2d import same_border
from t2t_mm.layers.seeds import fold_in
from t2t_mm.tensor import Shape, Tensor, channels_of


class ConvNorm(keras.layers.Layer):
    """A convolution without bias, batch normalization and, if asked for, ReLU.

    A strided window of k has k // 2 positions of border on both sides, whatever the image's size
    (T2T's conv2d_fixed_padding). Starts as fb.resnet.torch: normal, variance 2 / (k^2 filters).

    Args:
      filters: output channels, F.
      kernel_size: k, odd.
      stride: along both sides.
      activate: True adds a ReLU.
      seed: of the initial values.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        stride: int = 1,
        activate: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.activate = activate
        self.seed = seed
        self.norm = BatchNorm(name="norm", dtype=self.dtype_policy)

    def build(self, input_shape: Shape) -> None:
        """Makes `kernel` [k, k, C, F] and the norm's variables."""
        size = self.kernel_size
        deviation = (2.0 / (size * size * self.filters)) ** 0.5
        start = keras.initializers.RandomNormal(0.0, deviation, fold_in(self.seed, "kernel"))
        shape = (size, size, channels_of(input_shape), self.filters)
        self.kernel = self.add_weight(shape=shape, initializer=start, name="kernel")
        self.norm.build((None, None, None, self.filters))

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Convolves x [B, H, W, C] -> [B, ceil(H / stride), ceil(W / stride), F]."""
        window, strides = (self.kernel_size,) * 2, (self.stride,) * 2
        x, padding = same_border(x, window, strides)
        x = self.norm(ops.conv(x, self.kernel, strides=strides, padding=padding), training=training)
        return ops.relu(x) if self.activate else x

    def get_config(self) -> dict[str, Any]:
        fields = ("filters", "kernel_size", "stride", "activate", "seed")
        return {**super().get_config(), **{field: getattr(self, field) for field in fields}}


class ResidualBlock(keras.layers.Layer):
    """A residual block, ReLU(shortcut(x) + branch(x)) (arXiv 1512.03385, figure 5).

    The basic branch is two 3x3 convolutions of w filters; the bottleneck is 1x1 of w, 3x3 of w and
    1x1 of 4 w. A shortcut that changes the shape is a strided 1x1 convolution with a norm (option
    B), or every stride-th pixel with channels of zeros (option A, without parameters).

    Args:
      filters: w.
      stride: along both sides.
      bottleneck: which branch.
      shortcut: "projection" or "zeros".
      stride_first: a bottleneck's stride is in its first convolution, as published ("v1"); False:
        in the 3x3 one, as fb.resnet.torch, torchvision and T2T have it ("v1.5").
      seed: of the initial values.
    """

    def __init__(
        self,
        filters: int,
        stride: int = 1,
        bottleneck: bool = False,
        shortcut: str = "projection",
        stride_first: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.stride = stride
        self.bottleneck = bottleneck
        self.shortcut = shortcut
        self.stride_first = stride_first
        self.seed = seed
        self.branch = [
            self._conv(f"conv_{number}", *arguments)
            for number, arguments in enumerate(self._plan(), start=1)
        ]
        self.projection: ConvNorm | None = None

    def _plan(self) -> list[tuple[int, int, int, bool]]:
        """(filters, kernel size, stride, ReLU) of each convolution."""
        width, stride = self.filters, self.stride
        if not self.bottleneck:
            return [(width, 3, stride, True), (width, 3, 1, False)]
        first, second = (stride, 1) if self.stride_first else (1, stride)
        return [(width, 1, first, True), (width, 3, second, True), (4 * width, 1, 1, False)]

    def _conv(
        self, name: str, filters: int, kernel_size: int, stride: int, activate: bool
    ) -> ConvNorm:
        seed = fold_in(self.seed, name)
        return ConvNorm(
            filters, kernel_size, stride, activate, seed, name=name, dtype=self.dtype_policy
        )

    @property
    def width(self) -> int:
        """Output channels."""
        return self.branch[-1].filters

    def build(self, input_shape: Shape) -> None:
        channels = channels_of(input_shape)
        if self.shortcut == "projection" and (channels != self.width or self.stride > 1):
            self.projection = self._conv("projection", self.width, 1, self.stride, False)
            self.projection.build(input_shape)
        for conv in self.branch:
            conv.build((None, None, None, channels))
            channels = conv.filters

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Maps x [B, H, W, C] -> [B, ceil(H / stride), ceil(W / stride), width]."""
        y = x
        for conv in self.branch:
            y = conv(y, training=training)
        return ops.relu(y + self._skip(x, training))

    def _skip(self, x: Tensor, training: bool) -> Tensor:
        if self.projection is not None:
            return self.projection(x, training=training)
        x = x[:, :: self.stride, :: self.stride]
        missing = self.width - x.shape[-1]
        # [B, ceil(H / stride), ceil(W / stride), width]
        return ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, missing]]) if missing else x

    def get_config(self) -> dict[str, Any]:
        fields = ("filters", "stride", "bottleneck", "shortcut", "stride_first", "seed")
        return {**super().get_config(), **{field: getattr(self, field) for field in fields}}
