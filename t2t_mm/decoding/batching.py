"""Which inputs are answered together: similar lengths, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.hparam import HParams
from t2t_mm.problem import FeatureSpec

# What a batch of decoding holds at least, whatever that of training was: it keeps no gradients.
_TOKENS, _PICTURES, _SECONDS = 1024, 64, 60.0


def batches_by_length(
    lengths: Sequence[int], spec: FeatureSpec, hparams: HParams, settings: DecodeSettings
) -> Iterator[list[int]]:
    """Sorts and cuts, the longest first: memory that does not suffice fails at once.

    Args:
      lengths: tokens or samples of each input; 1 for a picture.
      spec: the inputs.
      hparams: batch sizes of training, taken where the settings name none.
      settings: batch_size counts inputs.

    Yields:
      Positions in `lengths`; each once. They follow from the arguments alone, so that a run that
      goes on after a kill makes the batches that it made before.
    """
    budget = _budget(spec, roomier(hparams))
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    while order:
        size = settings.batch_size or max(1, budget // max(1, lengths[order[0]]))
        yield order[:size]
        order = order[size:]


def _budget(spec: FeatureSpec, hparams: HParams) -> int:
    if spec.kind == "image":
        return hparams.batch_images
    if spec.kind == "audio":
        return int(hparams.batch_audio_seconds * (spec.sample_rate or 1))
    return hparams.batch_size


def roomier(hparams: HParams) -> HParams:
    """The hparams with the batch sizes of decoding."""
    return hparams.replace(
        batch_size=max(hparams.batch_size, _TOKENS),
        batch_images=max(hparams.batch_images, _PICTURES),
        batch_audio_seconds=max(hparams.batch_audio_seconds, _SECONDS),
    )
