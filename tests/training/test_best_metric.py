"""The best weights by any metric: teacher-forced, decoded, a user's own; all problems' or one's."""

from __future__ import annotations

import math
import signal
from pathlib import Path
from typing import Any

import jiwer
import keras
import numpy as np
import pytest
import tensorflow as tf

import t2t_mm
from t2t_mm import usr_dir
from t2t_mm.decoding.settings import GREEDY
from t2t_mm.errors import HParamError, UnknownNameError
from t2t_mm.evaluation.scoring import DecodedEvaluation
from t2t_mm.kinds import Label, Number, Text
from t2t_mm.modalities.categorical import MultiLabel, OneClass
from t2t_mm.modalities.loss import CLASSIFICATION
from t2t_mm.modalities.number import Number as NumberNetwork
from t2t_mm.modalities.tags import Tags as TagsNetwork
from t2t_mm.modalities.text import Text as TextNetwork
from t2t_mm.problem import Task
from t2t_mm.registry import METRICS, MIXING_POLICIES, PROBLEMS
from t2t_mm.training.best_metric import BestMetric, find_best_metric
from tests.training.tiny_runs import (
    PROBLEMS_DIR,
    TRANSFORMER,
    assert_equal_checkpoints,
    metrics,
    train,
)

WORDS = Text("vocab.x", 300)
TASKS = [
    Task("colours", "colours", WORDS, Label(("a", "b"), "colours"), "to_label", ("accuracy",)),
    Task("digits", "digits", WORDS, WORDS, "to_digits", ("bleu", "exact_match")),
    Task("letters", "letters", WORDS, WORDS, "to_letters", ("exact_match",)),
    Task("stars", "stars", WORDS, Number(0, 5), "to_number", ("pearson", "mse")),
]
FORCED = {
    "colours": CLASSIFICATION,
    "digits": CLASSIFICATION | {"accuracy_per_sequence"},
    "letters": CLASSIFICATION | {"accuracy_per_sequence"},
    "stars": frozenset({"mse", "mae"}),
}


@pytest.mark.parametrize(
    ("name", "decoded", "higher"),
    [
        ("loss", (), False),
        ("accuracy", (), True),
        ("digits/accuracy", (), True),
        ("neg_log_perplexity", (), True),
        ("mse", (), False),
        ("stars/mae", (), False),
        ("bleu", ("digits",), True),  # of those that name it
        ("letters/bleu", ("letters",), True),
        ("cer", ("digits", "letters"), False),  # of those that it can score
        ("exact_match", ("digits", "letters"), True),
        ("pearson", ("stars",), True),
        ("colours/calibration_error", ("colours",), False),
    ],
)
def test_names(name: str, decoded: tuple[str, ...], higher: bool) -> None:
    found = find_best_metric(name, TASKS, FORCED)
    assert found == BestMetric(name, decoded, higher)
    assert found.metric == name.rpartition("/")[2]


def test_mistakes() -> None:
    with pytest.raises(HParamError) as error:
        find_best_metric("blue", TASKS[:1], FORCED)
    assert str(error.value) == (
        "hparam 'keep_best_metric' must be one of accuracy, accuracy_top5, calibration_error, "
        "exact_match, loss, neg_log_perplexity, or one of them for one problem as PROBLEM/METRIC, "
        "got 'blue'."
    )
    with pytest.raises(HParamError, match="got 'wer': it scores no answers of colours, stars."):
        find_best_metric("wer", [TASKS[0], TASKS[3]], FORCED)
    with pytest.raises(HParamError, match="got 'colours/wer': it scores no answers of colours."):
        find_best_metric("colours/wer", TASKS, FORCED)
    with pytest.raises(UnknownNameError) as unknown:
        find_best_metric("digit/bleu", TASKS, FORCED)
    assert (
        "unknown problem 'digit' (from the hparam keep_best_metric); did you mean 'digits'"
        in str(unknown.value)
    )
    # The names of a user's own network are told by its first evaluation.
    assert find_best_metric("smoothness", TASKS, {**FORCED, "stars": None}).decoded == ()


def test_the_mean_over_its_problems() -> None:
    found = {"a": {"bleu": 10.0, "loss": 1.0}, "b": {"bleu": 30.0, "loss": 3.0}, "c": {"loss": 8.0}}
    assert BestMetric("bleu", ("a", "b"), True).value(found) == 20.0
    assert BestMetric("a/bleu", ("a",), True).value(found) == 10.0
    assert BestMetric("b/loss").value(found) == 3.0
    assert BestMetric().value(found) == 4.0
    with pytest.raises(HParamError, match="must be one of bleu, loss, got 'smoothness'"):
        BestMetric("smoothness").value(found)


def test_networks_tell_what_they_measure() -> None:
    zeros = np.zeros
    one_class = OneClass().step_metrics(zeros([2, 3]), np.array([0, 1]))
    assert set(one_class) == OneClass.metric_names
    several = MultiLabel.step_metrics(None, zeros([2, 3]), zeros([2, 3]))
    assert set(several) == MultiLabel.metric_names
    text = TextNetwork(vocab_size=9, hidden_size=4, roles=("target",))
    assert set(text.step_metrics(zeros([1, 2, 9]), np.array([[3, 1]]))) == text.metric_names
    tags = TagsNetwork(num_tags=3, hidden_size=4, roles=("target",))
    assert set(tags.step_metrics(zeros([1, 2, 3]), np.array([[2, 0]]))) == tags.metric_names
    number = NumberNetwork(0.0, 5.0, exit_filters=(4, 4), hidden_size=4, roles=("target",))
    assert set(number.step_metrics(zeros([2, 1]), zeros([2]))) == number.metric_names


