"""Steps with random weights and a state, and what a search over them must find, in plain numpy."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from t2t_mm.decoding.search.beam import beam_search
from t2t_mm.decoding.search.conditions import Conditions
from t2t_mm.decoding.search.constraints import Constraint, MinLength, NeverEnd, NoRepeatNgram

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

    def search_under(
        self, rules: list[Rules], limits: list[int], beams: int, alpha: float, **how: object
    ):
        """`search` under rules, one an input; they differ in their prefixes alone."""
        length = max(len(one.prefix) for one in rules)
        prefix = [one.prefix + (0,) * (length - len(one.prefix)) for one in rules]
        weights = tuple(map(tf.constant, (self.start, self.recur, self.embed, self.out)))
        how |= {"constraints": rules[0].constraints, "score_prefix": rules[0].scored}
        search = _graph_under(beams, tuple(how.items()))
        prefix = np.array(prefix, np.int32).reshape(len(rules), length)
        found = search(tf.constant(limits), tf.constant(alpha), weights, tf.constant(prefix))
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


@functools.cache
def _graph_under(beams: int, how: tuple):
    """As `_graph`, with a prefix."""
    how = dict(how)
    constraints, score_prefix = how.pop("constraints"), how.pop("score_prefix")

    def search(limits, alpha, weights, prefix):
        step = Random(*weights)
        state = step.state(beams, tf.reduce_max(limits) + tf.shape(prefix)[1])
        conditions = Conditions(constraints, prefix, score_prefix)
        return beam_search(step.step, state, limits, beams, alpha, conditions=conditions, **how)

    return tf.function(search, autograph=False, reduce_retracing=True)


@dataclass(frozen=True)
class Rules:
    """What an output has to meet, in plain Python.

    Attributes:
      prefix: tokens that it begins with.
      scored: whether these count.
      min_length, never_end, ngram: of the constraints; 0 and False for none.
    """

    prefix: tuple[int, ...] = ()
    scored: bool = False
    min_length: int = 0
    never_end: bool = False
    ngram: int = 0

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        found: list[Constraint] = [MinLength(self.min_length)] if self.min_length else []
        found += [NeverEnd()] if self.never_end else []
        return (*found, *([NoRepeatNgram(self.ngram)] if self.ngram else []))

    def repeats(self, ids: tuple[int, ...]) -> bool:
        """Whether the last n tokens stand together somewhere before."""
        n = self.ngram
        grams = [ids[i : i + n] for i in range(len(ids) - n + 1)]
        return bool(n) and grams[-1:] != [] and grams[-1] in grams[:-1]

    def allowed(self, ids: tuple[int, ...], vocabulary: int) -> list[int]:
        """The tokens that may follow what is written, the prefix included."""
        words = [word for word in range(2, vocabulary) if not self.repeats((*ids, word))]
        early = self.never_end or len(ids) - len(self.prefix) < self.min_length
        return words if words and early else [EOS, *words]

    def rank(self, step: Random, row: int, ids: tuple[int, ...], alpha: float) -> float:
        return self.score(step, row, ids) / penalty(len(ids) - self.uncounted, alpha)

    def score(self, step: Random, row: int, ids: tuple[int, ...]) -> float:
        before = 0.0 if self.scored else step.log_probability(row, self.prefix)
        return step.log_probability(row, ids) - before

    @property
    def uncounted(self) -> int:
        return 0 if self.scored else len(self.prefix)


def exhaustive_under(
    rules: Rules, step: Random, row: int, vocabulary: int, limit: int, alpha: float
) -> list[tuple[float, tuple[int, ...]]]:
    """(rank, ids) of all outputs that meet the rules, best first."""

    def meets(ids: tuple[int, ...]) -> bool:
        begin = len(rules.prefix)
        steps = range(begin, len(ids))
        return all(ids[place] in rules.allowed(ids[:place], vocabulary) for place in steps)

    all_ids = [rules.prefix + ids for ids in outputs(vocabulary, limit)]
    return sorted(
        ((rules.rank(step, row, ids, alpha), ids) for ids in all_ids if meets(ids)), reverse=True
    )


def by_hand_under(
    rules: Rules, step: Random, row: int, vocabulary: int, limit: int, alpha: float, beams: int
) -> list[tuple[float, tuple[int, ...]]]:
    """(rank, ids) that a beam of this size finds under rules; it never stops early."""
    alive = [rules.prefix]
    found: list[tuple[int, ...]] = []
    for count in range(1, limit + 1):
        longer = [(*ids, token) for ids in alive for token in rules.allowed(ids, vocabulary)]
        found += [ids for ids in longer if ids[-1] == EOS]
        longer = [ids for ids in longer if ids[-1] != EOS]
        alive = sorted(longer, key=lambda ids: -rules.score(step, row, ids))[:beams]
        found += alive if count == limit else []
    ranked = [(rules.rank(step, row, ids, alpha), ids) for ids in found]
    return sorted(ranked, reverse=True)[:beams]


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
