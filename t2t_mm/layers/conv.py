"""ConvStep and ConvBlock: the convolutions of MultiModel's body, along a sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from t2t_mm.layers.buffers import read
from t2t_mm.layers.dropout import Dropout
from t2t_mm.layers.normalization import LayerNorm
from t2t_mm.layers.separable_conv import SeparableConv
from t2t_mm.tensor import Shape, Tensor, channels_of


class ConvStep(keras.layers.Layer):
    """ConvStep_d(W, x) = LN(SepConv_d(W, ReLU(x))) (arXiv 1706.05137, section 2.1).

    Args:
      filters: output channels, F.
      kernel_size: number of taps.
      dilation: distance between taps.
      padding: "same" or "causal".
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        dilation: int = 1,
        padding: str = "same",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.conv = SeparableConv(
            filters, kernel_size, dilation, padding, name="conv", dtype=self.dtype_policy
        )
        self.norm = LayerNorm(name="norm", dtype=self.dtype_policy)

    def build(self, input_shape: Shape) -> None:
        self.channels = channels_of(input_shape)
        self.conv.build(input_shape)
        self.norm.build(self.conv.compute_output_shape(input_shape))

    def call(self, x: Tensor, position_mask: Tensor | None = None) -> Tensor:
        """The whole sequence.

        Args:
          x: [B, L, C].
          position_mask: [B, L, 1], 1 = real; None where no real position sees padding, as in
            causal steps: padding is at the end, so that only padding sees it.

        Returns:
          [B, L, F]; padding positions hold finite values of no meaning.
        """
        x = ops.relu(x)
        if position_mask is not None:
            x = x * ops.cast(position_mask, x.dtype)
        return self.norm(self.conv(x))

    def prepare(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The weights that `step` takes, once for all positions.

        Returns:
          The present position's tap [C]; the pointwise kernel [C, F], centered: what leaves it has
          the mean 0 that the normalization would give it; the normalization's scale and bias [F].
        """
        kernel = read(self.conv.pointwise_kernel)
        kernel = kernel - ops.mean(kernel, axis=-1, keepdims=True)
        tap = read(self.conv.depthwise_kernel)[-1]
        weights = ops.cast(tap, self.compute_dtype), ops.cast(kernel, self.compute_dtype)
        return (*weights, *self.norm.prepare())

    def step(
        self, weights: tuple[Tensor, Tensor, Tensor, Tensor], past: Tensor | None, x: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One position of a causal step.

        Args:
          weights: from `prepare`.
          past: [R, C], what the depthwise convolution takes from earlier positions; None for a
            kernel of one tap.
          x: [R, C].

        Returns:
          [R, F], and what later positions will take their part of, [R, C].
        """
        tap, kernel, scale, bias = weights
        activated = ops.relu(x)
        h = activated * tap
        if past is not None:
            h = h + past
        return self.norm.step_centered(ops.matmul(h, kernel), scale, bias), activated

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dilation": self.dilation,
            "padding": self.padding,
        }


class ConvBlock(keras.layers.Layer):
    """Four ConvSteps with two skips, both from the block's input (arXiv 1706.05137, section 2.1).

    h1 = ConvStep_1([3], x); h2 = x + ConvStep_1([3], h1); h3 = ConvStep_1([15], h2);
    h4 = x + ConvStep_8([15], h3); then dropout.

    Args:
      short_kernel: taps of the first two steps.
      long_kernel: taps of the last two steps.
      dilation: of the last step.
      padding: "same" in an encoder, "causal" in a mixer and a decoder.
      dropout: the paper's 0.4 at the end of each block.
      seed_generator: the owner's random generator.
    """

    def __init__(
        self,
        short_kernel: int = 3,
        long_kernel: int = 15,
        dilation: int = 8,
        padding: str = "same",
        dropout: float = 0.0,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.short_kernel = short_kernel
        self.long_kernel = long_kernel
        self.dilation = dilation
        self.padding = padding
        self.dropout_rate = dropout
        self.dropout = Dropout(dropout, seed_generator, name="dropout", dtype=self.dtype_policy)

    def build(self, input_shape: Shape) -> None:
        windows = [
            (self.short_kernel, 1),
            (self.short_kernel, 1),
            (self.long_kernel, 1),
            (self.long_kernel, self.dilation),
        ]
        self.steps = [
            ConvStep(
                channels_of(input_shape),
                taps,
                dilation,
                self.padding,
                name=f"step_{index}",
                dtype=self.dtype_policy,
            )
            for index, (taps, dilation) in enumerate(windows, start=1)
        ]
        for step in self.steps:
            step.build(input_shape)

    def call(
        self, x: Tensor, position_mask: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """Convolves x [B, L, C], position_mask [B, L, 1] or None (see ConvStep) -> [B, L, C]."""
        mask = position_mask if self.padding == "same" else None
        h = self.steps[0](x, position_mask=mask)
        h = x + self.steps[1](h, position_mask=mask)
        h = self.steps[2](h, position_mask=mask)
        h = x + self.steps[3](h, position_mask=mask)
        return self.dropout(h, training=training)

    def step(self, at: Callable[[ConvStep, Tensor], Tensor], x: Tensor) -> Tensor:
        """One position of a causal block: x [R, C] -> [R, C].

        Args:
          at: gives a ConvStep's output at this position (`CausalConvs.at`).
          x: the block's input.
        """
        h = x + at(self.steps[1], at(self.steps[0], x))
        return x + at(self.steps[3], at(self.steps[2], h))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "short_kernel": self.short_kernel,
            "long_kernel": self.long_kernel,
            "dilation": self.dilation,
            "padding": self.padding,
            "dropout": self.dropout_rate,
        }
