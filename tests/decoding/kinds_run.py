"""A run directory like decoding_run's, over what has several inputs, and the rarer kinds."""

from __future__ import annotations

import functools
import shutil
import tempfile
from atexit import register as at_exit
from pathlib import Path
from typing import TYPE_CHECKING

from t2t_mm.kinds import Image, Label, Number, Tags, Text
from t2t_mm.problem import Sample, Split, VocabularySpec
from t2t_mm.registry import VOCABULARIES, register_problem
from tests.decoding.decoding_run import Run, Toy, png, words, write_run

if TYPE_CHECKING:
    from t2t_mm.decoding.model_loading import LoadedModel

VOCABULARY = "vocab.kinds_toy"
TAGS = ("ANIMAL", "OTHER")
SET = ("small", "big", "red")


def question(split: Split, index: int) -> str:
    return f"is the {words(split, index)} red ?"


def tags_of(text: str) -> str:
    return " ".join(TAGS[word not in ("dog", "cat")] for word in text.split())


def members(index: int) -> list[str]:
    """A set of classes, the empty one included."""
    return [name for bit, name in enumerate(SET) if index >> bit & 1]


def number_of(index: int) -> float:
    return -1 + index / 4


class KindsToy(Toy):
    vocabulary = VOCABULARY


@register_problem("kinds_toy_question")
class ToyQuestion(KindsToy):
    """A picture and a question about it to yes or no."""

    labels = ("yes", "no", "maybe")
    command = "to_label"
    metrics = ("accuracy",)

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs = {"inputs": Image(16), "question": Text(VOCABULARY)}
        self.targets = Label(self.labels, name)

    def sample(self, split: Split, index: int) -> Sample:
        asked = question(split, index)
        return {"inputs": png(index), "question": asked, "targets": self.labels[index % 3]}


@register_problem("kinds_toy_reply")
class ToyReply(ToyQuestion):
    """The same to a text; the inputs' names stand in another order."""

    command = "to_text"
    metrics = ("exact_match",)

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs = {"about": Text(VOCABULARY), "picture": Image(16)}
        self.targets = Text(VOCABULARY)

    def sample(self, split: Split, index: int) -> Sample:
        asked = question(split, index)
        return {"about": asked, "picture": png(index), "targets": words(split, index)}


@register_problem("kinds_toy_number")
class ToyNumber(KindsToy):
    """Sentences to numbers from -1 to 4."""

    command = "to_number"
    metrics = ("mse", "pearson")

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs, self.targets = Text(VOCABULARY), Number(-1, 4)

    def sample(self, split: Split, index: int) -> Sample:
        return {"inputs": words(split, index), "targets": number_of(index)}


@register_problem("kinds_toy_price")
class ToyPrice(KindsToy):
    """A label and a number to a label: neither has a length."""

    labels = ("cheap", "dear")
    command = "to_label"
    metrics = ("accuracy",)

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs = {"of": Label(SET, "things"), "price": Number(0, 10)}
        self.targets = Label(self.labels, name)

    def sample(self, split: Split, index: int) -> Sample:
        return {"of": SET[index % 3], "price": index % 11, "targets": self.labels[index % 11 > 5]}


@register_problem("kinds_toy_tags")
class ToyTags(KindsToy):
    """A tag for each word."""

    labels = TAGS
    command = "to_tags"
    metrics = ("exact_match",)

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs, self.targets = Text(VOCABULARY), Tags(TAGS, name)

    def sample(self, split: Split, index: int) -> Sample:
        text = words(split, index)
        return {"inputs": text, "targets": tags_of(text)}


@register_problem("kinds_toy_set")
class ToySet(KindsToy):
    """Pictures to sets of classes."""

    labels = SET
    command = "to_labels"
    metrics = ("exact_match",)

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs, self.targets = Image(16), Label(SET, name, multiple=True)

    def sample(self, split: Split, index: int) -> Sample:
        return {"inputs": png(index), "targets": members(index % 8)}


QUESTION, REPLY, NUMBER, PRICE, TAG, SETS = KIND_NAMES = tuple(
    f"kinds_toy_{name}" for name in ("question", "reply", "number", "price", "tags", "set")
)
_WITH_TEXT = (NUMBER, QUESTION, REPLY, TAG)
VOCABULARIES.register(VOCABULARY, VocabularySpec(VOCABULARY, 340, _WITH_TEXT), "of these toys")


@functools.cache
def kinds_run() -> Run:
    """Makes data and run directory, once per process."""
    from t2t_mm.data.binding import bind, load_vocabularies
    from t2t_mm.data.generation.api import generate
    from t2t_mm.lookup import find_problems

    folder = Path(tempfile.mkdtemp(prefix="kinds_toy"))
    at_exit(shutil.rmtree, folder, ignore_errors=True)
    data_dir, output_dir = folder / "data", folder / "run"
    problems = find_problems(",".join(KIND_NAMES))
    generate(problems, data_dir, num_workers=1, log=lambda line: None)
    tasks = [bind(problem, data_dir) for problem in problems]
    write_run(output_dir, tasks, load_vocabularies(tasks, data_dir))
    return Run(output_dir, data_dir)


@functools.cache
def kinds_model() -> LoadedModel:
    """The run's model, loaded once per process."""
    from t2t_mm.decoding.model_loading import load

    return load(kinds_run().output_dir)
