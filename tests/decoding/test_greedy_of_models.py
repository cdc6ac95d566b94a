"""Decoding with a real JointModel: equal to a loop in Python, whatever else is in the batch."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.decoder import Decoder
from t2t_mm.decoding.model_loading import LoadedModel
from t2t_mm.decoding.settings import GREEDY
from t2t_mm.decoding.writing import output_limits
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Audio, Image, Kind, Text, Tree
from t2t_mm.problem import Split, Task
from tests.decoding.decoding_run import features_of, png, toy_model, wav, words

INPUTS = {
    "decoding_toy_text": [words(Split.TRAIN, i) for i in range(8)],
    "decoding_toy_caption": [png(i) for i in range(4)],
    "decoding_toy_speech": [wav(i) for i in (0, 3, 9)],
}


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return toy_model()


def by_hand(loaded: LoadedModel, task: Task, features: dict, limit: int) -> tuple[list[int], float]:
    """The likeliest token after the likeliest token, one example, no graph, no loop op."""
    model, route = loaded.model, loaded.model.route(task)
    encoded = model.encode(route, features)
    ids: list[int] = []
    score = 0.0
    while len(ids) < limit and ids[-1:] != [1]:
        prefix = tf.constant([ids], tf.int32, [1, len(ids)])
        logits = model.decode_logits(route, encoded, prefix, model.command_id(task))
        scores = tf.nn.log_softmax(logits[0, -1]).numpy()
        ids.append(1 + int(np.argmax(scores[1:])))
        score += float(scores[ids[-1]])
    return ids, score


@pytest.mark.parametrize("problem", INPUTS)
def test_greedy_equals_a_python_loop_one_by_one(loaded, problem):
    """The batch's rows have unequal lengths; the loop sees each without padding."""
    task = loaded.tasks[problem]
    batch = features_of(task, INPUTS[problem])
    decoder = Decoder(loaded.model, loaded.hparams, loaded.vocabularies, GREEDY)
    written = decoder.write(task, batch)
    lengths = []
    for row, raw in enumerate(INPUTS[problem][:3]):
        features = features_of(task, [raw])
        limit = int(output_limits(task, features, loaded.hparams, 50)[0])
        ids, score = by_hand(loaded, task, features, limit)
        got = [int(i) for i in written.ids[row, 0] if i]
        assert got == ids
        assert written.scores[row, 0] == pytest.approx(score, abs=1e-3)
        lengths.append(len(ids))
    if problem == "decoding_toy_text":
        assert len(set(lengths)) > 1  # or nothing is shown about rows that end early


@pytest.mark.parametrize("problem", [*INPUTS, "decoding_toy_class"])
def test_a_batch_gives_what_single_inputs_give(loaded, problem):
    inputs = INPUTS.get(problem, INPUTS["decoding_toy_caption"])
    together = loaded.decode(problem, inputs)
    single = [loaded.decode(problem, [raw])[0] for raw in inputs]
    assert [one.output for one in together] == [one.output for one in single]
    np.testing.assert_allclose(
        [one.score for one in together], [one.score for one in single], atol=1e-3
    )


def test_labels_are_the_likeliest_class_with_its_probability(loaded):
    task = loaded.tasks["decoding_toy_class"]
    features = features_of(task, INPUTS["decoding_toy_caption"])
    logits, _ = loaded.model.forward(loaded.model.route(task), features, None, 0)
    probabilities = tf.nn.softmax(logits).numpy()
    answers = loaded.decoder(task, features)
    assert [one.output for one in answers] == [
        task.targets.names[i] for i in probabilities.argmax(1)
    ]
    got = [one.probability for one in answers]
    np.testing.assert_allclose(got, probabilities.max(1), rtol=1e-5)


def test_one_trace_serves_all_problems_of_a_signature(loaded):
    decoder = Decoder(loaded.model, loaded.hparams, loaded.vocabularies)
    for problem in ("decoding_toy_text", "decoding_toy_tree", "decoding_toy_text_rev"):
        for count in (1, 3):
            task = loaded.tasks[problem]
            decoder(task, features_of(task, INPUTS["decoding_toy_text"][:count]))
    assert len(decoder._traced) == 1


def test_changed_weights_are_seen(loaded):
    task = loaded.tasks["decoding_toy_text"]
    features = features_of(task, INPUTS["decoding_toy_text"])
    (softmax,) = {
        id(m.softmax): m.softmax for m in loaded.model.modalities.values() if hasattr(m, "softmax")
    }.values()
    before, old = loaded.decoder(task, features), np.array(softmax)
    try:
        softmax.assign(np.roll(old, 1, axis=0))
        assert loaded.decoder(task, features) != before
    finally:
        softmax.assign(old)
    assert loaded.decoder(task, features) == before


WRITTEN = Text("v", 9)


def task_of(kind: Kind, targets: Kind = WRITTEN) -> Task:
    return Task("t", "t", kind, targets, "c")


@pytest.mark.parametrize(
    ("task", "lengths", "limits", "audio"),
    [
        (task_of(Text("v", 9)), [3, 10], [3 * 2 + 50, 10 * 2 + 50], ""),
        (task_of(Text("v", 9), Tree("v", 9)), [3, 10], [3 * 8 + 50, 100], ""),  # the cap
        (task_of(Image(32)), [1024, 1024], [100, 100], ""),
        (task_of(Audio(8000)), [100, 200], [15 + 50, 30 + 50], ""),  # frames of 10 ms
        (task_of(Audio(8000)), [8000, 16000], [15 + 50, 30 + 50], "audio"),
    ],
)
def test_output_limits(task, lengths, limits, audio):
    hparams = HParams(eval_max_length=100, audio_modality=audio)
    features = {"inputs_length": np.array(lengths)}
    np.testing.assert_array_equal(output_limits(task, features, hparams, 50), limits)


def test_of_several_inputs_the_one_that_suggests_most_counts():
    asked = task_of({"inputs": Image(32), "question": Text("v", 9)})
    features = {"inputs_length": np.array([1024, 1024]), "question_length": np.array([4, 40])}
    limits = output_limits(asked, features, HParams(), 10)
    np.testing.assert_array_equal(limits, [50 + 10, 80 + 10])


def test_outputs_keep_to_the_cap(loaded):
    task = loaded.tasks["decoding_toy_text"]
    features = features_of(task, INPUTS["decoding_toy_text"])
    hparams = loaded.hparams.replace(eval_max_length=3)
    short = Decoder(loaded.model, hparams, loaded.vocabularies, GREEDY)
    assert short.write(task, features).ids.shape == (len(INPUTS["decoding_toy_text"]), 1, 3)
