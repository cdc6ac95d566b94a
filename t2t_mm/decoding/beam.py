"""Beam search with GNMT's length penalty (arXiv 1609.08144, section 7), as one graph loop.

K prefixes of every input are alive; each step

1. ends every alive prefix with an EOS: these are K new finished hypotheses;
2. continues every alive prefix with every other token; the K likeliest go on. A prefix that has
   reached its input's limit is finished as it stands;
3. keeps the K best finished hypotheses, ranked by log-probability / length_penalty.

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
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from t2t_mm.data.vocabulary import EOS
from t2t_mm.decoding.search import (
    NEVER,
    Reorder,
    Step,
    Written,
    as_tensors,
    gather_rows,
    greedy,
    length_penalty,
    log_total,
    same_shapes,
)


class _Found(NamedTuple):
    """The best finished hypotheses, best first."""

    ranks: tf.Tensor  # float32 [B, K], -inf for none
    places: tf.Tensor  # int32 [B, K], see _place


class _Loop(NamedTuple):
    position: tf.Tensor  # int32 []
    tokens: tf.Tensor  # int32 [B, K], the last ones of the alive prefixes
    scores: tf.Tensor  # float32 [B, K], their log-probabilities, largest first; -inf for none
    steps: tf.Tensor  # int32 [T, B, K], token * K + the prefix that it continues
    found: _Found
    state: Any


class _Best(NamedTuple):
    """The continuations that go on."""

    scores: tf.Tensor  # float32 [B, K]
    parents: tf.Tensor  # int32 [B, K], which prefix each continues
    tokens: tf.Tensor  # int32 [B, K]


def beam_search(
    step: Step,
    state: Any,
    limits: tf.Tensor,
    beam_size: int,
    alpha: float,
    reorder: Reorder = gather_rows,
    stop_early: bool = True,
) -> Written:
    """Finds the K best hypotheses of every input. A beam of 1 is greedy search.

    Args:
      step: scores the next token; its R is B * K.
      state: the step's first state.
      limits: int32 [B], tokens that each hypothesis may have at most, the EOS included; >= 1.
      beam_size: K.
      alpha: of the length penalty, >= 0.
      reorder: from a state and int32 [R] to the state whose row i goes on from row [i].
      stop_early: False goes on to the limits; the answer is the same.

    Returns:
      N = K. Of equal ranks, shorter hypotheses come first.
    """
    if beam_size == 1:
        return greedy(step, state, limits, alpha)
    most = length_penalty(limits, alpha)[:, None]

    def go_on(loop: _Loop) -> tf.Tensor:
        promise = (loop.scores / most)[:, 0] if stop_early else loop.scores[:, 0]
        worst = loop.found.ranks[:, -1] if stop_early else NEVER
        return tf.reduce_any(promise > worst)

    def body(loop: _Loop) -> tuple[_Loop]:
        logits, state = step(tf.reshape(loop.tokens, [-1]), loop.position, loop.state)
        ended, best = _continue(tf.cast(logits, tf.float32), loop.scores)
        last = (loop.position + 1 >= limits)[:, None]
        cut = tf.where(last, best.scores, NEVER)
        found = _merge(loop.found, ended, cut, loop.position, alpha)
        state = reorder(state, _rows(best.parents))
        packed = best.tokens * beam_size + best.parents
        steps = tf.tensor_scatter_nd_update(loop.steps, [[loop.position]], packed[None])
        scores = tf.where(last, NEVER, best.scores)
        after = _Loop(loop.position + 1, best.tokens, scores, steps, found, state)
        return (same_shapes(after, loop),)

    start = _start(tf.size(limits), beam_size, tf.reduce_max(limits), state)
    (end,) = tf.while_loop(go_on, body, (start,))
    return _written(end.found, end.steps[: end.position], alpha)


def _start(batch: tf.Tensor, beam_size: int, length: tf.Tensor, state: Any) -> _Loop:
    """One empty prefix of every input; the K - 1 others do not exist yet."""
    none = tf.zeros([batch, beam_size], tf.int32)
    scores = tf.where(tf.range(beam_size) == 0, 0.0, NEVER) + tf.cast(none, tf.float32)
    found = _Found(tf.fill([batch, beam_size], NEVER), none)
    steps = tf.zeros([length, batch, beam_size], tf.int32)
    return _Loop(tf.constant(0), none, scores, steps, found, as_tensors(state))


def _continue(logits: tf.Tensor, scores: tf.Tensor) -> tuple[tf.Tensor, _Best]:
    """Continues prefixes.

    Args:
      logits: [B * K, V].
      scores: [B, K], log-probabilities of the prefixes.

    Returns:
      Log-probabilities of the prefixes with an EOS [B, K], and the K likeliest other ones.
    """
    beam_size = scores.shape[1]
    width = min(beam_size + 2, logits.shape[1] or beam_size + 2)  # two may be padding and EOS
    values, tokens = tf.math.top_k(logits, width)
    largest = values[:, 0]
    rest = scores - tf.reshape(log_total(logits, largest), [-1, beam_size])
    ended = rest + tf.reshape(logits[:, EOS] - largest, [-1, beam_size])
    values = tf.where(tokens > EOS, values - largest[:, None], NEVER)
    values = tf.reshape(values, [-1, beam_size, width]) + rest[:, :, None]
    best, places = tf.math.top_k(tf.reshape(values, [-1, beam_size * width]), beam_size)
    tokens = tf.reshape(tokens, [-1, beam_size * width])
    return ended, _Best(best, places // width, tf.gather(tokens, places, batch_dims=1))


def _merge(
    found: _Found, ended: tf.Tensor, cut: tf.Tensor, position: tf.Tensor, alpha: float
) -> _Found:
    """Puts what was finished at a position among the best; all [B, K]."""
    beam_size = ended.shape[1]
    slots = tf.range(beam_size)
    new = tf.concat([ended, cut], 1) / length_penalty(position + 1, alpha)
    places = tf.concat([_place(position, slots, 1, beam_size),
                        _place(position + 1, slots, 0, beam_size)], 0)  # fmt: skip
    places = tf.broadcast_to(places, tf.shape(new))
    ranks, best = tf.math.top_k(tf.concat([found.ranks, new], 1), beam_size)
    places = tf.gather(tf.concat([found.places, places], 1), best, batch_dims=1)
    return _Found(ranks, places)


def _place(count: Any, slot: Any, with_eos: Any, beam_size: int) -> Any:
    """Where a hypothesis is: its tokens without EOS, the slot of the last one, and if it ended."""
    return (count * beam_size + slot) * 2 + with_eos


def _rows(parents: tf.Tensor) -> tf.Tensor:
    """The rows, int32 [B * K], of the prefixes that are continued, [B, K]."""
    first = tf.range(tf.shape(parents)[0])[:, None] * parents.shape[1]
    return tf.reshape(first + parents, [-1])


def _written(found: _Found, steps: tf.Tensor, alpha: float) -> Written:
    """Follows the hypotheses back from their last tokens; steps [T, B, K]."""
    beam_size = steps.shape[2]
    with_eos = found.places % 2
    counts = found.places // 2 // beam_size
    lengths = counts + with_eos
    exists = found.ranks > NEVER

    def body(position: Any, slots: Any, ids: Any) -> tuple[Any, Any, Any]:
        packed = tf.gather(steps[position], slots, batch_dims=1)
        inside = position < counts
        tokens = tf.where(inside, packed // beam_size, tf.where(position < lengths, EOS, 0))
        ids = tf.tensor_scatter_nd_update(ids, [[position]], tokens[None])
        return position - 1, tf.where(inside, packed % beam_size, slots), ids

    start = (tf.shape(steps)[0] - 1, found.places // 2 % beam_size, tf.zeros_like(steps))
    _, _, ids = tf.while_loop(lambda position, *_: position >= 0, body, start)
    ids = tf.where(exists, ids, 0)
    length = tf.reduce_max(tf.where(exists, lengths, 0))
    scores = found.ranks * length_penalty(lengths, alpha)
    return Written(tf.transpose(ids[:length], [1, 2, 0]), scores, found.ranks)
