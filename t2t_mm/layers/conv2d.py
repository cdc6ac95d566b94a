"""Two-dimensional ConvStep, ConvRes and max-pooling that padding cannot change.

Images are [B, H, W, C]; a sequence is an image of width 1, a spectrogram one of time by
frequency. `position_mask` is [B, H, W or 1, 1], 1 where a position is real; None: all are.

TensorFlow's SAME padding of a strided window depends on the parity of the padded length, so that
more padding would move every window. Here a window of k has k // 2 positions of border on both
sides: output i is centered on input i * stride, whatever the length, and is real where that is.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_mm.layers.normalization import LayerNorm
from t2t_mm.layers.seeds import fold_in
from t2t_mm.tensor import Shape, Size, Tensor, channels_of

Pair = tuple[int, int]
FAR_BELOW = -3e4  # below any normalized value, and finite in float16


class ConvStep2D(keras.layers.Layer):
    """ConvStep_s(W, x) = LN(SepConv_s(W, ReLU(x))) (arXiv 1706.05137, section 2.1).

    A [1 x 1] depthwise convolution only scales the channels of the pointwise one; it is left out.

    Deviations for raw input (an image's colors, sound), `raw=True`:
    - no ReLU, which would throw away the negative half of standardized values;
    - an ordinary convolution, because a depthwise one of 3 colors has only 3 spatial filters and
      of 1 channel a single one. Xception's entry flow begins with ordinary convolutions too;
    - a bias before the normalization, random at the start. Without it the normalization blows the
      noise of a gray background up to the size of an edge, and leaves of a single channel its sign.
      The shapes world's images through an entry flow and a class head alone, 500 steps of 32,
      mean of 4 seeds: 84 % right; with a bias that starts at zero 47 %.

    Args:
      filters: output channels, F.
      kernel_size: (height, width), both odd.
      strides: along height and width.
      raw: the input is no layer's output.
      seed: of the initial values.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Pair = (3, 3),
        strides: Pair = (1, 1),
        raw: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size: Pair = (kernel_size[0], kernel_size[1])
        self.strides: Pair = (strides[0], strides[1])
        self.raw = raw
        self.seed = seed
        self.norm = LayerNorm(name="norm", dtype=self.dtype_policy)

    def build(self, input_shape: Shape) -> None:
        """Makes `kernel` [h, w, C, F] and `bias` [F] (raw), or `depthwise` and `pointwise`."""
        (height, width), channels = self.kernel_size, channels_of(input_shape)
        window = height * width
        self.kernel = self.bias = self.depthwise = self.pointwise = None
        if self.raw:
            self.bias = self._bias()
        if self.raw and window > 1:
            self.kernel = self._weight("kernel", (height, width, channels, self.filters), window)
        else:
            if window > 1:
                self.depthwise = self._weight("depthwise", (height, width, channels, 1), window)
            self.pointwise = self._weight("pointwise", (channels, self.filters), channels)
        self.norm.build((*input_shape[:-1], self.filters))

    def _weight(self, name: str, shape: tuple[int, ...], fan_in: int) -> Tensor:
        limit = (3.0 / fan_in) ** 0.5  # unit variance in, unit variance out
        start = keras.initializers.RandomUniform(-limit, limit, fold_in(self.seed, name))
        return self.add_weight(shape=shape, initializer=start, name=name)

    def _bias(self) -> Tensor:
        start = keras.initializers.RandomNormal(0.0, 3.0, fold_in(self.seed, "bias"))
        return self.add_weight(shape=(self.filters,), initializer=start, name="bias")

    def call(self, x: Tensor, position_mask: Tensor | None = None) -> Tensor:
        """One step.

        Args:
          x: [B, H, W, C].
          position_mask: [B, H, W or 1, 1] or None.

        Returns:
          [B, ceil(H / stride), ceil(W / stride), F]; padding holds finite values of no meaning.
        """
        if not self.raw:
            x = ops.relu(x)
        if position_mask is not None:
            x = x * ops.cast(position_mask, x.dtype)
        x = self._convolve(x)
        return self.norm(x if self.bias is None else x + self.bias)

    def _convolve(self, x: Tensor) -> Tensor:
        if self.kernel is not None:
            x, padding = same_border(x, self.kernel_size, self.strides)
            return ops.conv(x, self.kernel, strides=self.strides, padding=padding)
        if self.depthwise is not None:
            x = depthwise_conv(x, self.depthwise, self.strides)
        else:
            x = x[:, :: self.strides[0], :: self.strides[1]]
        return ops.matmul(x, self.pointwise)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sides = zip(input_shape[1:3], self.strides, strict=True)
        return (input_shape[0], *(n and -(-n // s) for n, s in sides), self.filters)

    def get_config(self) -> dict[str, Any]:
        fields = ("filters", "kernel_size", "strides", "raw", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in fields}}


class ConvRes(keras.layers.Layer):
    """ConvRes(x, f) (arXiv 1706.05137, section 2.5.2, image modality).

    c1 = ConvStep([3 x 3], x), c2 = ConvStep([3 x 3], c1), p1 = MaxPool([3 x 3], c2) with stride;
    the result is p1 + ConvStep([1 x 1], x) with the same stride.

    Args:
      filters: output channels, F.
      kernel_size: of the convolutions and the pool; (3, 1) for a sequence.
      strides: the paper's 2; (2, 1) keeps the resolution along the second axis.
      raw: the input is no layer's output, see `ConvStep2D`.
      seed: of the initial values.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Pair = (3, 3),
        strides: Pair = (2, 2),
        raw: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size: Pair = (kernel_size[0], kernel_size[1])
        self.strides: Pair = (strides[0], strides[1])
        self.raw = raw
        self.seed = seed
        self.first = self._step("first", self.kernel_size, (1, 1), raw)
        self.second = self._step("second", self.kernel_size, (1, 1), False)
        self.skip = self._step("skip", (1, 1), self.strides, raw)

    def _step(self, name: str, kernel_size: Pair, strides: Pair, raw: bool) -> ConvStep2D:
        return ConvStep2D(
            self.filters,
            kernel_size,
            strides,
            raw,
            fold_in(self.seed, name),
            name=name,
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: Shape) -> None:
        self.first.build(input_shape)
        self.second.build((*input_shape[:-1], self.filters))
        self.skip.build(input_shape)

    def call(self, x: Tensor, position_mask: Tensor | None = None) -> Tensor:
        """Convolves x [B, H, W, C] -> [B, ceil(H / stride), ceil(W / stride), F]."""
        h = self.second(self.first(x, position_mask), position_mask)
        pooled = max_pool(h, self.kernel_size, self.strides, position_mask)
        return pooled + self.skip(x, position_mask)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.skip.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        fields = ("filters", "kernel_size", "strides", "raw", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in fields}}


def same_border(x: Tensor, window: Pair, strides: Pair, value: float = 0.0) -> tuple[Tensor, str]:
    """Pads x [B, H, W, C] by window // 2 where the library's SAME would depend on the length.

    Returns:
      x, and the padding to ask of the convolution: "same" where that is symmetric anyway.
    """
    if strides == (1, 1):
        return x, "same"
    (top, left) = (side // 2 for side in window)
    # [B, H + 2 top, W + 2 left, C]
    return ops.pad(x, [[0, 0], [top, top], [left, left], [0, 0]], constant_values=value), "valid"


def depthwise_conv(x: Tensor, kernel: Tensor, strides: Pair) -> Tensor:
    """Convolves each channel of x [B, H, W, C] with its own window of kernel [h, w, C, 1]."""
    x, padding = same_border(x, (kernel.shape[0], kernel.shape[1]), strides)
    if strides[0] == strides[1]:
        return ops.depthwise_conv(x, kernel, strides=strides, padding=padding)
    # TensorFlow's depthwise kernel knows no unequal strides.
    short = min(strides)
    y = ops.depthwise_conv(x, kernel, strides=short, padding=padding)
    return y[:, :: strides[0] // short, :: strides[1] // short]


def max_pool(x: Tensor, window: Pair, strides: Pair, position_mask: Tensor | None = None) -> Tensor:
    """The largest real value of each window of x [B, H, W, C]; 0 where the center is padding."""
    if position_mask is not None:
        position_mask = ops.cast(position_mask, x.dtype)
        x = x * position_mask + FAR_BELOW * (1 - position_mask)
    x, padding = same_border(x, window, strides, FAR_BELOW)
    x = ops.max_pool(x, window, strides=strides, padding=padding)
    if position_mask is None:
        return x
    return x * stride_mask(position_mask, strides)


def stride_mask(position_mask: Tensor, strides: Pair) -> Tensor:
    """The mask of a strided layer's output: output i is centered on input i * stride."""
    if position_mask is None:
        return None
    return position_mask[:, :: strides[0], :: strides[1]]


def grid_timing(height: Size, width: Size, depth: int) -> Tensor:
    """A timing signal for grids: half of the channels tell the row, half the column.

    The paper's signal (section 2.2) is one-dimensional; the body adds it over flattened positions.
    From that alone, "in the same column" is no simple function of two positions. As in the
    one-dimensional signal, wavelengths grow geometrically, here up to 100 positions times 2 pi.

    Args:
      height, width: ints or scalar tensors.
      depth: channels, D; those beyond a multiple of 4 stay 0.

    Returns:
      [height, width, D] float32.
    """
    quarter = depth // 4
    rates = ops.power(100.0, -ops.arange(quarter, dtype="float32") / quarter)
    rows = ops.arange(height, dtype="float32")[:, None] * rates
    columns = ops.arange(width, dtype="float32")[:, None] * rates
    rows = ops.concatenate([ops.sin(rows), ops.cos(rows)], axis=-1)[:, None]  # [H, 1, D / 2]
    columns = ops.concatenate([ops.sin(columns), ops.cos(columns)], axis=-1)[None]  # [1, W, D / 2]
    parts = [rows + ops.zeros_like(columns), columns + ops.zeros_like(rows)]  # [H, W, D / 2] each
    return ops.pad(ops.concatenate(parts, axis=-1), [[0, 0], [0, 0], [0, depth % 4]])
