"""Python's `decode` and `score`: order, settings, mixed problems, what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from t2t_mm.decoding.answering import answers, planned_batches
from t2t_mm.decoding.encoded_inputs import EncodedInputs
from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import DataError, HParamError, UnknownNameError, UserError
from tests.decoding.decoding_run import png, toy_model, wav

TEXTS = ["red dog sees", "a", "big cat likes small dog", "blue", "dog dog dog dog"]
TEXT, SPEECH, CLASS = (f"decoding_toy_{kind}" for kind in ("text", "speech", "class"))


@pytest.fixture(scope="module")
def loaded():
    return toy_model()


def test_order_and_batches_change_nothing(loaded):
    """Sorted inside, in the order of the inputs outside; alone or together."""
    together = loaded.decode(TEXT, TEXTS)
    assert loaded.decode(TEXT, TEXTS[::-1]) == together[::-1]
    assert len({one.output for one in together}) > 1  # else the order could not be seen
    for text, one in zip(TEXTS, together, strict=True):
        (alone,) = loaded.decode(TEXT, [text])
        assert alone.output == one.output
        assert alone.score == pytest.approx(one.score, abs=1e-4)


def test_settings_as_text_or_record_share_a_decoder(loaded):
    record = DecodeSettings(beam_size=2, return_beams=True)
    by_text = loaded.decode(TEXT, TEXTS[:2], "beam_size=2,return_beams=True")
    assert by_text == loaded.decode(TEXT, TEXTS[:2], record)
    assert loaded.decoder_for(record) is loaded.decoder_for(dataclasses.replace(record))
    assert loaded.decoder is loaded.decoder_for(DecodeSettings())
    assert loaded.decoder_for(record) is not loaded.decoder
    assert [len(one.alternatives) for one in by_text] == [2, 2]
    assert all(one.alternatives[0].output == one.output for one in by_text)


def test_scores_are_the_sums_of_teacher_forced_log_probabilities(loaded):
    targets = ["RED DOG SEES", "", "BIG", "BLUE BLUE", "x"]
    scored = loaded.score(TEXT, TEXTS, targets)
    vocabulary, model = loaded.vocabularies["vocab.decoding_toy"], loaded.model
    for text, target, score in zip(TEXTS, targets, scored, strict=True):
        ids, wanted = ([*vocabulary.encode(side), 1] for side in (text, target))
        logits, _ = model.forward(
            model.route(TEXT),
            {"inputs": np.array([ids])},
            np.array([wanted]),
            model.command_id(TEXT),
        )
        logits = np.asarray(logits, np.float64)[0]
        expected = sum(
            row[i] - np.log(np.exp(row).sum()) for row, i in zip(logits, wanted, strict=True)
        )
        assert score == pytest.approx(expected, abs=1e-4)


def test_scores_of_labels_are_the_classes_log_probabilities(loaded):
    pictures = [png(1), png(2)]
    decoded = loaded.decode(CLASS, pictures)
    for label in "abc":
        found = loaded.score(CLASS, pictures, [label, label])
        expected = [{a.output: a.score for a in one.alternatives}[label] for one in decoded]
        assert found == pytest.approx(expected, abs=1e-5)
    sums = np.sum(np.exp([loaded.score(CLASS, pictures, [x, x]) for x in "abc"]), axis=0)
    assert sums == pytest.approx([1, 1], abs=1e-5)


def test_mixed_problems_are_answered_as_alone(loaded):
    inputs = {TEXT: ["red", "big cat"], SPEECH: [wav(0), wav(3)], CLASS: [png(0)]}
    asked = [
        DecodeInput(loaded.tasks[name], raw)
        for name, raw in [
            (SPEECH, wav(0)), (TEXT, "red"), (CLASS, png(0)), (TEXT, "big cat"), (SPEECH, wav(3)),
        ]
    ]  # fmt: skip
    contents = EncodedInputs(asked, loaded.vocabularies)
    done: dict = {}
    for found in answers(loaded.decoder, asked, contents, loaded.hparams, {}):
        done |= found
    alone = {name: loaded.decode(name, raws) for name, raws in inputs.items()}
    speech, text, label = alone[SPEECH], alone[TEXT], alone[CLASS]
    assert [done[i] for i in range(5)] == [speech[0], text[0], label[0], text[1], speech[1]]


def test_what_is_done_is_not_done_again(loaded):
    """Batches done in part are done whole, so that they are the batches of an unbroken run."""
    asked = [DecodeInput(loaded.tasks[TEXT], text) for text in TEXTS]
    contents = EncodedInputs(asked, loaded.vocabularies)
    settings = DecodeSettings(batch_size=2)
    plan = [rows for _, rows in planned_batches(asked, contents, loaded.hparams, settings)]
    assert [len(rows) for rows in plan] == [2, 2, 1]
    whole: dict = {}
    decoder = loaded.decoder_for(settings)
    for found in answers(decoder, asked, contents, loaded.hparams, {}):
        whole |= found
    half = {row: whole[row] for row in [*plan[0], plan[1][0]]}
    again = list(answers(decoder, asked, contents, loaded.hparams, half))
    assert [sorted(found) for found in again] == [sorted(plan[1]), sorted(plan[2])]
    assert {**again[0], **again[1]} == {row: whole[row] for row in [*plan[1], *plan[2]]}


def test_what_is_refused(loaded):
    with pytest.raises(UnknownNameError, match="did you mean 'decoding_toy_text'"):
        loaded.decode("decoding_toy_txt", ["red"])
    with pytest.raises(UserError, match="decode takes a list of inputs"):
        loaded.decode(TEXT, "red")
    with pytest.raises(UnknownNameError, match="unknown decoding hparam 'beams'"):
        loaded.decode(TEXT, ["red"], "beams=3")
    with pytest.raises(HParamError, match="'beam_size' must be"):
        loaded.decode(TEXT, ["red"], "beam_size=0")
    with pytest.raises(DataError, match="the input is empty text"):
        loaded.decode(TEXT, ["red", " "])
    with pytest.raises(UserError, match="score takes one target per input: a list of 2"):
        loaded.score(TEXT, ["red", "blue"], ["RED"])
    with pytest.raises(DataError, match="the target: the target is empty text"):
        loaded.score(TEXT, ["red"], [" "])
    with pytest.raises(DataError, match="the target has the unknown label 'd'; allowed are a, b"):
        loaded.score(CLASS, [png(0)], ["d"])
    assert loaded.decode(TEXT, []) == [] and loaded.score(TEXT, [], []) == []
