"""From stored examples to answers: problems with several inputs, numbers, tags, sets of classes.

The toy run goes all the way: datagen, batches, model, decoder, scores of given answers.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.data.batches.pipeline import evaluation_batches, training_batches
from t2t_mm.decoding.input_files import read_inputs
from t2t_mm.decoding.interactive import Session
from t2t_mm.decoding.model_loading import LoadedModel
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import DataError
from t2t_mm.evaluation.scoring import DecodedEvaluation
from t2t_mm.kinds.image_graph import decode, standardize
from t2t_mm.problem import Split
from tests.decoding.decoding_run import COUNTS, png, words
from tests.decoding.kinds_run import (
    KIND_NAMES,
    NUMBER,
    PRICE,
    QUESTION,
    REPLY,
    SET,
    SETS,
    TAG,
    VOCABULARY,
    kinds_model,
    kinds_run,
    members,
    number_of,
    question,
    tags_of,
)

DEV = range(COUNTS[Split.DEV])


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return kinds_model()


def batches(loaded: LoadedModel, problem: str) -> list[dict[str, np.ndarray]]:
    task = loaded.tasks[problem]
    found = evaluation_batches(task, "dev", kinds_run().data_dir, loaded.hparams)
    return [{name: np.array(value) for name, value in batch.items()} for batch in found]


def whole(loaded: LoadedModel, problem: str) -> dict[str, np.ndarray]:
    """The split, which is one batch."""
    (batch,) = batches(loaded, problem)
    assert len(batch["index"]) == len(DEV)
    return batch


def asked(problem: str, index: int) -> dict | str | bytes:
    """What a user would hand in for an example of the split."""
    return {
        QUESTION: {"inputs": png(index), "question": question(Split.DEV, index)},
        REPLY: {"picture": png(index), "about": question(Split.DEV, index)},
        NUMBER: words(Split.DEV, index),
        PRICE: {"of": SET[index % 3], "price": str(index)},
        TAG: words(Split.DEV, index),
        SETS: png(index),
    }[problem]


def test_a_batch_holds_every_input_of_an_example_in_one_row(loaded):
    """Examples are stored in an order of their own; texts and pictures tell which is which."""
    batch, vocabulary = whole(loaded, QUESTION), loaded.vocabularies[VOCABULARY]
    pictures = standardize(decode(tf.constant([png(i) for i in DEV]), 16)).numpy()
    texts = [vocabulary.decode(ids) for ids in batch["question"]]
    places = [next(i for i in DEV if np.allclose(pictures[i], one)) for one in batch["inputs"]]
    assert sorted(places) == list(DEV)
    assert texts == [question(Split.DEV, i) for i in places]
    assert batch["targets"].tolist() == [i % 3 for i in places]
    assert batch["inputs_length"].tolist() == [256] * len(DEV)
    lengths = [len(vocabulary.encode(text)) + 1 for text in texts]
    assert batch["question_length"].tolist() == lengths
    assert batch["question"].shape == (len(DEV), max(lengths))


def test_batches_of_training_have_the_same_features(loaded):
    data_dir = kinds_run().data_dir
    for problem in KIND_NAMES:
        found = training_batches(loaded.tasks[problem], data_dir, loaded.hparams, 1)
        batch = next(iter(found))
        expected = whole(loaded, problem)
        assert batch.keys() == expected.keys() - {"index"}
        for name, value in batch.items():
            assert value.dtype.name == expected[name].dtype.name
            assert len(value.shape) == expected[name].ndim


def test_targets_as_they_are_fed(loaded):
    numbers, tags, sets = (whole(loaded, name) for name in (NUMBER, TAG, SETS))
    np.testing.assert_allclose(sorted(numbers["targets"]), [number_of(i) for i in DEV], rtol=1e-6)
    wanted = sorted([name in members(i) for name in SET] for i in DEV)
    assert sorted(sets["targets"].astype(bool).tolist()) == wanted
    vocabulary = loaded.vocabularies[VOCABULARY]
    for ids, marks in zip(tags["inputs"], tags["targets"], strict=True):
        pieces = [vocabulary.piece(int(one)) for one in ids]
        assert [piece.startswith("\u2581") for piece in pieces] == (marks > 0).tolist()
        text = vocabulary.decode(ids)
        shown = loaded.tasks[TAG].targets.shown(marks, loaded.vocabularies, "")
        assert shown == tags_of(text)


@pytest.mark.parametrize("problem", KIND_NAMES)
def test_what_users_hand_in_is_answered_as_the_split_is(loaded, problem):
    decoder = loaded.decoder_for(DecodeSettings())
    task = loaded.tasks[problem]
    stored = {
        one.output: one.score
        for batch in batches(loaded, problem)
        for one in decoder(task, {k: tf.constant(v) for k, v in batch.items()})
    }
    decoded = loaded.decode(problem, [asked(problem, i) for i in DEV])
    assert {one.output for one in decoded} == set(stored)
    alone = loaded.decode(problem, [asked(problem, 2)])[0]
    assert alone.output == decoded[2].output
    assert alone.score == pytest.approx(decoded[2].score, abs=1e-4)


@pytest.mark.parametrize("slot", ["inputs", "question"])
def test_an_answer_depends_on_every_input(loaded, slot):
    rows = [asked(QUESTION, 0), {**asked(QUESTION, 0), slot: asked(QUESTION, 5)[slot]}]
    first, second = loaded.decode(QUESTION, rows)
    assert {one.output for one in first.alternatives} == {"yes", "no", "maybe"}
    assert first.score != pytest.approx(second.score, abs=1e-4)


def test_the_answer_is_what_the_model_computes(loaded):
    model, batch = loaded.model, whole(loaded, QUESTION)
    route = model.route(QUESTION)
    assert route.slots == ("inputs", "question")
    outputs, _ = model.forward(route, batch, None, 0)
    logits = np.array(outputs)
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    task = loaded.tasks[QUESTION]
    found = loaded.decoder_for(DecodeSettings())(task, batch)
    for row, one in zip(logs, found, strict=True):
        got = {answer.output: answer.score for answer in one.alternatives}
        np.testing.assert_allclose([got[n] for n in task.targets.names], row, atol=1e-4)


@pytest.mark.parametrize("problem", [QUESTION, REPLY, PRICE, SETS])
def test_the_score_of_an_answer_is_what_score_gives(loaded, problem):
    rows = [asked(problem, i) for i in DEV]
    decoded = loaded.decode(problem, rows)
    scores = loaded.score(problem, rows, [one.output for one in decoded])
    np.testing.assert_allclose(scores, [one.score for one in decoded], atol=1e-3)


def test_the_nearer_number_is_the_likelier_one(loaded):
    best = float(loaded.decode(NUMBER, ["red dog"])[0].output)
    inside = np.clip(best, -1, 4)
    near, far = loaded.score(NUMBER, 2 * ["red dog"], [f"{inside}", f"{4 if inside < 1 else -1}"])
    assert near > far
    half = 5 / 2
    np.testing.assert_allclose(
        near, -(((inside - best) / half) ** 2) - np.log(np.pi) / 2, atol=1e-3
    )


def test_tags_are_one_for_each_word(loaded):
    for index in DEV:
        text = words(Split.DEV, index)
        output = loaded.decode(TAG, [text])[0].output
        assert len(output.split()) == len(text.split())


def test_splits_are_scored(loaded):
    evaluation = DecodedEvaluation(
        loaded.model, loaded.hparams, loaded.vocabularies, kinds_run().data_dir
    )
    for problem in KIND_NAMES:
        task = loaded.tasks[problem]
        scored = evaluation(task)
        assert set(scored.metrics) >= set(task.metrics)
        outputs = [one.decoded.output for one in scored.answers]
        if problem == NUMBER:
            numbers, wanted = np.array(outputs, float), [float(a.targets) for a in scored.answers]
            np.testing.assert_allclose(scored.metrics["mse"], np.mean((numbers - wanted) ** 2))
            correlation = np.corrcoef(numbers, wanted)[0, 1]
            np.testing.assert_allclose(scored.metrics["pearson"], correlation, rtol=1e-6)
            continue
        right = [o == one.targets for o, one in zip(outputs, scored.answers, strict=True)]
        assert scored.metrics[task.metrics[0]] == np.mean(right)


def test_files_of_several_inputs(loaded, tmp_path):
    (tmp_path / "a.png").write_bytes(png(0))
    task, asks = loaded.tasks[QUESTION], question(Split.DEV, 0)
    table = tmp_path / "in.tsv"
    table.write_text(f"note\tquestion\tinputs\nx\t{asks}\ta.png\n")
    lines = tmp_path / "in.jsonl"
    lines.write_text(json.dumps({"inputs": "a.png", "question": asks}) + "\n")
    for path in (table, lines):
        (one,) = read_inputs(task, str(path))
        assert one.raw == {"inputs": str(tmp_path / "a.png"), "question": asks}
        got, want = loaded.decode(QUESTION, [one.raw, asked(QUESTION, 0)])
        assert got.alternatives == want.alternatives
    lines.write_text('{"inputs": "a.png"}\n')
    with pytest.raises(
        DataError, match=r'line 1 of .* must be a JSON object \{"inputs": ..., "que'
    ):
        read_inputs(task, str(lines))
    table.write_text("inputs\nx.png\n")
    with pytest.raises(DataError, match="names no column 'question': problem .* reads inputs, que"):
        read_inputs(task, str(table))


def test_a_session_takes_json(loaded, tmp_path):
    (tmp_path / "a.png").write_bytes(png(0))
    said: list[str] = []
    session = Session(loaded, DecodeSettings(), say=said.append)
    line = json.dumps({"inputs": str(tmp_path / "a.png"), "question": question(Split.DEV, 0)})
    session.run([f"pr={QUESTION}", line, "no object", "q"])
    best = loaded.decode(QUESTION, [asked(QUESTION, 0)])[0]
    assert said == [
        f'{QUESTION}: give a JSON object {{"inputs": ..., "question": ...}}',
        f"  {best.output}   (log-probability {best.score:.2f})",
        'error: the line must be a JSON object {"inputs": ..., "question": ...}.',
    ]
