"""Hparams sets of ResNet (arXiv 1512.03385) for ImageNet and CIFAR.

Of Tensor2Tensor's sets, resnet_18, 34, 50, 101 and 152 have the same networks here; its
resnet_cifar_15 and resnet_cifar_32 have a 7x7 stem, projections and pre-activation, which no paper
has for CIFAR, and are not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from t2t_mm.hparam import HParams
from t2t_mm.registry import register_hparams
from t2t_mm.value_range import Choices, Each, Range


@dataclass(frozen=True)
class ResNetHParams(HParams):
    """The hparams of ResNet's body besides the common fields."""

    # blocks of each stage
    layer_sizes: Annotated[tuple[int, ...], Each(Range(1), 1)] = (3, 4, 6, 3)
    # of the stem and of each stage
    filter_sizes: Annotated[tuple[int, ...], Each(Range(1), 2)] = (64, 64, 128, 256, 512)
    # bottleneck (output 4 x filters) | residual (the basic block)
    block_fn: Annotated[str, Choices(("bottleneck", "residual"))] = "bottleneck"
    # 7x7 and a pool, sides / 4 | 3x3, for images of 32 pixels
    stem: Annotated[str, Choices(("7x7", "3x3"))] = "7x7"
    # projection (option B) | zeros (option A, no parameters)
    shortcut: Annotated[str, Choices(("projection", "zeros"))] = "projection"
    # 3x3 (v1.5) | 1x1 (as published)
    bottleneck_stride: Annotated[str, Choices(("3x3", "1x1"))] = "3x3"


@register_hparams
def resnet_50() -> ResNetHParams:
    """ResNet-50 for images of 224 pixels: 25,557,032 parameters with 1,000 classes.

    Source: T2T 1.15 resnet_50: momentum 0.9, rate 0.4 at batch 1024, cosine over 120,000 steps.
    Nesterov, coupled decay 1e-4. Differs: one device's batch of 128 has an eighth of the rate. Not
    trained by us.
    """
    return ResNetHParams(
        hidden_size=2048,
        batch_images=128,
        train_steps=120_000,
        optimizer="momentum",
        optimizer_hparams=("momentum=0.9", "nesterov=true", "l2=0.0001"),
        learning_rate=0.05,
        learning_rate_schedule="cosine",
        learning_rate_warmup_steps=0,
        learning_rate_decay_steps=120_000,
        clip_norm=0.0,
        label_smoothing=0.0,
        dropout=0.0,
    )


@register_hparams
def resnet_101() -> ResNetHParams:
    """ResNet-101: 44,549,160 parameters. As resnet_50."""
    return resnet_50().replace(layer_sizes=(3, 4, 23, 3))


@register_hparams
def resnet_152() -> ResNetHParams:
    """ResNet-152: 60,192,808 parameters. As resnet_50."""
    return resnet_50().replace(layer_sizes=(3, 8, 36, 3))


@register_hparams
def resnet_34() -> ResNetHParams:
    """ResNet-34, of basic blocks: 21,797,672 parameters. As resnet_50.

    T2T's residual block normalises before its convolutions (v2); this one is as published.
    """
    return resnet_50().replace(hidden_size=512, block_fn="residual")


@register_hparams
def resnet_18() -> ResNetHParams:
    """ResNet-18, of basic blocks: 11,689,512 parameters. As resnet_34."""
    return resnet_34().replace(layer_sizes=(2, 2, 2, 2))


@register_hparams
def resnet_20() -> ResNetHParams:
    """ResNet-20 for CIFAR-10: 269,722 parameters.

    Source: arXiv 1512.03385 section 4.2: momentum 0.9, rate 0.1, a tenth of it from half and from
    three quarters of 64,000 steps, batch 128, coupled weight decay 1e-4; 8.75 % error. Differs:
    normalization's vectors do not decay; images are standardized each by itself and shifted by a
    sixteenth of their side, not an eighth. Not trained by us.
    """
    return ResNetHParams(
        hidden_size=64,
        layer_sizes=(3, 3, 3),
        filter_sizes=(16, 16, 32, 64),
        block_fn="residual",
        stem="3x3",
        shortcut="zeros",
        batch_images=128,
        train_steps=64_000,
        optimizer="momentum",
        optimizer_hparams=("momentum=0.9", "l2=0.0001"),
        learning_rate=0.1,
        learning_rate_schedule="step",
        learning_rate_boundaries=(0.5, 0.75),
        learning_rate_decay_rate=0.1,
        learning_rate_warmup_steps=0,
        clip_norm=0.0,
        label_smoothing=0.0,
        dropout=0.0,
    )


@register_hparams
def resnet_32() -> ResNetHParams:
    """ResNet-32 for CIFAR-10: 464,154 parameters; 7.51 % error published. As resnet_20."""
    return resnet_20().replace(layer_sizes=(5, 5, 5))


@register_hparams
def resnet_44() -> ResNetHParams:
    """ResNet-44 for CIFAR-10: 658,586 parameters; 7.17 % error published. As resnet_20."""
    return resnet_20().replace(layer_sizes=(7, 7, 7))


@register_hparams
def resnet_56() -> ResNetHParams:
    """ResNet-56 for CIFAR-10: 853,018 parameters; 6.97 % error published. As resnet_20."""
    return resnet_20().replace(layer_sizes=(9, 9, 9))


@register_hparams
def resnet_110() -> ResNetHParams:
    """ResNet-110 for CIFAR-10: 1,727,962 parameters; 6.43 % error published. As resnet_20.

    Differs: 400 steps of warm-up, where the paper has rate 0.01 until the training error is below
    80 % (about 400 steps).
    """
    return resnet_20().replace(layer_sizes=(18, 18, 18), learning_rate_warmup_steps=400)


@register_hparams
def resnet_tiny() -> ResNetHParams:
    """ResNet-8 of half the width, 19,218 parameters with 10 classes: minutes on a laptop.

    Source: ours, resnet_20 with one block per stage.

    Command: t2t-trainer --problems=image_shapes --model=resnet --hparams_set=resnet_tiny
    --generate_data. Hardware and time: two busy CPU cores, 1 minute. Reached, on the test split:
    86.0 % of 30 classes.
    """
    return resnet_20().replace(
        hidden_size=32,
        layer_sizes=(1, 1, 1),
        filter_sizes=(8, 8, 16, 32),
        batch_images=32,
        train_steps=1000,
        learning_rate=0.05,
    )
