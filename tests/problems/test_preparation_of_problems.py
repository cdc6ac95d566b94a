"""Problems say how their texts are prepared: by the keys of a file, or by a named one's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_mm.data.binding import bind
from t2t_mm.data.generation.api import generate
from t2t_mm.errors import DataError
from t2t_mm.kinds import Text
from t2t_mm.lookup import find_problem
from t2t_mm.problem import Split, Task, Text2TextProblem
from t2t_mm.problems_file.loading import load
from t2t_mm.registry import PROBLEMS, VOCABULARIES
from t2t_mm.runs.run_record import RunRecord, changes

HEAD = '[problems.prepared_file]\nkind = "text2text"\nformat = "text_lines"\n'
VOCABULARY = 'vocabulary = "vocab.prepared_file"\n'
SIZE = '[vocabularies."vocab.prepared_file"]\nsize = 340\n'
TRAIN = 'train = {{ inputs = "a", targets = "b"{} }}\n'


@pytest.fixture
def file_problem(tmp_path: Path):
    """A function of the keys that gives the problem."""
    (tmp_path / "a").write_text("Red\tDog\nＢig cat\n" * 10, encoding="utf-8")
    (tmp_path / "b").write_text("Roter  Hund\nKatze\n" * 10, encoding="utf-8")

    def made(keys: str, train: str = TRAIN.format("")):
        (tmp_path / "p.toml").write_text(HEAD + VOCABULARY + keys + train + SIZE, encoding="utf-8")
        load(tmp_path / "p.toml")
        return find_problem("prepared_file")

    yield made
    for registry, name in ((PROBLEMS, "prepared_file"), (VOCABULARIES, "vocab.prepared_file")):
        if name in registry:
            registry.remove(name)


def test_a_files_keys_are_the_preparation(file_problem, tmp_path) -> None:
    problem = file_problem('prepare = ["nfkc"]\nlowercase = true\n')
    rules = ("one_line", "nfkc", "lowercase")
    assert problem.inputs.preparation == problem.targets.preparation == rules
    assert problem.rev().inputs.preparation == rules
    samples = list(problem.generate_samples(Split.TRAIN, tmp_path, 0))
    assert samples[0] == {"inputs": "red dog", "targets": "roter  hund"}
    assert samples[1]["inputs"] == "big cat"
    generate([problem], tmp_path / "data", num_workers=1, log=lambda line: None)
    task = bind(problem, tmp_path / "data")
    assert Task.from_dict(task.to_dict()).input.preparation == rules


def test_without_keys_texts_are_lines(file_problem) -> None:
    assert file_problem("").inputs.preparation == ("one_line",)


def test_what_one_source_leaves_as_it_is_the_model_has_seen(file_problem) -> None:
    sources = '[{ inputs = "a", targets = "b", lowercase = true }, { inputs = "a", targets = "b" }]'
    assert file_problem("", f"train = {sources}\n").inputs.preparation == ("one_line",)


def test_an_unknown_rule_is_named_with_its_place(file_problem) -> None:
    with pytest.raises(DataError, match=r"p\.toml, \[problems\.prepared_file\.train\]: unknown te"):
        file_problem('prepare = ["stress"]\n')


@pytest.mark.parametrize(
    ("name", "inputs", "targets"),
    [
        ("translate_ende_wmt8k", ("one_space",), ("one_space",)),
        ("summarize_cnn_dailymail32k", ("one_space", "cut_words:400"), ("one_space",)),
        ("librispeech", (), ("one_space", "lowercase")),
        ("wsj", (), ("wsj_words", "one_space", "lowercase")),
        ("translate_ende_shapes", (), ()),
    ],
)
def test_named_problems_have_the_preparation_of_their_rules(name, inputs, targets) -> None:
    problem = find_problem(name)
    assert (problem.inputs.preparation, problem.targets.preparation) == (inputs, targets)


class Capitals(Text2TextProblem):
    """A problem in code, whose kind alone says how its texts are prepared."""

    shards = {Split.TRAIN: 1}

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs = Text(f"vocab.{name}", preparation=("lowercase",))

    def generate_samples(self, split, tmp_dir, seed):
        for word in ("Red", "DOG") * 10:
            yield {"inputs": word, "targets": word}


def test_data_generation_prepares_what_a_problem_in_code_declares(tmp_path) -> None:
    from t2t_mm.data.generation.examples import ExampleEncoder
    from t2t_mm.data.vocabularies.building import train_texts
    from t2t_mm.kinds.vocabulary import Vocabulary
    from tests.decoding import decoding_run as toy

    problem = Capitals("capitals_in_code")
    assert list(train_texts(problem, tmp_path, 0))[:4] == ["red", "Red", "dog", "DOG"]
    words = Vocabulary.load(toy.toy_run().data_dir / f"{toy.VOCABULARY}.model")
    encoder = ExampleEncoder(problem, Split.TRAIN, {"inputs": words, "targets": words})
    capital, small = encoder.encode(
        [(0, {"inputs": "Dog", "targets": "Dog"}), (1, {"inputs": "dog", "targets": "Dog"})]
    )
    assert capital == small


def test_a_run_of_before_goes_on_and_then_knows_the_rules() -> None:
    text = Text("v", 300, preparation=("one_line", "lowercase"))
    task = Task("p", "p", text, text, "c")
    new = RunRecord("m", "s", {}, {"p": task.to_dict()}, 0, {}, 1)
    old = RunRecord("m", "s", {}, {"p": task.to_dict()}, 0, {}, 1)
    for kind in (old.tasks["p"]["inputs"]["inputs"], old.tasks["p"]["targets"]):
        del kind["preparation"]
    assert changes(old, new) == []
