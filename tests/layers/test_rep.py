"""Several representations as one: the order of positions, and where padding goes."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from t2t_mm.layers.rep import Rep, concatenate


def rep(seed: int, lengths: list[int], longest: int) -> Rep:
    x = np.random.default_rng(seed).normal(size=(len(lengths), longest, 3)).astype("float32")
    mask = (np.arange(longest)[None] < np.array(lengths)[:, None]).astype("float32")
    return Rep(x * mask[..., None], mask)


def test_one_alone_stays_as_it_is():
    alone = rep(0, [2, 1], 2)._replace(grid=(1, 2))
    assert concatenate([alone]) is alone


def test_real_positions_move_together_in_their_order():
    first, second, third = rep(0, [2, 4], 4), rep(1, [3, 1], 3), rep(2, [0, 2], 2)
    joined = concatenate([first, second, third])
    np.testing.assert_array_equal(joined.mask.numpy().sum(1), [5, 7])
    for row, lengths in enumerate([(2, 3, 0), (4, 1, 2)]):
        parts = [r.x[row, :n] for r, n in zip((first, second, third), lengths, strict=True)]
        want = np.concatenate(parts)
        np.testing.assert_array_equal(joined.x[row, : len(want)], want)
        np.testing.assert_array_equal(joined.x[row, len(want) :], 0 * joined.x[row, len(want) :])
    assert joined.grid is None and joined.x.shape == (2, 9, 3)


def test_more_padding_is_more_padding_at_the_end():
    """Real positions lie where they lay, whatever the other rows of the batch are like."""
    parts = [rep(0, [2, 4], 4), rep(1, [3, 1], 3)]
    longer = [Rep(np.pad(p.x, [(0, 0), (0, 5), (0, 0)]), np.pad(p.mask, [(0, 0), (0, 5)]))
              for p in parts]  # fmt: skip
    joined, padded = concatenate(parts), concatenate(longer)
    np.testing.assert_array_equal(padded.mask[:, :7], joined.mask)
    np.testing.assert_array_equal(padded.x[:, :7], joined.x)
    assert not np.array(padded.mask[:, 7:]).any() and not np.array(padded.x[:, 7:]).any()


def test_lengths_need_not_be_known_when_it_is_traced():
    spec = tf.TensorSpec([None, None, 3]), tf.TensorSpec([None, None])
    traced = tf.function(
        lambda a, b: concatenate([Rep(*a), Rep(*b)])[:2], input_signature=[spec, spec]
    )
    parts = [rep(0, [2, 4], 4), rep(1, [3, 1], 3)]
    for got, want in zip(traced(*(p[:2] for p in parts)), concatenate(parts)[:2], strict=True):
        np.testing.assert_array_equal(got, want)
