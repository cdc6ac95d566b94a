"""Every registry refuses what it does not hold, at registration or where only a call can tell."""

from __future__ import annotations

import re
from typing import Any

import pytest

from t2t_mm import registry
from t2t_mm.bin.registry_help import registry_help
from t2t_mm.evaluation.metrics import Answers, Statistics, compute, find_metric, mean_of, metric
from t2t_mm.registry import Registry


def no_hparams() -> dict[str, int]:
    """No HParams."""
    return {"hidden_size": 1}


WRONG: list[tuple[str, Any, str]] = [
    ("problems", dict, "problem 'wrong' must be a Problem, got <class 'dict'>"),
    ("mixtures", ["a"], "mixture 'wrong' must be a Mixture, got ['a']"),
    (
        "vocabularies",
        "vocab.x",
        "vocabulary 'wrong' must be a t2t_mm.problem.VocabularySpec, got 'vocab.x'",
    ),
    (
        "kinds",
        dict,
        "kind of data 'wrong' must be a subclass of t2t_mm.kinds.kind.Kind, got <class 'dict'>",
    ),
    (
        "modalities",
        len,
        "modality 'wrong' must be a subclass of t2t_mm.modalities.modality.Modality, "
        "got <built-in function len>",
    ),
    (
        "models",
        dict,
        "model 'wrong' must be a subclass of t2t_mm.models.body.Body, got <class 'dict'>",
    ),
    ("hparams", 3, "hparams set 'wrong' must be a function of no arguments, got 3"),
    ("hparams", lambda base: base, "hparams set 'wrong' must be a function of no arguments, got <"),
    ("ranged_hparams", {}, "ranged hparams set 'wrong' must be a function of ranges, got {}"),
    ("ranged_hparams", no_hparams, "ranged hparams set 'wrong' must be a function of ranges, got"),
    (
        "optimizers",
        dict,
        "optimizer 'wrong' must be a subclass of t2t_mm.training.optimizer.Optimizer, got",
    ),
    (
        "schedules",
        0.1,
        "learning rate schedule 'wrong' must be a function of hparams, train_steps, got 0.1",
    ),
    (
        "schedules",
        lambda step: 0.1,
        "learning rate schedule 'wrong' must be a function of hparams, train_steps, got <function",
    ),
    (
        "searches",
        dict,
        "search 'wrong' must be a subclass of t2t_mm.decoding.search.contract.Search, got",
    ),
    (
        "mixing_policies",
        lambda: None,
        "mixing policy 'wrong' must be a subclass of t2t_mm.training.mixing.MixingPolicy, got",
    ),
    ("text_rules", "lower", "text rule 'wrong' must be a function of text, got 'lower'"),
    (
        "metrics",
        lambda answers: 0.5,
        "metric 'wrong' must be a t2t_mm.evaluation.metrics.metric.Metric, got <function",
    ),
]


@pytest.mark.parametrize(("kind", "value", "text"), WRONG)
def test_the_wrong_type_raises(kind: str, value: Any, text: str) -> None:
    with pytest.raises(TypeError, match=f"^{re.escape(text)}"):
        registry.ALL[kind].register("wrong", value)
    assert "wrong" not in registry.ALL[kind]


def test_every_registry_is_tested() -> None:
    assert {kind for kind, _, _ in WRONG} == set(registry.ALL)


def test_an_hparams_set_that_gives_something_else_is_told_at_its_first_lookup() -> None:
    registry.register_hparams("gives_a_dict")(no_hparams)
    try:
        with pytest.raises(TypeError, match="set 'gives_a_dict' must give a t2t_mm.hparam.HParams"):
            registry.HPARAMS.get("gives_a_dict")
    finally:
        registry.HPARAMS.remove("gives_a_dict")


def test_a_declared_one_is_checked_when_it_is_imported() -> None:
    def check(name: str, value: Any) -> None:
        raise TypeError(f"{name}: {value.__name__}")

    names = Registry("thing", "--thing", check=check)
    names.declare("a", "json:dumps", "Not a thing.")
    with pytest.raises(TypeError, match="a: dumps"):
        names.get("a")


def test_a_metric_of_ones_own() -> None:
    @registry.register_metric
    @metric(families={"text", "label"}, higher_is_better=False)
    def empty_outputs(answers: Answers) -> Statistics:
        """Outputs without a word.

        More text.
        """
        return mean_of("empty_outputs", [float(not output) for output in answers.outputs])

    try:
        found = find_metric("empty_outputs")
        assert found is empty_outputs and not found.higher_is_better
        assert found.fits({"label"}) and not found.fits({"number"})
        entry = registry.METRICS.entry("empty_outputs")
        assert (entry.summary, entry.origin) == ("Outputs without a word.", __name__)
        scores = compute(["empty_outputs"], ["a", "", "", "b"], [["a"]] * 4, resamples=20)
        assert scores["empty_outputs"].value == 0.5
        assert 0 <= scores["empty_outputs"].intervals["empty_outputs"][0] <= 0.5
        with pytest.raises(ValueError, match="metric 'other' names its figure 'empty_outputs'"):
            registry.register_metric("other")(empty_outputs)
    finally:
        registry.METRICS.remove("empty_outputs")


def test_metrics_and_policies_are_listed() -> None:
    listed = registry_help("metrics")
    assert listed.startswith("metrics:") and "Corpus BLEU (sacrebleu)." in listed
    assert "round_robin" in registry_help("mixing_policies")


def test_a_metric_must_name_its_figure() -> None:
    @registry.register_metric
    @metric()
    def misnamed(answers: Answers) -> Statistics:
        """Gives another figure."""
        return mean_of("another", [1.0] * len(answers))

    try:
        with pytest.raises(TypeError, match="'misnamed' gave the figures another; one of them"):
            compute(["misnamed"], ["a"], [["a"]])
    finally:
        registry.METRICS.remove("misnamed")


def test_families_are_several() -> None:
    with pytest.raises(TypeError, match="must be a set such as {'label'}, got a text"):
        metric("label")
