"""Constraints: tokens that may not be written at a position. Each is a part of any search.

What is forbidden is never chosen, but no probability is given to the rest instead: the score of an
output stays what the model gives it, the same that forced scoring gives. So a longer prefix never
has a larger score than a shorter one, which is what beam search's end rests upon.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import tensorflow as tf

from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.kinds.vocabulary import EOS


class Written(NamedTuple):
    """The tokens before the one that is to be chosen.

    Attributes:
      position: int32 [], where that token will stand; tokens of prefixes are counted.
      begin: int32 [R], the tokens of each row's prefix; or [], 0.
      past: int32 [R, T], the tokens written; 0 from the position on. None if no constraint reads
        it.
      beams: rows of each input, side by side.
    """

    position: tf.Tensor
    begin: tf.Tensor
    past: tf.Tensor | None
    beams: int = 1


class Constraint(ABC):
    """Forbids tokens.

    Attributes:
      reads_past: whether it needs all tokens that a row has written.
    """

    reads_past: ClassVar[bool] = False

    def repeated(self, copies: int) -> Constraint:
        """The constraint for `copies` rows of each input, side by side."""
        return self

    @abstractmethod
    def forbidden(self, written: Written, size: int | tf.Tensor) -> tf.Tensor:
        """The tokens, of `size`, that may not be written next: bool [R, V] or [1, V]."""


@dataclass(frozen=True)
class MinLength(Constraint):
    """No EOS before a least number of tokens.

    Attributes:
      tokens: how many, prefix and EOS not counted.
    """

    tokens: int

    def forbidden(self, written: Written, size: int | tf.Tensor) -> tf.Tensor:
        early = written.position - written.begin < self.tokens
        return tf.reshape(early, [-1, 1]) & _is_eos(size)


@dataclass(frozen=True, eq=False)
class MinLengths(Constraint):
    """`MinLength`, with a number of tokens for each input.

    Attributes:
      tokens: int32 [B].
    """

    tokens: tf.Tensor

    def repeated(self, copies: int) -> MinLengths:
        return MinLengths(tf.repeat(self.tokens, copies))

    def forbidden(self, written: Written, size: int | tf.Tensor) -> tf.Tensor:
        early = written.position - written.begin < tf.repeat(self.tokens, written.beams)
        return early[:, None] & _is_eos(size)


@dataclass(frozen=True)
class NeverEnd(Constraint):
    """No EOS at all: every output goes to its limit."""

    def forbidden(self, written: Written, size: int | tf.Tensor) -> tf.Tensor:
        return _is_eos(size)


@dataclass(frozen=True)
class NoRepeatNgram(Constraint):
    """No n-gram of tokens twice in an output; its prefix counts. An EOS is never forbidden.

    The rule of abstractive summarisation (Paulus, Xiong and Socher, arXiv 1705.04304, section 2.5,
    with n = 3).

    Attributes:
      size: n; 1 forbids every token that was written.
    """

    size: int
    reads_past: ClassVar[bool] = True

    def forbidden(self, written: Written, size: int | tf.Tensor) -> tf.Tensor:
        past, position = written.past, written.position
        assert past is not None
        rows, length = tf.unstack(tf.shape(past))
        # [R, T]: whether the n-gram that ends there began as the one that is about to end.
        same = (tf.range(length) < position)[None] & (past > EOS)
        for back in range(1, self.size):
            last = tf.gather(past, tf.maximum(position - back, 0), axis=1)
            shifted = tf.pad(past, [[0, 0], [back, 0]], constant_values=-1)[:, :length]
            same &= shifted == last[:, None]
        row = tf.repeat(tf.range(rows), length)
        places = tf.stack([row, tf.reshape(past, [-1])], 1)  # [R * T, 2]
        counts = tf.cast(tf.reshape(same, [-1]), tf.int32)
        return tf.scatter_nd(places, counts, tf.stack([rows, size])) > 0


def constraints_of(
    settings: DecodeSettings, lengths: Callable[[], tf.Tensor]
) -> tuple[Constraint, ...]:
    """Those that the settings ask for.

    Args:
      settings: of the search.
      lengths: gives the tokens of each input, int32 [B].
    """
    found: list[Constraint] = []
    if settings.force_decode_length:
        found.append(NeverEnd())
    elif settings.min_length:
        found.append(MinLength(settings.min_length))
    if settings.min_length_ratio and not settings.force_decode_length:
        least = settings.min_length_ratio * tf.cast(lengths(), tf.float32)
        found.append(MinLengths(tf.cast(tf.math.ceil(least), tf.int32)))
    if settings.no_repeat_ngram_size:
        found.append(NoRepeatNgram(settings.no_repeat_ngram_size))
    return tuple(found)


def forbidden_by(
    constraints: Sequence[Constraint], written: Written, size: int | tf.Tensor
) -> tf.Tensor:
    """The tokens that a constraint forbids, bool [R, V] or [1, V]; where nothing is left, EOS is.

    An output that can neither end nor go on would be none.
    """
    found = constraints[0].forbidden(written, size)
    for constraint in constraints[1:]:
        found |= constraint.forbidden(written, size)
    stuck = tf.reduce_all(found[:, EOS + 1 :], -1, keepdims=True)
    return found & ~(stuck & _is_eos(size))


def _is_eos(size: int | tf.Tensor) -> tf.Tensor:
    """bool [1, V]."""
    return (tf.range(size) == EOS)[None]
