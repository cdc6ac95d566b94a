"""The base of the speech problems: a recording to its words.

The data hold 16-bit samples at 16 kHz. Whether a model reads log-mel spectra or waveforms is the
hparam audio_modality's choice (audio_spectral, audio).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from t2t_mm.data.sources.cleaning import TextRules
from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.problem import Speech2TextProblem, Split


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
