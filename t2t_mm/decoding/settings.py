"""Settings of a search for answers: the fields of --decode_hparams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from t2t_mm.errors import HParamError
from t2t_mm.registry import SEARCHES
from t2t_mm.typed_record import TypedRecord

ARGMAX, RANDOM = "argmax", "random"
GREEDY_SEARCH, BEAM_SEARCH, SAMPLING = "greedy", "beam", "sampling"


@dataclass(frozen=True)
class DecodeSettings(TypedRecord):
    """Tensor2Tensor's names and defaults where it has them; each line names its unit.

    Raises:
      HParamError: at construction, for a value out of range.
      UnknownNameError: likewise, for a search that is not registered.
    """

    NOUN: ClassVar[str] = "decoding hparam"
    FLAG: ClassVar[str] = "--decode_hparams"

    beam_size: int = 4  # hypotheses kept at each step; 1 = greedy
    alpha: float = 0.6  # of GNMT's length penalty ((5 + length) / 6) ** alpha (arXiv 1609.08144)
    return_beams: bool = False  # give all beam_size answers, best first, instead of the best one
    write_beam_scores: bool = False  # t2t-decoder writes each answer's log-probability after it
    extra_length: int = 50  # tokens that an output may have beyond what its input suggests
    batch_size: int = 0  # inputs answered together; 0: as many as a batch of training holds
    sampling_method: str = ARGMAX  # argmax: greedy or beam | random: draw, beam_size is not used
    sampling_temp: float = 1.0  # random: logits are divided by it
    sampling_keep_top_k: int = 0  # random: among this number of likeliest tokens; 0 or -1 = all
    sampling_keep_top_p: float = 1.0  # random: among the fewest of at least this probability
    seed: int = 0  # random: the same seed draws the same answers
    num_decodes: int = 1  # answers to each input, best first: drawn ones, or the best of a beam
    min_length: int = 0  # tokens that an answer has before its end, unless its limit comes first
    min_length_ratio: float = 0.0  # likewise, as a multiple of the input's tokens
    eos_penalty: float = 0.0  # taken off the log-probability of an answer's end: longer answers
    force_decode_length: bool = False  # write to the limit: no answer ends before it
    no_repeat_ngram_size: int = 0  # no n tokens in a row twice in an answer; 0: they may
    score_prefix: bool = False  # scores and the length penalty count a prefix's tokens too
    max_input_tokens: int = 0  # longer texts are not answered; 0: 4096 or 4 times eval_max_length
    max_input_seconds: float = 0.0  # of sounds; 0: 600, or 4 times what evaluation takes
    search: str = ""  # a registered search; "": sampling for random, greedy for 1 beam, else beam

    def __post_init__(self) -> None:
        self._require("beam_size", self.beam_size >= 1, "1 (greedy) or more")
        # A negative one would punish long outputs twice, and no search could stop early.
        self._require("alpha", 0 <= self.alpha < float("inf"), "0 (no length penalty) or more")
        self._require("batch_size", self.batch_size >= 0, "0 (chosen by length) or more")
        known = self.sampling_method in (ARGMAX, RANDOM)
        self._require("sampling_method", known, f"{ARGMAX} or {RANDOM}")
        positive = 0 < self.sampling_temp < float("inf")
        self._require("sampling_temp", positive, "more than 0 (1: the model's own probabilities)")
        self._require("sampling_keep_top_k", self.sampling_keep_top_k >= -1, "0 (all) or more")
        share = 0 < self.sampling_keep_top_p <= 1
        self._require("sampling_keep_top_p", share, "more than 0 and at most 1 (all)")
        self._require("min_length", self.min_length >= 0, "0 (no minimum) or more tokens")
        self._require("max_input_tokens", self.max_input_tokens >= 0, "0 (chosen) or more tokens")
        seconds = 0 <= self.max_input_seconds < float("inf")
        self._require("max_input_seconds", seconds, "0 (chosen) or more")
        ratio, penalty = self.min_length_ratio, self.eos_penalty
        self._require("min_length_ratio", 0 <= ratio < float("inf"), "0 (no minimum) or more")
        self._require("eos_penalty", 0 <= penalty < float("inf"), "0 (none) or more")
        self._require("extra_length", self.extra_length >= 0, "0 or more tokens")
        self._require("no_repeat_ngram_size", self.no_repeat_ngram_size >= 0, "0 (off) or more")
        self._check_search()

    def _check_search(self) -> None:
        if self.search:
            SEARCHES.entry(self.search)
        self._require("num_decodes", self.num_decodes >= 1, "1 or more")
        most = {GREEDY_SEARCH: 1, BEAM_SEARCH: self.beam_size}.get(self.strategy)
        if most is not None:
            allowed = f"at most {most}, the beam_size, unless sampling_method=random draws answers"
            self._require("num_decodes", self.num_decodes <= most, allowed)

    def _require(self, name: str, right: bool, allowed: str) -> None:
        if not right:
            value: Any = getattr(self, name)
            raise HParamError(
                f"{self.NOUN} '{name}' must be {allowed}, got '{value}'; change it in {self.FLAG}."
            )

    @property
    def strategy(self) -> str:
        """The name of the search in the registry."""
        if self.search:
            return self.search
        if self.sampling_method == RANDOM:
            return SAMPLING
        return GREEDY_SEARCH if self.beam_size == 1 else BEAM_SEARCH

    @property
    def samples(self) -> bool:
        """True if answers are drawn, not searched for."""
        return self.strategy == SAMPLING

    @property
    def num_outputs(self) -> int:
        """Answers to each input, N: num_decodes if it is given, or a beam's with return_beams."""
        if self.num_decodes == 1 and self.return_beams and self.strategy == BEAM_SEARCH:
            return self.beam_size
        return self.num_decodes


GREEDY = DecodeSettings(beam_size=1)
