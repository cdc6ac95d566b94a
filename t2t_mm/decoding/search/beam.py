"""Beam search with GNMT's length penalty (arXiv 1609.08144, section 7), as one graph loop.

K prefixes of every input are alive; each step

1. ends every alive prefix with an EOS: these are K new finished hypotheses;
2. continues every alive prefix with every other token; the K likeliest go on. A prefix that has
   reached its input's limit is finished as it stands;
3. keeps the N best finished hypotheses, ranked by log-probability / length_penalty. What is alive
   does not depend on them, so the best one is the same whatever N is.

Tensor2Tensor takes the 2K likeliest candidates and sorts those with an EOS from the others. Here
every prefix that was ever alive is tried with an EOS, so no less is found, and no more than K + 2
tokens of a prefix are sorted out.

When it stops. Let s be the log-probability of the likeliest alive prefix of an input, and n its
limit. Whatever an alive prefix becomes has a log-probability of at most s, since what is added
is never positive, and at most n tokens; s is not positive and the penalty grows with the length
(alpha >= 0), so its rank is at most s / length_penalty(n). An input is done when that does not
exceed its worst kept hypothesis: then nothing can enter the list any more, as of equal ranks the
earlier one is kept. The loop ends when all inputs are done; what happens to a done input while
others go on cannot change its list, so no input depends on the others of its batch.

Conditions keep that bound. A constraint only takes continuations away (a minimum length and a
forced one some of the ends, a repeated n-gram some tokens), and what is left keeps the probability
that the model gives it. Inside of a prefix one hypothesis is alive, its scores are sums of
log-probabilities as elsewhere, or 0 where the prefix does not count; nothing ends there. s and n
then count what counts: all tokens, or those after the prefix.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from t2t_mm.decoding.search.conditions import UNCONDITIONAL, Conditions, Guide
from t2t_mm.decoding.search.contract import Hypotheses, Reorder, Search, SearchRequest, Step
from t2t_mm.decoding.search.greedy import greedy
from t2t_mm.decoding.search.tensors import (
    MINUS_INFINITY,
    as_tensors,
    gather_rows,
    length_penalty,
    log_probability,
    shifted_log_sum_exp,
    with_static_shapes,
    write_at,
)
from t2t_mm.decoding.search.top_tokens import top_tokens
from t2t_mm.kinds.vocabulary import EOS
from t2t_mm.tensor import State, Tensor


class Beam(Search):
    """The best of beam_size prefixes; see `beam_search`."""

    @property
    def beams(self) -> int:
        return self.settings.beam_size

    def __call__(self, request: SearchRequest) -> Hypotheses:
        return beam_search(
            request.step,
            request.state,
            request.limits,
            self.settings.beam_size,
            self.settings.alpha,
            self.settings.num_outputs,
            request.reorder,
            conditions=request.conditions,
        )


class _Found(NamedTuple):
    """The best finished hypotheses, best first."""

    ranks: tf.Tensor  # float32 [B, N], -inf for none
    places: tf.Tensor  # int32 [B, N], see _place


class _BeamLoop(NamedTuple):
    position: tf.Tensor  # int32 []
    tokens: tf.Tensor  # int32 [B, K], the last ones of the alive prefixes
    scores: tf.Tensor  # float32 [B, K], their log-probabilities, largest first; -inf for none
    steps: tf.Tensor  # int32 [T, B, K], token * K + the prefix that it continues
    found: _Found
    state: State
    carried: State  # for the constraints, [R, ...]


class _Best(NamedTuple):
    """The continuations that go on."""

    scores: tf.Tensor  # float32 [B, K]
    parents: tf.Tensor  # int32 [B, K], which prefix each continues
    tokens: tf.Tensor  # int32 [B, K]


def beam_search(
    step: Step,
    state: State,
    limits: tf.Tensor,
    beam_size: int,
    alpha: float,
    keep: int | None = None,
    reorder: Reorder = gather_rows,
    stop_early: bool = True,
    conditions: Conditions = UNCONDITIONAL,
) -> Hypotheses:
    """Finds the best hypotheses of every input. A beam of 1 is greedy search.

    Args:
      step: scores the next token; its R is B * K.
      state: the step's first state.
      limits: int32 [B], tokens that each hypothesis may have at most after its prefix, the EOS
        included; >= 1.
      beam_size: K.
      alpha: of the length penalty, >= 0.
      keep: N, hypotheses wanted; None: K. The fewer, the earlier it stops.
      reorder: from a state and int32 [R], rows, to the state whose row i goes on from rows[i].
      stop_early: False goes on to the limits; the answer is the same.
      conditions: what hypotheses have to meet; those of an input share its prefix.

    Returns:
      N hypotheses. Of equal ranks, shorter ones come first.
    """
    if beam_size == 1:
        return greedy(step, state, limits, alpha, conditions)
    guide = Guide(conditions, limits, beam_size)
    fixed = _constants(guide, beam_size, alpha)

    def go_on(loop: _BeamLoop) -> tf.Tensor:
        if not stop_early:
            return tf.reduce_any(loop.scores > MINUS_INFINITY)
        promise = loop.scores[:, :1] / fixed.most
        return tf.reduce_any(promise > loop.found.ranks[:, -1:])

    def body(loop: _BeamLoop) -> tuple[_BeamLoop]:
        tokens = tf.reshape(loop.tokens, [-1])
        logits, state = step(tokens, loop.position, loop.state)
        logits = tf.cast(logits, tf.float32)
        allowed, carried = guide.allowed(logits, tokens, loop.position, loop.carried)
        ended, best = _continue(logits, allowed, loop.scores)
        if guide.begin is not None:
            ended, best = _forced(guide, loop.position, logits, loop.scores, ended, best)
        last = fixed.last <= loop.position
        cut = tf.where(last, best.scores, MINUS_INFINITY)
        found = _merge(loop.found, tf.concat([ended, cut], 1), loop.position, fixed)
        rows = tf.reshape(fixed.rows + best.parents, [-1])
        state, carried = reorder(state, rows), gather_rows(carried, rows)
        steps = write_at(loop.steps, loop.position, best.tokens * beam_size + best.parents)
        scores = tf.where(last, MINUS_INFINITY, best.scores)
        after = _BeamLoop(loop.position + 1, best.tokens, scores, steps, found, state, carried)
        return (with_static_shapes(after, loop),)

    start = _start(guide, beam_size, keep or beam_size, state)
    (end,) = tf.while_loop(go_on, body, (start,))
    return _written(end.found, end.steps[: end.position], alpha, fixed.begin)


class _Constants(NamedTuple):
    """Tensors that are the same at all steps, computed once."""

    last: tf.Tensor  # int32 [B, 1], the last position of each input
    most: tf.Tensor  # float32 [B, 1], the penalty of its longest hypothesis
    penalties: tf.Tensor  # float32 [T], that of a hypothesis which ends at a position
    rows: tf.Tensor  # int32 [B, 1], the first of its rows
    places: tf.Tensor  # int32 [B, 2K], of what is ended and cut at position 0
    begin: tf.Tensor | None  # int32 [B, 1], where what counts begins; None for the first token


def _constants(guide: Guide, beam_size: int, alpha: float) -> _Constants:
    limits, begin = guide.limits, guide.begin_counting
    slots = tf.range(beam_size)
    places = tf.concat([_place(0, slots, 1, beam_size), _place(1, slots, 0, beam_size)], 0)
    return _Constants(
        limits[:, None] - 1,
        length_penalty(guide.counted, alpha)[:, None],
        length_penalty(1 + tf.range(tf.reduce_max(limits)), alpha),
        tf.range(tf.size(limits))[:, None] * beam_size,
        tf.tile(places[None], [tf.size(limits), 1]),
        None if begin is None else begin[:, None],
    )


def _start(guide: Guide, beam_size: int, keep: int, state: State) -> _BeamLoop:
    """The start of the loop: an empty prefix per input; the K - 1 others do not exist yet."""
    limits = guide.limits
    batch = tf.size(limits)
    none = tf.zeros([batch, beam_size], tf.int32)
    scores = tf.tile([[0.0] + [MINUS_INFINITY] * (beam_size - 1)], [batch, 1])
    found = _Found(tf.fill([batch, keep], MINUS_INFINITY), tf.zeros([batch, keep], tf.int32))
    steps = tf.zeros([tf.reduce_max(limits), batch, beam_size], tf.int32)
    return _BeamLoop(tf.constant(0), none, scores, steps, found, as_tensors(state), guide.start())


def _continue(logits: tf.Tensor, allowed: tf.Tensor, scores: tf.Tensor) -> tuple[tf.Tensor, _Best]:
    """Continues prefixes.

    Args:
      logits: [B * K, V].
      allowed: the same tensor, or one with -inf at what may not be written.
      scores: [B, K], log-probabilities of the prefixes.

    Returns:
      Log-probabilities of the prefixes with an EOS [B, K], and the K likeliest other ones.
    """
    beam_size = scores.shape[1]
    width = min(beam_size + 2, logits.shape[1] or beam_size + 2)  # two may be padding and EOS
    values, tokens = top_tokens(allowed, width)
    largest = values[:, :1] if allowed is logits else tf.reduce_max(logits, -1, keepdims=True)
    rest = scores - tf.reshape(shifted_log_sum_exp(logits, largest), [-1, beam_size])
    ended = rest + tf.reshape(allowed[:, EOS : EOS + 1] - largest, [-1, beam_size])
    values = tf.where(tokens > EOS, values - largest, MINUS_INFINITY)
    values = tf.reshape(values, [-1, beam_size, width]) + rest[:, :, None]
    best, places = tf.math.top_k(tf.reshape(values, [-1, beam_size * width]), beam_size)
    tokens = tf.reshape(tokens, [-1, beam_size * width])
    return ended, _Best(best, places // width, tf.gather(tokens, places, batch_dims=1))


def _forced(
    guide: Guide,
    position: tf.Tensor,
    logits: tf.Tensor,
    scores: tf.Tensor,
    ended: tf.Tensor,
    best: _Best,
) -> tuple[tf.Tensor, _Best]:
    """`_continue` inside of a prefix: the first hypothesis goes on with the token there.

    Args:
      guide: has a prefix.
      position: int32 [].
      logits: [B * K, V].
      scores: [B, K], of the prefixes that are continued.
      ended, best: from `_continue`.
    """
    beam_size = scores.shape[1]
    inside, given = guide.forced(position)
    first = scores[:, 0]
    if guide.scored:
        first += log_probability(logits[::beam_size], given)  # [B, V]: the first of each input
    none = tf.fill([tf.size(first), beam_size - 1], MINUS_INFINITY)
    inside = inside[:, None]
    forced = _Best(
        tf.where(inside, tf.concat([first[:, None], none], 1), best.scores),
        tf.where(inside, 0, best.parents),
        tf.where(inside, given[:, None], best.tokens),
    )
    return tf.where(inside, MINUS_INFINITY, ended), forced


def _merge(found: _Found, new: tf.Tensor, position: tf.Tensor, fixed: _Constants) -> _Found:
    """Puts what is finished at a position, log-probabilities [B, 2K], among the best."""
    keep, beam_size = found.ranks.shape[1], new.shape[1] // 2
    counted = position if fixed.begin is None else tf.maximum(position - fixed.begin, 0)
    new /= tf.gather(fixed.penalties, counted)
    places = fixed.places + _place(position, 0, 0, beam_size)
    ranks, best = tf.math.top_k(tf.concat([found.ranks, new], 1), keep)
    places = tf.gather(tf.concat([found.places, places], 1), best, batch_dims=1)
    return _Found(ranks, places)


def _place(count: Tensor, slot: Tensor, with_eos: Tensor, beam_size: int) -> Tensor:
    """Describes a hypothesis: its tokens without EOS, the slot of the last one, and if it ended."""
    return (count * beam_size + slot) * 2 + with_eos


def _written(found: _Found, steps: tf.Tensor, alpha: float, begin: tf.Tensor | None) -> Hypotheses:
    """Follows the hypotheses, [B, N], back from their last tokens; steps [T, B, K]."""
    beam_size = steps.shape[2]
    with_eos = found.places % 2
    counts = found.places // 2 // beam_size
    lengths = counts + with_eos
    exists = found.ranks > MINUS_INFINITY

    def body(position: Tensor, slots: Tensor, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        packed = tf.gather(steps[position], slots, batch_dims=1)
        inside = position < counts
        tokens = tf.where(inside, packed // beam_size, tf.where(position < lengths, EOS, 0))
        ids = write_at(ids, position, tokens)
        after = (position - 1, tf.where(inside, packed % beam_size, slots), ids)
        return with_static_shapes(after, start)

    ids = tf.zeros(tf.concat([tf.shape(steps)[:1], tf.shape(counts)], 0), tf.int32)
    start = as_tensors((tf.shape(steps)[0] - 1, found.places // 2 % beam_size, ids))
    _, _, ids = tf.while_loop(lambda position, *_: position >= 0, body, start)
    ids = tf.where(exists, ids, 0)
    length = tf.reduce_max(tf.where(exists, lengths, 0))
    counted = lengths if begin is None else tf.maximum(lengths - begin, 0)
    scores = found.ranks * length_penalty(counted, alpha)
    return Hypotheses(tf.transpose(ids[:length], [1, 2, 0]), scores, found.ranks)
