"""Residual networks from pixels to a label, as they were published (arXiv 1512.03385)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import keras
from keras import ops

from t2t_mm.errors import HParamError, UserError
from t2t_mm.kinds import Image
from t2t_mm.layers.conv2d import max_pool
from t2t_mm.layers.rep import Encoded, Rep
from t2t_mm.layers.residual import ConvNorm, ResidualBlock
from t2t_mm.layers.seeds import fold_in
from t2t_mm.models.body import Body
from t2t_mm.tensor import Shape, Tensor

if TYPE_CHECKING:
    from t2t_mm.problem import Task

FIELDS = (
    "hidden_size",
    "layer_sizes",
    "filter_sizes",
    "block_fn",
    "stem",
    "shortcut",
    "bottleneck_stride",
)
# The allowed values of each field that names a variant; the first is T2T's, if it has the choice.
ALLOWED = {
    "block_fn": ("bottleneck", "residual"),
    "stem": ("7x7", "3x3"),
    "shortcut": ("projection", "zeros"),
    "bottleneck_stride": ("3x3", "1x1"),
}
CHANNELS = 3


class ResNet(Body):
    """A stem and stages of residual blocks over pixels; the label's modality pools and maps.

    With the `pixels` and `linear_label` modalities its trainable parameters are the published ones:
    ResNet-20 for CIFAR-10 269,722, ResNet-50 for ImageNet 25,557,032. Stages after the first halve
    the sides. Batch statistics serve in training, moving ones out of it (`BatchNorm`).

    Args:
      hidden_size: D, must be the width of the last stage.
      layer_sizes: blocks of each stage.
      filter_sizes: filters of the stem and w of each stage.
      block_fn: "bottleneck" (output 4 w) or "residual" (the basic block, output w).
      stem: "7x7", stride 2 and a max pool of stride 2; or "3x3", for images of 32 pixels.
      shortcut: where shapes change: "projection" (option B) or "zeros" (option A).
      bottleneck_stride: "3x3" ("v1.5", T2T's and torchvision's) or "1x1" (as published).
      seed_generator: the one source of randomness.

    Raises:
      HParamError: for sizes that do not fit one another, or an unknown variant.
    """

    modalities = {"image": "pixels", "label": "linear_label"}
    hparam_fields = FIELDS
    decoding_stages = frozenset()

    independent_examples = False  # BatchNorm

    def __init__(
        self,
        hidden_size: int = 2048,
        layer_sizes: Sequence[int] = (3, 4, 6, 3),
        filter_sizes: Sequence[int] = (64, 64, 128, 256, 512),
        block_fn: str = "bottleneck",
        stem: str = "7x7",
        shortcut: str = "projection",
        bottleneck_stride: str = "3x3",
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(hidden_size, seed_generator, **kwargs)
        self.layer_sizes = tuple(layer_sizes)
        self.filter_sizes = tuple(filter_sizes)
        self.block_fn = block_fn
        self.stem = stem
        self.shortcut = shortcut
        self.bottleneck_stride = bottleneck_stride
        self._check()
        side, stride = (7, 2) if stem == "7x7" else (3, 1)
        self.entry = ConvNorm(self.filter_sizes[0], side, stride, **self._named("encoder_stem"))
        self.blocks = [
            ResidualBlock(
                filters,
                stride,
                block_fn == "bottleneck",
                shortcut,
                bottleneck_stride == "1x1",
                **self._named(f"encoder_{stage}_{number}"),
            )
            for stage, number, filters, stride in self._plan()
        ]

    def _plan(self) -> list[tuple[int, int, int, int]]:
        """(stage, number within it, filters, stride) of each block."""
        return [
            (stage, number, filters, 2 if stage > 1 and number == 1 else 1)
            for stage, (count, filters) in enumerate(
                zip(self.layer_sizes, self.filter_sizes[1:], strict=True), start=1
            )
            for number in range(1, count + 1)
        ]

    def _named(self, name: str) -> dict[str, Any]:
        seed = fold_in(self.seed_generator.get_config()["seed"], name)
        return {"name": name, "seed": seed, "dtype": self.dtype_policy}

    def _check(self) -> None:
        for field, allowed in ALLOWED.items():
            if getattr(self, field) not in allowed:
                raise HParamError(
                    f"hparam '{field}' must be {' or '.join(allowed)}, got "
                    f"'{getattr(self, field)}'; change it in --hparams."
                )
        if len(self.filter_sizes) != len(self.layer_sizes) + 1:
            raise HParamError(
                f"hparam 'filter_sizes' must name the stem's width and one for each of the "
                f"{len(self.layer_sizes)} layer_sizes, got {list(self.filter_sizes)}; change it in "
                "--hparams."
            )
        width = self.filter_sizes[-1] * (4 if self.block_fn == "bottleneck" else 1)
        if self.hidden_size != width:
            raise HParamError(
                f"hparam 'hidden_size' must be the width of the last stage, {width}, got "
                f"{self.hidden_size}; change it or filter_sizes in --hparams."
            )

    @classmethod
    def from_hparams(cls, hparams: Any, seed_generator: keras.random.SeedGenerator) -> ResNet:
        """Makes the body that a ResNetHParams describes."""
        return cls(
            **{field: getattr(hparams, field) for field in FIELDS}, seed_generator=seed_generator
        )

    @classmethod
    def refuses(cls, task: Task) -> str | None:
        if task.source == Image.name and task.targets.is_ranked:
            return None
        return (
            f"reads images and answers with labels; '{task.name}' is {task.source} to "
            f"{task.targets.name}"
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{field: getattr(self, field) for field in FIELDS}}

    def build(self, input_shape: Shape | None = None) -> None:
        self.entry.build((None, None, None, CHANNELS))
        width = self.entry.filters
        for block in self.blocks:
            block.build((None, None, None, width))
            width = block.width

    def stages(self) -> Mapping[str, Sequence[keras.layers.Layer]]:
        return {"encoder": [self.entry, *self.blocks]}

    def encode(self, rep: Rep, training: bool = False) -> Encoded:
        """Pixels [B, H * W, 3] with their grid -> [B, h * w, D] with the last stage's grid."""
        if rep.grid is None:
            raise ValueError("a ResNet reads pixels with their grid; got a sequence")
        height, width = rep.grid
        x = ops.reshape(ops.cast(rep.x, self.compute_dtype), (-1, height, width, CHANNELS))
        x = self.entry(x, training=training)
        if self.stem == "7x7":
            x = max_pool(x, (3, 3), (2, 2))
        for block in self.blocks:
            x = block(x, training=training)
        height, width = ops.shape(x)[1:3]
        x = ops.reshape(x, (-1, height * width, self.hidden_size))
        mask = ops.ones(ops.shape(x)[:2], "float32")
        return Encoded(Rep(x, mask, (height, width)), ops.zeros((), "float32"))

    def decode(
        self, encoded: Encoded, shifted: Tensor, mask: Tensor, training: bool = False
    ) -> NoReturn:
        raise UserError(
            "model 'resnet' answers with labels and has no decoder; choose another with --model."
        )
