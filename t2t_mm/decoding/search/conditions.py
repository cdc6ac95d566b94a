"""Conditions of outputs: a prefix that each begins with, and constraints; and how loops keep them.

Without conditions, loops get back the very tensors that they hand in: nothing is added to a graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

from t2t_mm.decoding.search.constraints import Constraint, Written, forbidden_by
from t2t_mm.decoding.search.tensors import MINUS_INFINITY
from t2t_mm.kinds.vocabulary import EOS, PAD
from t2t_mm.tensor import State


@dataclass(frozen=True)
class Conditions:
    """The conditions that all outputs of a search meet.

    Attributes:
      constraints: forbid tokens; those of a prefix may be written all the same.
      prefix: int32 [B, P], what each output begins with, padded with 0; a row may have none. An
        EOS in it is a token like any other. None: no output has one.
      score_prefix: whether the prefix's tokens count in scores and in the length penalty. If so,
        a score is that of the whole output; if not, that of what follows given the prefix.
      eos_penalty: taken off the log-probability of EOS, at every position.
    """

    constraints: Sequence[Constraint] = ()
    prefix: tf.Tensor | None = None
    score_prefix: bool = False
    eos_penalty: float = 0.0

    def repeated(self, copies: int) -> Conditions:
        """The conditions for `copies` rows of each input, side by side."""
        constraints = [constraint.repeated(copies) for constraint in self.constraints]
        prefix = None if self.prefix is None else tf.repeat(self.prefix, copies, 0)
        return replace(self, constraints=constraints, prefix=prefix)


UNCONDITIONAL = Conditions()


def prefix_lengths(prefix: tf.Tensor) -> tf.Tensor:
    """The number of tokens of each prefix of a batch: int [B, P] padded with 0 -> int32 [B]."""
    return tf.reduce_sum(tf.cast(prefix != PAD, tf.int32), 1)


class Guide:
    """Conditions in a loop over positions, with what is the same at all of them computed once.

    Args:
      conditions: of B inputs.
      limits: int32 [B], tokens that each output may have after its prefix.
      beams: rows of each input, K; R = B * K.

    Attributes:
      limits: int32 [B], tokens that each output may have with its prefix.
      counted: int32 [B], how many of these the length penalty counts at most.
      begin: int32 [B], tokens of each prefix; None without one.
      begin_counting: int32 [B], where the tokens begin that count; None for the first.
    """

    def __init__(self, conditions: Conditions, limits: tf.Tensor, beams: int = 1):
        self._constraints = tuple(conditions.constraints)
        self._eos_penalty = conditions.eos_penalty
        self._beams = beams
        self.scored = conditions.score_prefix
        self.limits = self.counted = limits
        self.begin: tf.Tensor | None = None
        self.begin_counting: tf.Tensor | None = None
        if conditions.prefix is not None:
            prefix = tf.cast(conditions.prefix, tf.int32)
            self._last = tf.shape(prefix)[1]
            self._tokens = tf.transpose(tf.pad(prefix, [[0, 0], [0, 1]]))  # [P + 1, B]
            self.begin = prefix_lengths(prefix)
            self.limits = limits + self.begin
            self.counted = self.limits if self.scored else limits
            self.begin_counting = None if self.scored else self.begin

    def start(self) -> State:
        """The constraints' first state in the loop, a structure of tensors [R, ...]."""
        if not any(constraint.reads_past for constraint in self._constraints):
            return ()
        rows = tf.size(self.limits) * self._beams
        return (tf.zeros([rows, tf.reduce_max(self.limits)], tf.int32),)

    def allowed(
        self, logits: tf.Tensor, tokens: tf.Tensor, position: tf.Tensor, carried: State
    ) -> tuple[tf.Tensor, Any]:
        """The logits of what may be written.

        Args:
          logits: float32 [R, V].
          tokens: int32 [R], written at the position before.
          position: int32 [].
          carried: from `start`, or from the position before.

        Returns:
          The logits, -inf where a token is forbidden: the very same without constraints or a
          penalty; and what is carried on.
        """
        if self._eos_penalty:
            ids = tf.range(tf.shape(logits)[1])
            logits = tf.where(ids == EOS, logits - self._eos_penalty, logits)
        if not self._constraints:
            return logits, carried
        past = None
        if carried:
            before = tf.range(tf.shape(carried[0])[1])[None] == position - 1
            past = tf.where(before, tokens[:, None], carried[0])
            carried = (past,)
        begin = tf.constant(0) if self.begin is None else tf.repeat(self.begin, self._beams)
        size = logits.shape[1] or tf.shape(logits)[1]
        written = Written(position, begin, past, self._beams)
        forbidden = forbidden_by(self._constraints, written, size)
        return tf.where(forbidden, MINUS_INFINITY, logits), carried

    def forced(self, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The outputs that are inside of their prefixes, bool [B], and the tokens there, int32 [B].

        Only where there is a prefix.
        """
        assert self.begin is not None
        return position < self.begin, tf.gather(self._tokens, tf.minimum(position, self._last))
