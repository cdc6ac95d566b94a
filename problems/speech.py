"""What the speech problems have in common: a recording to its words, heard in two ways.

NAME reads log-mel spectra (modality audio_spectral), NAME_waveform the waveform (audio). Both read
the same data, which hold 16-bit samples at 16 kHz: t2t-datagen makes them once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from t2t_mm.data.sources.cleaning import TextRules
from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.problem import Speech2TextProblem, Split

_WAVEFORM = "_waveform"


class SpeechProblem(NamedProblem, Speech2TextProblem):
    """A recording to its words.

    Attributes:
      transcripts: how transcripts are brought to one form, in words.
    """

    rules = TextRules(lowercase=True)
    transcripts: ClassVar[str] = ""
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 100, Split.DEV: 1, Split.TEST: 1}

    def describe_cleaning(self) -> str:
        """The form of the transcripts, and the rules."""
        return "; ".join(filter(None, (self.transcripts, super().describe_cleaning())))


class Waveform(SpeechProblem):
    """Put before a speech problem: the same data, read as a waveform."""

    audio_modality = "audio"

    def __init__(self, name: str):
        super().__init__(name)
        self.data_name = name.removesuffix(_WAVEFORM)
