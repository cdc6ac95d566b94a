"""How answers are searched for: the fields of --decode_hparams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from t2t_mm.typed_record import TypedRecord


@dataclass(frozen=True)
class DecodeSettings(TypedRecord):
    """Tensor2Tensor's names and defaults where it has them; each line names its unit."""

    NOUN: ClassVar[str] = "decoding hparam"
    FLAG: ClassVar[str] = "--decode_hparams"

    beam_size: int = 4  # hypotheses kept at each step; 1 = greedy
    alpha: float = 0.6  # of GNMT's length penalty ((5 + length) / 6) ** alpha (arXiv 1609.08144)
    return_beams: bool = False  # give all beam_size answers, best first, instead of the best one
    extra_length: int = 50  # tokens that an output may have beyond what its input suggests
    batch_size: int = 0  # inputs answered together; 0: as many as a batch of training holds
    sampling_method: str = "argmax"  # argmax: greedy or beam | random: draw, beam_size is not used
    sampling_temp: float = 1.0  # random: logits are divided by it
    sampling_keep_top_k: int = 0  # random: draw among so many likeliest tokens; 0 = all
    sampling_keep_top_p: float = 1.0  # random: among the fewest of at least this probability
    seed: int = 0  # random: the same seed draws the same answers


GREEDY = DecodeSettings(beam_size=1)
