"""Searches by name: which the settings choose, a user's own, and what unused parts cost."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm import registry
from t2t_mm.decoding.search.beam import Beam, beam_search
from t2t_mm.decoding.search.conditions import UNCONDITIONAL, Conditions
from t2t_mm.decoding.search.constraints import MinLength, NoRepeatNgram
from t2t_mm.decoding.search.contract import Hypotheses, Search, SearchRequest
from t2t_mm.decoding.search.greedy import Greedy, decode_loop, greedy
from t2t_mm.decoding.search.sampling import Sampling, sample
from t2t_mm.decoding.search.tensors import log_probability
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import UnknownNameError
from tests.decoding.search_steps import Random


@registry.register_search("decoding_second")
class Second(Search):
    """Writes the second likeliest token at every position."""

    def __call__(self, request: SearchRequest) -> Hypotheses:
        def choose(logits, allowed, position):
            tokens = tf.math.top_k(allowed[:, 1:], 2).indices[:, 1] + 1
            return tokens, log_probability(logits, tokens)

        return decode_loop(
            request.step, request.state, request.limits, choose, 0.0, request.conditions
        )


@pytest.mark.parametrize(
    ("text", "search", "beams", "outputs"),
    [
        ("", Beam, 4, 1),
        ("return_beams=True", Beam, 4, 4),
        ("return_beams=True,num_decodes=2", Beam, 4, 2),
        ("beam_size=1,return_beams=True", Greedy, 1, 1),
        ("search=beam,beam_size=1", Beam, 1, 1),
        ("search=greedy", Greedy, 1, 1),
        ("sampling_method=random", Sampling, 1, 1),
        ("sampling_method=random,return_beams=True", Sampling, 1, 1),
        ("sampling_method=random,num_decodes=9", Sampling, 9, 9),
        ("search=sampling,num_decodes=2", Sampling, 2, 2),
        ("search=decoding_second", Second, 1, 1),
    ],
)
def test_the_settings_choose_a_search(text, search, beams, outputs):
    settings = DecodeSettings().override(text)
    found = registry.SEARCHES.get(settings.strategy)(settings)
    assert type(found) is search
    assert (found.beams, settings.num_outputs) == (beams, outputs)


@pytest.mark.parametrize("text", ["", "beam_size=1", "sampling_method=random,num_decodes=3"])
def test_a_search_by_name_finds_what_its_function_finds(text):
    settings = DecodeSettings().override(text)
    search = registry.SEARCHES.get(settings.strategy)(settings)
    step, limits = Random.make(3, 2, 6), tf.constant([5, 7])
    conditions = Conditions((MinLength(2),), tf.constant([[3], [0]]))
    state = step.state(search.beams, 8)
    found = search(SearchRequest(step.step, state, limits, None, conditions=conditions))
    if settings.samples:
        wanted = sample(step.step, state, limits, settings, tf.range(2), conditions)
    else:
        wanted = beam_search(
            step.step, state, limits, settings.beam_size, 0.6, 1, conditions=conditions
        )
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_users_search_is_found_by_its_name_and_keeps_conditions():
    settings = DecodeSettings(search="decoding_second")
    search = registry.SEARCHES.get(settings.strategy)(settings)
    step = Random.make(1, 1, 6)
    conditions = Conditions((NoRepeatNgram(1),), tf.constant([[4]]))
    request = SearchRequest(step.step, step.state(1, 5), tf.constant([3]), conditions=conditions)
    ids: tuple[int, ...] = (4,)
    while len(ids) < 4 and ids[-1] != 1:
        scores = step.next_scores(0, ids)
        order = sorted((t for t in range(1, 6) if t not in ids), key=lambda t: -scores[t])
        ids = (*ids, order[1])
    assert tuple(int(i) for i in search(request).ids[0, 0] if i) == ids


def test_an_unknown_search_is_named_with_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        DecodeSettings(search="beem")
    sentence = "unknown search 'beem' (from --decode_hparams search); did you mean 'beam'?"
    assert str(caught.value).startswith(sentence)


def test_what_is_no_search_cannot_be_registered():
    with pytest.raises(TypeError, match="search 'decoding_wrong' must be a subclass of t2t_mm.dec"):
        registry.register_search("decoding_wrong")(lambda settings: None)
    assert "decoding_wrong" not in registry.SEARCHES


def _step(tokens, position, state):
    return tf.ones([tf.size(tokens), 1]) * state[None], state


def _nodes_of_the_loop(search) -> int:
    """The number of nodes that the body of the search's longest loop has."""
    specs = [tf.TensorSpec([None], tf.int32), tf.TensorSpec([50], tf.float32)]
    graph = tf.function(search, autograph=False).get_concrete_function(*specs).graph
    return max(len(f.node_def) for f in graph.as_graph_def().library.function)


def _searches(conditions: Conditions) -> dict:
    settings = DecodeSettings(sampling_method="random")
    return {
        "greedy": lambda limits, state: greedy(_step, state, limits, 0.6, conditions).scores,
        "beam": lambda limits, state: (
            beam_search(
                _step, state, limits, 3, 0.6, 2, lambda state, rows: state, conditions=conditions
            ).scores
        ),
        "sampling": lambda limits, state: (
            sample(_step, state, limits, settings, tf.range(tf.size(limits)), conditions).scores
        ),
    }


@pytest.mark.parametrize("text", ["", "beam_size=1"])
def test_a_penalty_on_the_end_makes_answers_longer(text):
    settings = DecodeSettings().override(text)
    search = registry.SEARCHES.get(settings.strategy)(settings)
    step, limits = Random.make(3, 2, 6), tf.constant([5, 7])

    def ends_at_once(tokens, position, state):
        logits, state = step.step(tokens, position, state)
        return logits + 20.0 * tf.one_hot(1, tf.shape(logits)[1]), state

    def lengths(penalty: float) -> list[int]:
        state = step.state(search.beams, 8)
        conditions = Conditions(eos_penalty=penalty)
        found = search(SearchRequest(ends_at_once, state, limits, None, conditions=conditions))
        best = found.ids[:, 0] if found.ids.shape.rank == 3 else found.ids
        return [int(np.count_nonzero(row)) for row in best.numpy()]

    assert lengths(0.0) == [1, 1]
    assert lengths(500.0) == [5, 7]  # no answer ends before its limit


@pytest.mark.parametrize("name", ["greedy", "beam", "sampling"])
def test_conditions_that_are_not_used_cost_no_operation(name):
    """As many nodes as the loops had when they knew no conditions; any condition adds some."""
    before = {"greedy": 61, "beam": 109, "sampling": 95}[name]
    assert _nodes_of_the_loop(_searches(UNCONDITIONAL)[name]) == before
    for used in (
        Conditions((MinLength(1),)),
        Conditions((NoRepeatNgram(2),)),
        Conditions(prefix=tf.zeros([1, 1], tf.int32)),
    ):
        assert _nodes_of_the_loop(_searches(used)[name]) > before
