"""Beam search, sampling and forced scores of real models: caches change nothing, scores agree."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.decoder import Decoder, Prediction
from t2t_mm.decoding.settings import GREEDY, DecodeSettings
from t2t_mm.decoding.writing import output_limits, write
from t2t_mm.problem import Split
from t2t_mm.registry import HPARAMS
from tests.decoding.decoding_run import features_of, make_it_end, png, toy_model, wav, words

INPUTS = {
    "decoding_toy_text": [words(Split.TRAIN, i) for i in (6, 0, 3, 5)],
    "decoding_toy_caption": [png(i) for i in range(3)],
    "decoding_toy_speech": [wav(i) for i in (0, 9, 3)],
}
SEARCHES = {
    "greedy": GREEDY,
    "beam": DecodeSettings(beam_size=3, return_beams=True),
    "sampling": DecodeSettings(sampling_method="random", sampling_keep_top_p=0.9),
}
# Every search, model and kind of input, but not each with each, as a trace takes its time.
# test_greedy_of_models.py compares multi_model's greedy search with the full pass.
CASES = [
    ("multi_model", "beam", "decoding_toy_speech"),
    ("transformer", "sampling", "decoding_toy_text"),
    ("transformer", "greedy", "decoding_toy_caption"),
    ("transformer", "beam", "decoding_toy_text"),
]


@functools.cache
def model_of(name: str):
    """The toy run's multi_model; a transformer for the same problems."""
    loaded = toy_model()
    if name == "multi_model":
        return loaded.model
    from t2t_mm.runs.model_making import make_model
    from t2t_mm.runs.replicas import Replicas

    hparams = HPARAMS.get("transformer_tiny")().override(
        "hidden_size=16,filter_size=32,num_heads=2,encoder_layers=2,decoder_layers=2,"
        "class_exit_filters=[16,16],audio_min_filters=8,audio_mel_bins=8"
    )
    model = make_model(name, list(loaded.tasks.values()), hparams, 5, Replicas())
    make_it_end(model)
    return model


@functools.cache
def decoder_of(name: str, search: str) -> Decoder:
    loaded = toy_model()
    return Decoder(model_of(name), loaded.hparams, loaded.vocabularies, SEARCHES[search])


@functools.cache
def batch_of(problem: str) -> dict[str, tf.Tensor]:
    return features_of(toy_model().tasks[problem], INPUTS[problem])


@functools.cache
def written_by(name: str, search: str, problem: str):
    task = toy_model().tasks[problem]
    return decoder_of(name, search).write(task, batch_of(problem))


@pytest.mark.parametrize(("name", "search", "problem"), CASES)
def test_caches_change_no_token(name, search, problem):
    loaded, features, settings = toy_model(), batch_of(problem), SEARCHES[search]
    model, task = model_of(name), loaded.tasks[problem]
    limits = output_limits(task, features, loaded.hparams, settings.extra_length)
    graph = tf.function(
        lambda features, limits: write(
            model,
            model.route(task),
            features,
            model.command_id(task),
            limits,
            settings,
            cached=False,
        ),
        autograph=False,
    )
    whole, cached = graph(features, limits), written_by(name, search, problem)
    np.testing.assert_array_equal(cached.ids, whole.ids)
    np.testing.assert_allclose(cached.scores, whole.scores, atol=1e-3)
    np.testing.assert_allclose(cached.normalised, whole.normalised, atol=1e-3)


@pytest.mark.parametrize(("name", "search", "problem"), CASES)
def test_scores_are_the_forced_scores_of_what_was_written(name, search, problem):
    task, features = toy_model().tasks[problem], batch_of(problem)
    written = written_by(name, search, problem)
    alpha = SEARCHES[search].alpha
    for n in range(written.ids.shape[1]):
        forced = decoder_of(name, search).forced(task, {**features, "targets": written.ids[:, n]})
        np.testing.assert_allclose(written.scores[:, n], forced.scores, atol=1e-3)
        np.testing.assert_allclose(forced.tokens.sum(1), forced.scores, atol=1e-4)
        lengths = (written.ids[:, n] != 0).sum(1)
        ranks = written.scores[:, n] / ((5 + lengths) / 6) ** alpha
        np.testing.assert_allclose(written.normalised[:, n], ranks, rtol=1e-5)


PREFIXED = {
    "beam": DecodeSettings(beam_size=3, return_beams=True, no_repeat_ngram_size=2, min_length=2,
                           score_prefix=True),
    "sampling": DecodeSettings(sampling_method="random", num_decodes=2, min_length=1),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "search", "problem"),
    [
        ("transformer", "beam", "decoding_toy_text"),
        ("multi_model", "sampling", "decoding_toy_caption"),
    ],
)
def test_caches_change_no_token_after_a_prefix(name, search, problem):
    """Prefixes of several lengths, with constraints; scores are those of forced decoding."""
    model, task, features = model_of(name), toy_model().tasks[problem], batch_of(problem)
    route, settings = model.route(task), PREFIXED[search]
    batch = len(INPUTS[problem])
    prefix = np.random.default_rng(1).integers(3, 40, (batch, 4)) * (
        np.arange(4) < np.arange(batch)[:, None]  # no token, one, two and three
    )

    def searched(cached: bool):
        graph = tf.function(
            lambda features, limits, prefix: write(
                model, route, features, model.command_id(task), limits, settings,
                cached=cached, prefix=prefix,
            ),
            autograph=False,
        )  # fmt: skip
        return graph(features, tf.fill([batch], 6), tf.constant(prefix, tf.int32))

    cached, whole = searched(True), searched(False)
    np.testing.assert_array_equal(cached.ids, whole.ids)
    np.testing.assert_allclose(cached.scores, whole.scores, atol=1e-3)
    assert cached.ids.shape[1] == settings.num_outputs
    given = Decoder(model, toy_model().hparams, toy_model().vocabularies)
    for n in range(settings.num_outputs):
        ids = cached.ids.numpy()[:, n]
        tokens = given.forced(task, {**features, "targets": ids}).tokens
        for row in range(batch):
            assert (ids[row, :row] == prefix[row, :row]).all()
            counted = tokens[row] if settings.score_prefix else tokens[row, row:]
            assert float(cached.scores[row, n]) == pytest.approx(counted.sum(), abs=1e-3)


