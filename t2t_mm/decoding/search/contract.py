"""The contract of searches: what one is given, what it gives, and the base class of all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from t2t_mm.decoding.search.conditions import UNCONDITIONAL, Conditions
from t2t_mm.decoding.search.tensors import gather_rows
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.tensor import State


class Step(Protocol):
    """Scores the next token of every hypothesis."""

    def __call__(
        self, tokens: tf.Tensor, position: tf.Tensor, state: State, /
    ) -> tuple[tf.Tensor, Any]:
        """Scores what may stand at a position.

        Args:
          tokens: int32 [R], what stands before it; 0 at position 0, and after an EOS. R counts
            hypotheses, those of one input side by side.
          position: int32 [], 0 for the first token.
          state: any structure of tensors [R, ...] whose shapes stay the same.

        Returns:
          The logits of the token at `position`, [R, V], and the next state.
        """
        ...


class Hypotheses(NamedTuple):
    """The result of a search: N hypotheses for each of B inputs, best first.

    Attributes:
      ids: int32 [B, N, T], each row with its EOS unless it was cut at its limit; then 0. A row
        without any token is not a hypothesis: there were fewer than N. A prefix is part of it.
      scores: float32 [B, N], natural logarithm of each hypothesis's probability; -inf for none.
        That of a prefix counts only if the conditions say so.
      normalised: float32 [B, N], what they are ranked by: scores / length_penalty, the length
        being that of the tokens which count.
    """

    ids: tf.Tensor
    scores: tf.Tensor
    normalised: tf.Tensor


Reorder = Callable[[Any, tf.Tensor], Any]


class SearchRequest(NamedTuple):
    """The arguments of a search.

    Attributes:
      step: scores the next token; its R is B * K, the search's `beams` being K.
      state: the step's first state.
      limits: int32 [B], tokens that each output may have after its prefix, the EOS included; >= 1.
      rows: int32 [B], a number for each input, that what is drawn for it follows from; None: its
        place in the batch.
      reorder: from a state and int32 [R], rows, to the state whose row i goes on from rows[i]. A
        search that never lets a hypothesis go on from another one does not call it.
      conditions: what all outputs have to meet.
    """

    step: Step
    state: State
    limits: tf.Tensor
    rows: tf.Tensor | None = None
    reorder: Reorder = gather_rows
    conditions: Conditions = UNCONDITIONAL


class Search(ABC):
    """A way to search, registered by `registry.register_search` and made from the settings.

    Args:
      settings: the fields of --decode_hparams; a search reads those that it knows.
    """

    def __init__(self, settings: DecodeSettings):
        self.settings = settings

    @property
    def beams(self) -> int:
        """Hypotheses of each input that the step scores at once, K."""
        return 1

    @abstractmethod
    def __call__(self, request: SearchRequest) -> Hypotheses:
        """Searches; a pure graph function.

        An output keeps the request's conditions; `greedy.decode_loop` and `beam.beam_search` see to
        that.
        """
