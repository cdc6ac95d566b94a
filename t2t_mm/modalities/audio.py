"""Sound in: stacks of ConvRes blocks over a waveform, or over a log-mel spectrogram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras import ops

from t2t_mm.errors import HParamError
from t2t_mm.kinds.audio import LOG_MEL, WAVEFORM
from t2t_mm.layers.conv2d import ConvRes, ConvStep2D, Pair, grid_timing, stride_mask
from t2t_mm.layers.rep import Rep
from t2t_mm.modalities.modality import INPUT, Modality
from t2t_mm.tensor import Shape, Tensor

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.kinds import Kind

FREQUENCY = ("keep", "merge")


class Audio(Modality):
    """The audio modality over a waveform (arXiv 1706.05137, section 2.5.4).

    A stack of ConvRes blocks, the i-th (from 1) with 2^i filters, each halving the time; then a
    ConvStep to D. The paper has 8 blocks. Padding is zeros at the end, and changes nothing.

    Deviations: raw input (see `ConvStep2D`), and `min_filters`: a layer norm over 2 channels
    leaves of them only which one is larger.

    Args:
      num_blocks: ConvRes blocks.
      min_filters: the i-th block has max(2^i, min_filters) filters; 2 is the paper's.
    """

    kinds = frozenset({"audio"})
    features = WAVEFORM
    allowed_roles = frozenset({INPUT})

    def __init__(self, num_blocks: int = 8, min_filters: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_blocks = num_blocks
        self.min_filters = min_filters
        self.blocks = [
            ConvRes(
                max(2**i, min_filters),
                self.window,
                strides=(2, 1),
                raw=i == 1,
                **self._named(f"block_{i}"),
            )
            for i in range(1, num_blocks + 1)
        ]
        self.project = ConvStep2D(self.hidden_size, (1, 1), **self._named("project"))

    @classmethod
    def arguments(cls, kind: Kind, hparams: HParams) -> dict[str, Any]:
        if hparams.audio_blocks < 1:
            raise HParamError(f"audio_blocks must be at least 1, got {hparams.audio_blocks}.")
        return {"num_blocks": hparams.audio_blocks, "min_filters": hparams.audio_min_filters}

    def _named(self, name: str) -> dict[str, Any]:
        return {"name": name, "seed": self._seed(name), "dtype": self.dtype_policy}

    @property
    def window(self) -> Pair:
        """Kernel of the blocks, along (time, frequency)."""
        return (3, 1)

    @property
    def channels(self) -> int:
        """Channels of the raw input."""
        return 1

    def build(self, input_shape: Shape | None = None) -> None:
        channels = self.channels
        for block in self.blocks:
            block.build((None, None, None, channels))
            channels = block.filters
        self.project.build((None, None, None, channels))

    def bottom(self, values: Tensor, lengths: Tensor | None = None, training: bool = False) -> Rep:
        """Maps waveforms [B, S] to ceil(S / 2^blocks) positions."""
        return self._sequence(values[:, :, None, None], time_mask(values, lengths))

    def _sequence(self, x: Tensor, mask: Tensor) -> Rep:
        x, mask = self._stack(x, mask)
        return Rep(ops.squeeze(x * mask, 2), ops.cast(mask[:, :, 0, 0], "float32"))

    def _stack(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Maps x [B, T, F, C], mask [B, T] -> [B, T', F, D], mask [B, T', 1, 1]."""
        x = ops.cast(x, self.compute_dtype)
        mask = ops.cast(mask, self.compute_dtype)[:, :, None, None]
        for block in self.blocks:
            x = block(x, mask)
            mask = stride_mask(mask, block.strides)
        return self.project(x), mask

    def get_config(self) -> dict[str, Any]:
        own = {"num_blocks": self.num_blocks, "min_filters": self.min_filters}
        return {**super().get_config(), **own}


class AudioSpectral(Audio):
    """The audio modality over a log-mel spectrogram (arXiv 1706.05137, section 2.5.4).

    The blocks stride along time alone. With `frequency="keep"`, as in the paper, they are
    two-dimensional, every (time, frequency) is a position, and the grid is kept.

    Deviation, `frequency="merge"`: the frequencies are the channels of a one-dimensional stack, and
    a time is a position. F times as many positions are not affordable without an accelerator.

    Args:
      mel_bins: frequencies, F.
      frequency: "keep" or "merge".
    """

    features = LOG_MEL

    def __init__(self, mel_bins: int = 80, frequency: str = "keep", **kwargs: Any) -> None:
        self.mel_bins = mel_bins
        self.frequency = frequency
        super().__init__(**kwargs)

    @classmethod
    def arguments(cls, kind: Kind, hparams: HParams) -> dict[str, Any]:
        if hparams.audio_frequency not in FREQUENCY:
            raise HParamError(
                f"hparam 'audio_frequency' must be {' or '.join(FREQUENCY)}, got "
                f"'{hparams.audio_frequency}'; change it in --hparams."
            )
        own = {"mel_bins": hparams.audio_mel_bins, "frequency": hparams.audio_frequency}
        return {**super().arguments(kind, hparams), **own}

    @property
    def window(self) -> Pair:
        return (3, 1) if self.frequency == "merge" else (3, 3)

    @property
    def channels(self) -> int:
        return self.mel_bins if self.frequency == "merge" else 1

    def bottom(self, values: Tensor, lengths: Tensor | None = None, training: bool = False) -> Rep:
        """Maps spectrograms [B, T, F] to ceil(T / 2^blocks) positions, times F if kept."""
        mask = time_mask(values, lengths)
        if self.frequency == "merge":
            return self._sequence(values[:, :, None, :], mask)
        return self._grid(values[:, :, :, None], mask)

    def _grid(self, x: Tensor, mask: Tensor) -> Rep:
        x, mask = self._stack(x, mask)
        times = ops.shape(x)[1]
        x = (x + ops.cast(grid_timing(times, self.mel_bins, self.hidden_size), x.dtype)) * mask
        x = ops.reshape(x, (-1, times * self.mel_bins, self.hidden_size))
        mask = ops.repeat(ops.cast(mask[:, :, 0, 0], "float32"), self.mel_bins, axis=1)
        return Rep(x, mask, (times, self.mel_bins))

    def get_config(self) -> dict[str, Any]:
        own = {"mel_bins": self.mel_bins, "frequency": self.frequency}
        return {**super().get_config(), **own}


def time_mask(x: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Marks real times with 1: up to `lengths` [B], else up to the last time that is not zero.

    At least one time is real, so that attention over an empty recording stays finite.

    Args:
      x: [B, T] or [B, T, F].
      lengths: [B] or None.

    Returns:
      [B, T] float32.
    """
    times = ops.arange(1, ops.shape(x)[1] + 1)
    if lengths is None:
        is_nonzero = ops.not_equal(x, 0)
        if len(x.shape) == 3:
            is_nonzero = ops.any(is_nonzero, axis=-1)
        lengths = ops.max(ops.cast(is_nonzero, times.dtype) * times, axis=1)
    lengths = ops.maximum(ops.cast(ops.reshape(lengths, (-1, 1)), times.dtype), 1)
    return ops.cast(times <= lengths, "float32")
