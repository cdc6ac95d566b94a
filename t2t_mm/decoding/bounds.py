"""The largest inputs that are answered, so that an endless line costs no other its answer."""

from __future__ import annotations

from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.hparam import HParams
from t2t_mm.kinds.kind import InputBounds

_TOKENS, _SECONDS = 4096, 600.0  # far above what models are trained on, far below a machine's end
_PIXELS = 89_478_485  # Pillow's bound against decompression bombs: 1 GB as float32
_TIMES = 4  # what evaluation takes


def input_bounds(hparams: HParams, settings: DecodeSettings) -> InputBounds:
    """The bounds of inputs of a model.

    Args:
      hparams: of the model.
      settings: max_input_tokens and max_input_seconds go first.
    """
    stretch = max(1.0, hparams.eval_max_length / hparams.max_length)
    tokens = max(_TOKENS, _TIMES * hparams.eval_max_length)
    seconds = max(_SECONDS, _TIMES * stretch * hparams.max_audio_seconds)
    return InputBounds(
        settings.max_input_tokens or tokens, settings.max_input_seconds or seconds, _PIXELS
    )
