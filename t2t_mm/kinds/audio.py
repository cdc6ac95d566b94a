"""Sound: 16-bit samples at one rate, fed as waveforms or log-mel spectrograms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from t2t_mm.kinds.broken import BrokenValue, TooLarge
from t2t_mm.kinds.file_endings import Endings, sound_endings
from t2t_mm.kinds.kind import (
    BYTES,
    InputBounds,
    Kind,
    RowLimits,
    StoredInput,
    Vocabularies,
    content_of,
    encoded_file,
)
from t2t_mm.kinds.sound_files import stored_sound
from t2t_mm.kinds.wav_files import pcm_file
from t2t_mm.tensor import Tensor

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

    import tensorflow as tf

    from t2t_mm.hparam import HParams

LOG_MEL, WAVEFORM = "log_mel", "waveform"  # the forms that modalities read

TICKS_PER_SECOND = 10  # sound is bucketed by its duration in tenths of a second
_TOKENS_PER_SECOND = 15.0  # of speech: three words, of some pieces each
_DEFAULT_RATE = 16_000  # Hz
_BYTES_PER_SAMPLE = 2


@dataclass(frozen=True)
class Audio(Kind):
    """A recording.

    Stored as little-endian 16-bit mono PCM; fed as a waveform float32 [B, N] or as a log-mel
    spectrogram float32 [B, T, F], each of mean 0 and variance 1.

    Attributes:
      sample_rate: Hz of what is stored.
    """

    name: ClassVar[str] = "audio"
    noun: ClassVar[str] = "sound"
    plural: ClassVar[str] = "sounds"
    stored_as: ClassVar[str] = BYTES
    suffixes = Endings(sound_endings)
    modality_field: ClassVar[str] = "audio_modality"
    leads: ClassVar[bool] = True
    is_timeline: ClassVar[bool] = True
    heavy: ClassVar[bool] = True
    option_keys: ClassVar[tuple[str, ...]] = ("sample_rate",)

    sample_rate: int | None = None

    @classmethod
    def declared(cls, problem: str, options: Mapping[str, Any]) -> Self:
        return cls(options.get("sample_rate", _DEFAULT_RATE))

    @property
    def modality(self) -> str:
        return "audio_spectral"

    @property
    def is_bound(self) -> bool:
        return bool(self.sample_rate)

    def missing(self) -> str | None:
        return None if self.sample_rate else "`sample_rate`"

    def stored_fields(self) -> dict[str, Any]:
        return {"kind": self.name, "sample_rate": self.sample_rate}

    def check(self, value: Any) -> list[bytes]:
        return [stored_sound(encoded_file(value), self.sample_rate or _DEFAULT_RATE)]

    def read(self, raw: Any, vocabularies: Vocabularies) -> StoredInput:
        return self._read(raw)

    def read_bounded(
        self, raw: Any, vocabularies: Vocabularies, bounds: InputBounds
    ) -> StoredInput:
        return self._read(raw, bounds.audio_seconds)

    def _read(self, raw: Any, most_seconds: float | None = None) -> StoredInput:
        rate = self.sample_rate or _DEFAULT_RATE
        try:
            pcm = stored_sound(content_of(raw), rate, most_seconds)
        except TooLarge as error:
            flag = "--decode_hparams=max_input_seconds=N allows more, where memory does"
            raise TooLarge(error.reason, f"{error.detail} ({flag})") from None
        return StoredInput(pcm, len(pcm) // _BYTES_PER_SAMPLE)

    def sizes(self, counts: Any) -> Any:
        """Samples."""
        return counts // _BYTES_PER_SAMPLE

    def remark(self, length: int, hparams: HParams, features: str = "") -> str:
        return f", {self.seconds(length, hparams, features):.1f} s"

    def seconds(self, lengths: Any, hparams: HParams, features: str = "") -> Any:
        """The duration of sounds of these lengths: samples, or frames of a spectrogram."""
        if features == LOG_MEL:
            return lengths * hparams.audio_step_ms / 1000
        return lengths / (self.sample_rate or 1)

    def limit(self, hparams: HParams, training: bool) -> int | None:
        """The limit in samples. Evaluation stretches sound as much as it stretches text."""
        seconds = hparams.max_audio_seconds
        if not training:
            seconds *= max(1.0, hparams.eval_max_length / hparams.max_length)
        return int(seconds * (self.sample_rate or 1))

    def trim(self, stored: Tensor, limit: int) -> Tensor:
        import tensorflow as tf

        return tf.strings.substr(stored, 0, _BYTES_PER_SAMPLE * limit)

    def lengths(self, sizes: np.ndarray) -> np.ndarray:
        return seconds_to_ticks(sizes / (self.sample_rate or 1))

    def budget(self, hparams: HParams) -> int | None:
        return int(hparams.batch_audio_seconds * TICKS_PER_SECOND)

    def feed(
        self,
        stored: Tensor,
        hparams: HParams,
        features: str = "",
        training: bool = False,
        seed: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        from t2t_mm.kinds import audio_graph

        if features == LOG_MEL:
            return audio_graph.log_mel(stored, self, hparams)
        return audio_graph.waveform(stored)

    def batch_shape(
        self, batch: int, size: int, hparams: HParams, features: str = ""
    ) -> tuple[int, ...]:
        if features != LOG_MEL:
            return (batch, size)
        from t2t_mm.kinds.audio_graph import frame_count

        return (batch, frame_count(size, self, hparams), hparams.audio_mel_bins)

    def suggested_tokens(
        self, lengths: tf.Tensor, target: Kind, hparams: HParams, features: str = ""
    ) -> tf.Tensor:
        import tensorflow as tf

        per_position = _TOKENS_PER_SECOND / (self.sample_rate or 1)
        if features == LOG_MEL:
            per_position = _TOKENS_PER_SECOND * hparams.audio_step_ms / 1000
        return tf.cast(tf.round(tf.cast(lengths, tf.float64) * per_position), tf.int32)

    def graph_read(self, contents: tf.Tensor, texts: Mapping[str, Any]) -> Tensor:
        from t2t_mm.kinds.graph.sounds import stored_sounds

        return stored_sounds(contents, self.sample_rate or _DEFAULT_RATE)

    def graph_bounded(self, stored: Tensor, bounds: InputBounds) -> Tensor:
        import tensorflow as tf

        from t2t_mm.kinds.graph.checks import require_all

        most = int(bounds.audio_seconds * (self.sample_rate or _DEFAULT_RATE)) * _BYTES_PER_SAMPLE
        words = f"is longer than {bounds.audio_seconds:g} seconds; give a shorter sound."
        with tf.control_dependencies([require_all(tf.strings.length(stored) <= most, words)]):
            return tf.identity(stored)

    def to_user_input(self, stored: Any, vocabularies: Vocabularies) -> bytes:
        return pcm_file(bytes(stored), self.sample_rate or _DEFAULT_RATE)

    def description(self) -> dict[str, Any]:
        return {"kind": self.name, "sample_rate": self.sample_rate}

    @classmethod
    def checked_row(
        cls, value: str | bytes, description: Mapping[str, Any], limits: RowLimits
    ) -> bytes:
        if isinstance(value, str):
            raise BrokenValue(
                "text", 'is text, but this problem takes a sound; send its file as {"b64": "..."}'
            )
        rate = description.get("sample_rate") or _DEFAULT_RATE
        try:
            return pcm_file(stored_sound(value, rate, limits.audio_seconds), rate)
        except TooLarge as error:
            raise TooLarge(error.reason, f"{error.detail} (--max_audio_seconds)") from None

    @classmethod
    def sample_row(cls, description: Mapping[str, Any]) -> bytes:
        """Half a second of near silence."""
        rate = int(description.get("sample_rate") or _DEFAULT_RATE)
        return pcm_file(b"\x01\x00\xff\xff" * (rate // 4), rate)


def seconds_to_ticks(seconds: np.ndarray | float) -> np.ndarray:
    """Tenths of a second, rounded up; 1e-6 forgives the rounding of a division."""
    return np.ceil(np.asarray(seconds) * TICKS_PER_SECOND - 1e-6).astype(np.int64)