class Stops(keras.callbacks.Callback):
    """Interrupts the run after a step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch + 1 == self.step:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("best")


def by_cer(folder: Path, name: str, **changes: Any) -> Any:
    rates = TRANSFORMER.replace("warmup_steps=4", "warmup_steps=0")
    hparams = f"{rates},keep_best_metric=cer,early_stopping_evals=1,learning_rate=0.5"
    settings = {"train_steps": 20, "local_eval_frequency": 2, "problems": "tiny_digits"}
    return train(folder, name, **{"hparams": hparams, **settings, **changes})


def logged(run: Path, name: str) -> dict[int, float]:
    lines = [line for line in metrics(run) if line["split"] == "dev"]
    return {line["step"]: line["metrics"][name] for line in lines if name in line["metrics"]}


def test_a_decoded_metric_keeps_the_best_stops_early_and_resumes_alike(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = by_cer(folder, "whole", progress=True, eval_steps=20)
    shown, values = capsys.readouterr().out, logged(folder / "whole", "cer")
    # The rule, played over the logged values: lower is better, one evaluation without one ends it.
    best, stale, last = math.inf, 0, 0
    for step, value in values.items():
        best, stale, last = (value, 0, step) if value < best else (best, stale + 1, last)
        if stale == 1:
            break
    assert result.step == step == max(values) < 20 and stale == 1
    kept = tf.train.latest_checkpoint(str(folder / "whole" / "best"))
    assert kept == str(folder / "whole" / "best" / f"model-{last}")
    assert f"stopped early: 1 evaluations without a better cer (best {best:.4g})." in shown

    # What is logged is what the checkpoint writes by itself.
    loaded = t2t_mm.load(folder / "whole", str(kept))
    evaluation = DecodedEvaluation(
        loaded.model, loaded.hparams, loaded.vocabularies, folder / "data", GREEDY
    )
    scored = evaluation(loaded.tasks["tiny_digits"])
    outputs = [one.decoded.output for one in scored.answers]
    right = [one.targets for one in scored.answers]
    assert values[last] == pytest.approx(jiwer.cer(right, outputs)) == pytest.approx(best)
    with pytest.raises(KeyboardInterrupt):
        by_cer(folder, "parts", eval_steps=20, callbacks=[Stops(3)])
    by_cer(folder, "parts", eval_steps=20)
    assert logged(folder / "parts", "cer") == values
    assert_equal_checkpoints(folder / "whole", folder / "parts")

    capsys.readouterr()
    evaluated = by_cer(folder, "parts", eval_steps=20, schedule="evaluate", progress=True)
    assert evaluated.metrics["tiny_digits"]["cer"] == values[step]
    table = capsys.readouterr().out
    assert "cer" in table and f"{values[step]:.4g}" in table


def test_another_metric_begins_anew(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"problems": "tiny_digits", "train_steps": 2, "local_eval_frequency": 2}
    train(folder, "changed", hparams=f"{TRANSFORMER},keep_best_metric=loss", **settings)
    settings |= {"train_steps": 4, "progress": True}
    train(folder, "changed", hparams=f"{TRANSFORMER},keep_best_metric=accuracy", **settings)
    assert "keep_best_metric loss -> accuracy: best/ begins anew." in capsys.readouterr().out
    kept = tf.train.latest_checkpoint(str(folder / "changed" / "best"))
    assert kept == str(folder / "changed" / "best" / "model-4")


OWN = """
import numpy as np
from t2t_mm.evaluation.metrics import Answers, Statistics, mean_of, metric
from t2t_mm.registry import register_metric, register_mixing_policy, register_problem
from t2t_mm.training.mixing import MixingPolicy
from {problems} import TinyDigits


@register_metric
@metric(families={{"text"}}, higher_is_better=False)
def length_error(answers: Answers) -> Statistics:
    "How far outputs are from the references' length."
    pairs = zip(answers.outputs, answers.references, strict=True)
    return mean_of("length_error", [abs(len(o) - len(rs[0])) for o, rs in pairs])


@register_mixing_policy
class Twice(MixingPolicy):
    "The first name twice, then the second once."

    def _draw(self, probabilities):
        return int(self._chosen.sum() % 3 == 2)


@register_problem
class OwnDigits(TinyDigits):
    "Named anew, with a metric of ones own."
    metrics = ("length_error",)
"""


def test_a_metric_and_a_policy_of_ones_own_by_usr_dir(folder: Path) -> None:
    usr_dir.load(str(PROBLEMS_DIR))
    own = folder / "own_usr_dir"
    own.mkdir()
    (own / "__init__.py").write_text(OWN.format(problems=PROBLEMS_DIR.name))
    try:
        assert usr_dir.load(str(own)) == [
            "problems: own_digits",
            "mixing_policies: twice",
            "metrics: length_error",
        ]
        hparams = f"{TRANSFORMER},keep_best_metric=length_error,problem_choice=twice"
        settings = {"problems": "own_digits,tiny_colours", "train_steps": 6, "hparams": hparams}
        result = train(folder, "own", decode=True, local_eval_frequency=3, **settings)
        steps = {name: values["steps"] for name, values in result.metrics.items()}
        assert steps == {"own_digits": 4, "tiny_colours": 2}
        values = logged(folder / "own", "length_error")
        assert set(values) == {3, 6} and all(value >= 0 for value in values.values())
        kept = tf.train.latest_checkpoint(str(folder / "own" / "best"))
        assert kept.endswith(f"model-{min(values, key=values.get)}")
        # The end of the run decodes other examples, and leaves the evaluation's figure alone.
        assert result.metrics["own_digits"]["length_error"] == values[6]
    finally:
        PROBLEMS.remove("own_digits")
        MIXING_POLICIES.remove("twice")
        METRICS.remove("length_error")