def test_a_beam_ranks_what_it_finds_above_what_greedy_finds():
    better = 0
    for name, problem in (
        ("multi_model", "decoding_toy_speech"),
        ("transformer", "decoding_toy_text"),
    ):
        beam, one = (written_by(name, search, problem) for search in ("beam", "greedy"))
        assert np.all(np.diff(beam.normalised, axis=1) <= 0)
        found = [{tuple(ids) for ids in row} for row in beam.ids]
        assert {len(row) for row in found} == {3}  # all different
        better += np.sum(beam.normalised[:, 0] > one.normalised[:, 0] + 1e-4)
    assert better > 0


def test_all_answers_of_a_beam_are_given_when_asked_for():
    loaded, problem = toy_model(), "decoding_toy_text"
    task, features = loaded.tasks[problem], batch_of(problem)
    written = written_by("transformer", "beam", problem)
    vocabulary = loaded.vocabularies[task.targets.vocabulary]
    answers = decoder_of("transformer", "beam")(task, features)
    for row, answer in enumerate(answers):
        wanted = [vocabulary.decode(ids.tolist()) for ids in written.ids[row]]
        assert [one.output for one in answer.alternatives] == wanted
        assert [one.score for one in answer.alternatives] == list(written.scores[row])
        assert (answer.output, answer.score) == (wanted[0], written.scores[row, 0])
    settings = SEARCHES["beam"].replace(return_beams=False)
    single = Decoder(model_of("transformer"), loaded.hparams, loaded.vocabularies, settings)
    for one, answer in zip(single(task, features), answers, strict=True):
        assert one.output == answer.output
        assert one.alternatives == (Prediction(one.output, one.score),)


def test_labels_are_given_with_the_likeliest_others_and_scored():
    loaded = toy_model()
    task, features = loaded.tasks["decoding_toy_class"], batch_of("decoding_toy_caption")
    decoder = decoder_of("multi_model", "beam")
    model, labels = model_of("multi_model"), task.targets.names
    logits, _ = model.forward(model.route(task), features, None, 0)
    scores = np.array(tf.nn.log_softmax(logits))
    for row, answer in zip(scores, decoder(task, features), strict=True):
        order = np.argsort(-row)
        assert [one.output for one in answer.alternatives] == [labels[i] for i in order]
        found = [one.score for one in answer.alternatives]
        np.testing.assert_allclose(found, row[order], atol=1e-5)
        assert answer.output == answer.alternatives[0].output
    given = decoder.score(task, {**features, "targets": np.array([2, 0, 1], "int32")})
    np.testing.assert_allclose(given, scores[[0, 1, 2], [2, 0, 1]], rtol=1e-5)


def test_padding_of_given_targets_changes_no_score():
    task, features = toy_model().tasks["decoding_toy_text"], batch_of("decoding_toy_text")
    decoder = decoder_of("transformer", "greedy")
    targets = np.array([[5, 9, 1, 0], [4, 1, 0, 0], [1, 0, 0, 0], [7, 7, 7, 1]])
    together = decoder.forced(task, {**features, "targets": targets})
    np.testing.assert_array_equal(together.tokens == 0, targets == 0)
    for row in range(4):
        single = {name: tensor[row : row + 1] for name, tensor in features.items()}
        length = int(features["inputs_length"][row])
        single["inputs"] = single["inputs"][:, :length]
        single["targets"] = targets[row : row + 1, : np.count_nonzero(targets[row])]
        score = decoder.score(task, single)
        np.testing.assert_allclose(score, together.scores[row : row + 1], atol=1e-4)


def test_what_is_drawn_for_an_input_is_the_same_in_every_batch():
    task, features = toy_model().tasks["decoding_toy_text"], batch_of("decoding_toy_text")
    decoder = decoder_of("transformer", "sampling")
    together = decoder(task, features, np.array([10, 11, 12, 13]))
    some = {name: tf.gather(tensor, [3, 1]) for name, tensor in features.items()}
    got = decoder(task, some, np.array([13, 11]))
    assert [one.output for one in got] == [together[3].output, together[1].output]
    assert [one.output for one in decoder(task, features, np.array([0, 1, 2, 3]))] != [
        one.output for one in together
    ]


@pytest.mark.parametrize("search", ["beam", "greedy"])
def test_a_diverged_model_gives_answers_without_a_score(search):
    task, features = toy_model().tasks["decoding_toy_text"], batch_of("decoding_toy_text")
    decoder, model = decoder_of("transformer", search), model_of("transformer")
    (commands,) = model.groups()["commands"]
    before = np.array(commands)
    try:
        commands.assign(np.full_like(before, np.nan))
        answers = decoder(task, features)
    finally:
        commands.assign(before)
    assert len(answers) == len(INPUTS["decoding_toy_text"])
    assert not any(np.isfinite(one.score) for one in answers)
