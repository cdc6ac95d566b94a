"""Splits decoded and scored, beside baselines that are counted by hand."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from t2t_mm.decoding.batching import batches_by_length
from t2t_mm.decoding.model_loading import LoadedModel
from t2t_mm.decoding.settings import GREEDY, DecodeSettings
from t2t_mm.decoding.splits import check_data, evenly_spread
from t2t_mm.errors import DataError, UnknownNameError, UserError
from t2t_mm.evaluation.baselines import Baseline, learn_baseline
from t2t_mm.evaluation.evaluate import Evaluator, ProblemReport, evaluate
from t2t_mm.evaluation.metrics import compute
from t2t_mm.evaluation.report import append, report_table, scalars, series_table
from t2t_mm.evaluation.scoring import DecodedEvaluation, full_metrics, scorable
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Text
from t2t_mm.problem import Split, Task
from tests.decoding.decoding_run import COUNTS, VOCABULARY, toy_model, toy_run, words

DATA = toy_run().data_dir
LONGEST = 6  # tokens


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return toy_model()


@pytest.fixture(scope="module")
def evaluation(loaded) -> DecodedEvaluation:
    return DecodedEvaluation(loaded.model, loaded.hparams, loaded.vocabularies, DATA)


def stored_order(problem: str, loaded: LoadedModel) -> list[str]:
    """The inputs of the split as the shard holds them: shuffled by the generation."""
    import tensorflow as tf

    paths = sorted(str(path) for path in DATA.glob(f"{problem}-dev-*"))
    vocabulary = loaded.vocabularies[VOCABULARY]
    examples = [tf.train.Example.FromString(r.numpy()) for r in tf.data.TFRecordDataset(paths)]
    return [vocabulary.decode(e.features.feature["inputs"].int64_list.value) for e in examples]


def test_a_split_gives_what_its_inputs_give(loaded, evaluation):
    scored = evaluation(loaded.tasks["decoding_toy_text"])
    inputs = [one.inputs for one in scored.answers]
    assert inputs == stored_order("decoding_toy_text", loaded)
    assert sorted(inputs) == sorted(words(Split.DEV, i) for i in range(COUNTS[Split.DEV]))
    alone = loaded.decode("decoding_toy_text", inputs)
    assert [one.decoded.output for one in scored.answers] == [one.output for one in alone]
    for one in scored.answers:
        assert one.targets == one.inputs.upper()
        assert one.references == (one.inputs.upper(), one.inputs)
        assert one.ids.tolist() == [*loaded.vocabularies[VOCABULARY].encode(one.targets), 1]
    outputs = [one.decoded.output for one in scored.answers]
    references = [one.references for one in scored.answers]
    assert scored.scores == compute(("bleu", "exact_match"), outputs, references)


def test_references_do_not_answer_the_reversed_problem(loaded, evaluation):
    scored = evaluation(loaded.tasks["decoding_toy_text_rev"])
    assert all(one.references == (one.inputs.lower(),) for one in scored.answers)


@pytest.mark.parametrize(
    ("kind", "metric", "about"),
    [("class", "accuracy", "image 0 of"), ("speech", "wer", "sound 0 of"), ("tree", None, None)],
)
def test_every_kind_is_scored(loaded, evaluation, kind, metric, about):
    scored = evaluation(loaded.tasks[f"decoding_toy_{kind}"])
    assert len(scored.answers) == COUNTS[Split.DEV]
    assert set(scored.metrics) >= {metric or "bracket_f1"}
    assert scored.answers[0].inputs.startswith(about or "")


def test_at_most_so_many_examples(loaded, evaluation):
    scored = evaluation(loaded.tasks["decoding_toy_text"], max_examples=4)
    assert set(scored.metrics) == {"bleu", "exact_match"} and len(scored.answers) == 4
    samples = scored.samples(2)
    assert len(samples) == 2 and list(samples[0]) == ["input", "target", "output"]
    assert evenly_spread(list(range(7)), 3) == [0, 2, 4]
    assert evenly_spread(list(range(2)), 3) == [0, 1]


def sizes(lengths: list[int]) -> list[dict[str, int]]:
    return [{"inputs": length} for length in lengths]


def test_batches_hold_similar_lengths_and_everything_once():
    text = Task("t", "t", Text("v"), Text("v"), "c")
    lengths = np.random.default_rng(0).integers(1, 300, 100).tolist()
    batches = list(
        batches_by_length(sizes(lengths), text, HParams(batch_size=16), DecodeSettings())
    )
    assert sorted(i for batch in batches for i in batch) == list(range(100))
    longest = [max(lengths[i] for i in batch) for batch in batches]
    assert longest == sorted(longest, reverse=True)
    assert all(len(b) * most <= 1024 for b, most in zip(batches, longest, strict=True))


def test_an_input_longer_than_a_batch_comes_alone():
    text = Task("t", "t", Text("v"), Text("v"), "c")
    batches = batches_by_length(sizes([5, 9999, 5]), text, HParams(), DecodeSettings())
    assert list(batches) == [[1], [0, 2]]


def test_baseline_of_labels(loaded):
    """Training labels are a b c b, three times."""
    baseline = learn_baseline(loaded.tasks["decoding_toy_class"], DATA, {})
    assert (baseline.answer, baseline.share) == ("b", 0.5)
    np.testing.assert_array_equal(baseline.counts, [3, 6, 3])
    assert [label for label, _ in baseline.ranked] == ["b", "a", "c"]
    assert np.exp([score for _, score in baseline.ranked]) == pytest.approx([0.5, 0.25, 0.25])
    dev = [["a"], ["b"], ["c"], ["b"], ["a"], ["b"]]
    assert baseline.decoded(["accuracy"], dev)["accuracy"].value == 0.5
    # It says 50 %, and is right in 3 of 6.
    assert baseline.decoded(["calibration_error"], dev)["calibration_error"].value == (
        pytest.approx(0)
    )
    figures = baseline.teacher_forced([np.array([0]), np.array([1]), np.array([1])])
    expected = (math.log(4 / 15) + 2 * math.log(7 / 15)) / 3  # one is added to each count
    assert figures == pytest.approx({"accuracy": 2 / 3, "neg_log_perplexity": expected})


def test_baseline_of_text(loaded):
    vocabulary = loaded.vocabularies[VOCABULARY]
    baseline = learn_baseline(loaded.tasks["decoding_toy_speech"], DATA, {VOCABULARY: vocabulary})
    texts = [words(Split.TRAIN, i) for i in range(COUNTS[Split.TRAIN])]
    counts = Counter(i for text in texts for i in [*vocabulary.encode(text), 1])
    assert {i: n for i, n in enumerate(baseline.counts.tolist()) if n} == counts
    assert baseline.share == Counter(texts).most_common(1)[0][1] / len(texts)
    assert baseline.answer in texts


def test_baseline_of_a_reversed_problem_reads_the_other_side(loaded):
    baseline = learn_baseline(loaded.tasks["decoding_toy_text_rev"], DATA, loaded.vocabularies)
    assert baseline.answer == baseline.answer.lower()


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (Path.unlink, r"cannot read .*speech-train-.*; generate its data again"),
        (lambda file: os.truncate(file, 50), r".*speech-train-.* is cut off or altered; delete it"),
    ],
)
def test_training_shards_are_read_before_anything_is_decoded(
    loaded, tmp_path, monkeypatch, harm, sentence
):
    data = shutil.copytree(DATA, tmp_path / "data")
    for file in data.glob("decoding_toy_speech-train-*"):
        harm(file)
    evaluator = Evaluator(loaded, data, ["decoding_toy_class", "decoding_toy_speech"])
    monkeypatch.setattr("t2t_mm.evaluation.evaluate.decode_batches", None)
    with pytest.raises(DataError, match=f"^problem 'decoding_toy_speech': {sentence}"):
        evaluator()


def test_unigram_figures_by_hand():
    baseline = Baseline("x", 1.0, np.array([0, 5, 2, 1]))
    figures = baseline.teacher_forced([np.array([1, 2]), np.array([1, 3, 0])])
    assert figures["accuracy"] == pytest.approx(2 / 5)
    p = np.array([1, 6, 3, 2]) / 12
    expected = np.mean(np.log([p[1], p[2], p[1], p[3], p[0]]))
    assert figures["neg_log_perplexity"] == pytest.approx(expected)


@pytest.fixture(scope="module")
def reports(loaded) -> list[ProblemReport]:
    hparams = loaded.hparams.replace(eval_max_length=LONGEST)
    short = dataclasses.replace(loaded, hparams=hparams)
    return evaluate(short, DATA, ["decoding_toy_speech", "decoding_toy_class"])


def test_evaluate_reports_model_and_baseline(reports, tmp_path):
    report = reports[0]
    assert report.problem == "decoding_toy_class"
    right = np.mean([one.decoded.output == one.targets for one in report.answers])
    assert report.decoded["accuracy"].value == right == report.teacher_forced["accuracy"]
    assert report.baseline_decoded["accuracy"].value == 0.5
    assert report.baseline_teacher_forced["accuracy"] == 0.5
    path = append(tmp_path, "ckpt-7", 7, reports)
    append(tmp_path, "ckpt-8", 8, reports[:1])
    first, _, third = map(json.loads, path.read_text().splitlines())
    assert (first["step"], third["step"], third["checkpoint"]) == (7, 8, "ckpt-8")
    error = report.decoded["calibration_error"].value
    assert first["decoded"] == {"accuracy": right, "calibration_error": error}
    assert first["decode_hparams"]["beam_size"] == 4 and first["decode_hparams"]["alpha"] == 0.6
    assert first["bootstrap"] == {"level": 0.95, "resamples": 1000, "seed": 12345}
    low, high = first["intervals"]["accuracy"]
    assert low <= right <= high
    assert first["baseline"]["answer"] == "b"


def test_the_table(reports):
    text = report_table(reports)
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["problem", "examples", "metric", "model", "95%", "interval", "trivial"]
    score = reports[0].decoded["accuracy"]
    right = [f"{100 * score.value:.1f}", "%"]
    low, high = (f"{100 * value:.1f}" for value in score.intervals["accuracy"])
    interval = [f"[{low},", f"{high}]"]
    head = ["decoding_toy_class", "6", "accuracy"]
    assert lines[1] == [*head, *right, *interval, "50.0", "%"]
    assert ["accuracy", "(teacher-forced)", *right, "50.0", "%"] in lines
    assert ["wer", "(lower", "is", "better)"] in [line[2:6] for line in lines]
    assert "bootstrap percentiles over the examples, 1000 resamples, seed 12345." in text
    assert "decode_hparams: beam_size=4,alpha=0.6," in text


def test_the_table_of_several_checkpoints(reports):
    lines = [line.split() for line in series_table({7: reports, 11: reports}).splitlines()]
    assert lines[0] == ["step", "decoding_toy_class", "accuracy", "decoding_toy_speech", "wer"]
    assert [line[0] for line in lines[1:]] == ["7", "11"]
    assert lines[1][1:] == lines[2][1:]


def test_scalars_have_t2ts_tags_where_t2t_has_them(reports):
    found = scalars(reports)
    speech = reports[1]
    name = "metrics-decoding_toy_speech/accuracy_per_sequence"
    assert found[name] == speech.teacher_forced["accuracy_per_sequence"]
    assert found["decoded-decoding_toy_speech/wer"] == speech.decoded["wer"].value


def test_metrics_shown_beside_a_problems_own(loaded):
    def names(kind: str, *further: str) -> list[str]:
        return full_metrics(loaded.tasks[f"decoding_toy_{kind}"], further)

    assert names("text") == ["bleu", "exact_match"]
    assert names("text", "ter", "chrf", "accuracy") == ["bleu", "exact_match", "ter", "chrf"]
    captions = ["bleu", "cider", "exact_match", "bleu_4", "rouge_l", "meteor_stem"]
    assert names("caption") == captions
    assert names("tree") == ["bracket_f1", "bracket_f1_all", "exact_match"]
    assert names("class") == ["accuracy", "calibration_error"]  # three classes: no top five
    six = loaded.tasks["decoding_toy_class"]
    six = dataclasses.replace(six, targets=six.targets.with_labels(tuple("abcdef")))
    assert full_metrics(six) == ["accuracy", "accuracy_top5", "calibration_error"]


def test_labels_are_scored_with_their_probabilities(reports, loaded):
    answers = reports[0].answers
    ranked = scorable(loaded.tasks["decoding_toy_class"], answers).ranked
    assert ranked is not None
    for one, pairs in zip(answers, ranked, strict=True):
        assert pairs[0] == (one.decoded.output, one.decoded.score)
        assert sum(math.exp(score) for _, score in pairs) == pytest.approx(1, abs=1e-5)


def test_other_weights_need_no_new_evaluator(loaded, tmp_path):
    """The traces stay: figures follow the weights, and come back with them."""
    evaluator = Evaluator(
        loaded, DATA, ["decoding_toy_speech"], settings=GREEDY, metrics=["cer"], resamples=0
    )
    (before,) = evaluator()
    assert set(before.decoded) == {"wer", "cer", "exact_match"}
    variables = loaded.model.variables
    kept = [variable.numpy() for variable in variables]
    for variable in variables:
        variable.assign(variable + 0.3)
    (between,) = evaluator()
    for variable, value in zip(variables, kept, strict=True):
        variable.assign(value)
    (after,) = evaluator()
    assert between.teacher_forced != before.teacher_forced == after.teacher_forced
    assert after.decoded == before.decoded and before.decoded["wer"].intervals == {}


def test_a_further_metric_must_score_something(loaded):
    with pytest.raises(
        UserError, match=r"'bracket_f1' \(from --metrics\) scores none of decoding_t"
    ):
        Evaluator(loaded, DATA, ["decoding_toy_class"], metrics=["bracket_f1"])


def test_examples_that_are_left_out_are_reported(loaded, reports):
    vocabulary = loaded.vocabularies[VOCABULARY]
    texts = [words(Split.DEV, i) for i in range(COUNTS[Split.DEV])]
    long = sum(len(vocabulary.encode(text)) + 1 > LONGEST for text in texts)
    assert 0 < long < len(texts)
    assert [report.left_out for report in reports] == [0, long]
    assert reports[1].examples == reports[1].to_dict()["examples"] == len(texts) - long
    assert f"decoding_toy_speech: {long} examples longer than eval_max_length={LONGEST} are" in (
        report_table(reports)
    )


def test_evaluate_refuses_what_is_not_there(loaded, tmp_path):
    with pytest.raises(UnknownNameError, match="unknown problem of this model 'x'"):
        evaluate(loaded, DATA, ["x"])
    with pytest.raises(DataError, match="no problem of this model has the split test"):
        evaluate(loaded, DATA, split="test")
    with pytest.raises(DataError, match=f"has no data in {tmp_path}; run `t2t-datagen"):
        evaluate(loaded, tmp_path)
    with pytest.raises(DataError, match="has no split test"):
        evaluate(loaded, DATA, ["decoding_toy_text"], "test")


def test_data_of_another_vocabulary_are_refused(loaded):
    class Other:
        digest = "another"

    with pytest.raises(
        DataError, match=r"made with another vocabulary 'vocab\.decoding_toy' than the model was"
    ):
        check_data(loaded.tasks["decoding_toy_text"], "dev", DATA, {VOCABULARY: Other()})
