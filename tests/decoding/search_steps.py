"""Steps with random weights and a state, and what a search over them must find, in plain numpy."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from t2t_mm.decoding.beam import beam_search

EOS = 1
WIDTH = 3  # of the state


CALLS: list[None] = []  # one for every step that was run


@dataclass
class Random:
    """A little recurrent network; each input starts it from a state of its own.

    Attributes:
      start: float32 [B, WIDTH].
      recur, embed, out: its weights.
    """

    start: np.ndarray
    recur: np.ndarray
    embed: np.ndarray
    out: np.ndarray

    @classmethod
    def make(cls, seed: int, batch: int, vocabulary: int, to_eos: float = 0.0) -> Random:
        rng = np.random.default_rng(seed)
        shapes = [(batch, WIDTH), (WIDTH, WIDTH), (vocabulary, WIDTH), (WIDTH, vocabulary)]
        weights = [rng.normal(0, 1.5, shape).astype(np.float32) for shape in shapes]
        weights[3][:, EOS] += to_eos * np.sign(weights[3][:, EOS])
        return cls(*weights)

    def step(self, tokens: tf.Tensor, position: tf.Tensor, state: dict) -> tuple[tf.Tensor, dict]:
        """A `Step`; the state has a second tensor that remembers every token."""
        tf.py_function(lambda: CALLS.append(None), [], [])
        here = tf.range(tf.shape(state["past"])[1])[None] == position
        past = tf.where(here, tokens[:, None], state["past"])
        first = tf.cast(position > 0, tf.float32)
        embedded = first * tf.gather(self.embed, tokens)
        hidden = tf.tanh(state["hidden"] @ self.recur + embedded)
        return hidden @ self.out, {"hidden": hidden, "past": past}

    def state(self, beams: int, length: int) -> dict:
        hidden = tf.repeat(self.start, beams, 0)
        return {"hidden": hidden, "past": tf.zeros([tf.shape(hidden)[0], length], tf.int32)}

    def search(self, limits: list[int], beams: int, alpha: float, **how):
        """Beam search in a graph -> arrays."""
        weights = tuple(map(tf.constant, (self.start, self.recur, self.embed, self.out)))
        search = _graph(beams, tuple(how.items()))
        found = search(tf.constant(limits), tf.constant(alpha), weights)
        return [part.numpy() for part in found]

    def next_scores(self, row: int, prefix: tuple[int, ...]) -> np.ndarray:
        """Log-probabilities of all tokens after a prefix, float64 [V]."""
        hidden = np.tanh(self.start[row].astype(np.float64) @ self.recur)
        for token in prefix:
            hidden = np.tanh(hidden @ self.recur + self.embed[token])
        logits = hidden @ self.out
        return logits - np.log(np.sum(np.exp(logits)))

    def log_probability(self, row: int, ids: tuple[int, ...]) -> float:
        return sum(self.next_scores(row, ids[:i])[token] for i, token in enumerate(ids))


@functools.cache
def _graph(beams: int, how: tuple):
    """One trace for each shape of weights, whatever their values, limits and alpha."""

    def search(limits, alpha, weights):
        step = Random(*weights)
        state = step.state(beams, tf.reduce_max(limits))
        return beam_search(step.step, state, limits, beams, alpha, **dict(how))

    return tf.function(search, autograph=False)


def penalty(length: int, alpha: float) -> float:
    return ((5 + length) / 6) ** alpha


def outputs(vocabulary: int, limit: int) -> Iterator[tuple[int, ...]]:
    """All that can be written: ended by EOS, or cut at the limit."""
    words = range(2, vocabulary)
    for length in range(limit):
        for ids in itertools.product(words, repeat=length):
            yield (*ids, EOS)
    yield from itertools.product(words, repeat=limit)


def exhaustive(
    step: Random, row: int, vocabulary: int, limit: int, alpha: float
) -> list[tuple[float, tuple[int, ...]]]:
    """(rank, ids) of all outputs, best first."""
    found = [
        (step.log_probability(row, ids) / penalty(len(ids), alpha), ids)
        for ids in outputs(vocabulary, limit)
    ]
    return sorted(found, reverse=True)


def by_hand(
    step: Random, row: int, vocabulary: int, limit: int, alpha: float, beams: int
) -> list[tuple[float, tuple[int, ...]]]:
    """(rank, ids) that a beam of this size finds, best first; it never stops early."""
    alive: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    found = []
    for length in range(1, limit + 1):
        scores = {ids: step.next_scores(row, ids) for _, ids in alive}
        ended = [(before + scores[ids][EOS], (*ids, EOS)) for before, ids in alive]
        longer = [
            (before + scores[ids][token], (*ids, token))
            for before, ids in alive
            for token in range(2, vocabulary)
        ]
        alive = sorted(longer, reverse=True)[:beams]
        done = ended + (alive if length == limit else [])
        found += [(score / penalty(length, alpha), ids) for score, ids in done]
    return sorted(found, reverse=True)[:beams]
