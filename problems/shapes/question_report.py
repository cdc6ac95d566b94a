"""The accuracy of answers by type of question, and of blind answers.

Three baselines answer without seeing all of an example: `majority` gives the most frequent answer
of the type; `words` sees the question alone; `picture` sees the picture alone, and, which makes it
stronger than a model without questions could be, is told the type. Each is fitted to training
questions of one type. An answer above all three has been read off the picture, for the question.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from t2t_mm.problems.shapes import world
from t2t_mm.problems.shapes.questions import TYPES, Question

Features = Callable[[Question], Iterable[Hashable]]
ALL = "all"


def accuracy_by_type(answered: Iterable[tuple[str, str, str]]) -> dict[str, float]:
    """Share of right answers, of each type that occurs and of all questions.

    Args:
      answered: (type, answer, prediction) of each question.

    Returns:
      type -> accuracy in 0..1, in the order of TYPES, and "all" -> that of all questions.

    Raises:
      ValueError: if there are no questions.
    """
    right: dict[str, list[bool]] = collections.defaultdict(list)
    for kind, answer, prediction in answered:
        for group in (kind, ALL):
            right[group].append(answer == prediction)
    if not right:
        raise ValueError("there are no answers to score")
    return {kind: _mean(right[kind]) for kind in (*TYPES, ALL) if kind in right}


def blind_baselines(
    train: Sequence[Question], test: Sequence[Question]
) -> dict[str, dict[str, float]]:
    """Accuracy by type of what answers without the picture, or without the question.

    `string` gives the most frequent answer to the same question in training; `words` and `picture`
    are naive Bayes over words, and over how often each size, colour and shape is there.

    Args:
      train: questions that the baselines are fitted to.
      test: questions that they answer.

    Returns:
      "majority", "string", "words" and "picture", each with what `accuracy_by_type` returns.
    """
    features: Mapping[str, Features] = {
        "majority": lambda question: (),
        "string": lambda question: (question.question,),
        "words": lambda question: question.question.split(),
        "picture": _picture_features,
    }
    models = {name: _NaiveBayes(train, function) for name, function in features.items()}
    return {
        name: accuracy_by_type((one.type, one.answer, model.answer(one)) for one in test)
        for name, model in models.items()
    }


def table(rows: Mapping[str, Mapping[str, float]], questions: Sequence[Question]) -> str:
    """A Markdown table: a line a type, a column for each of `rows`, accuracies in percent.

    Args:
      rows: name -> what `accuracy_by_type` returns.
      questions: what the accuracies are of, to be counted.
    """
    counts = collections.Counter(one.type for one in questions)
    answers: dict[str, set[str]] = collections.defaultdict(set)
    for one in questions:
        for group in (one.type, ALL):
            answers[group].add(one.answer)
    counts[ALL] = len(questions)
    lines = [
        f"| type | questions | answers | {' | '.join(rows)} |",
        "|---|---|---|" + "---|" * len(rows),
    ]
    for kind in (kind for kind in (*TYPES, ALL) if counts[kind]):
        shares = " | ".join(f"{100 * row[kind]:.1f} %" for row in rows.values())
        lines.append(f"| {kind} | {counts[kind]:,} | {len(answers[kind])} | {shares} |")
    return "\n".join(lines)


def _picture_features(question: Question) -> Iterable[Hashable]:
    things = question.scene.things
    yield len(things)
    for name, values in (
        ("size", world.SIZES),
        ("colour", world.COLOURS),
        ("shape", world.SHAPES),
    ):
        for value in values:
            yield value, sum(getattr(thing, name) == value for thing in things)


class _NaiveBayes:
    """Answers of one type by their frequency, times that of each feature beside them.

    Args:
      train: questions with their answers.
      features: what the model sees of a question.
    """

    def __init__(self, train: Sequence[Question], features: Features) -> None:
        self._features = features
        self._answers: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
        self._seen: collections.Counter = collections.Counter()
        for one in train:
            self._answers[one.type][one.answer] += 1
            self._seen.update((one.type, one.answer, feature) for feature in features(one))

    def answer(self, question: Question) -> str:
        """The likeliest answer; among equals, the first in alphabetical order."""
        features = tuple(self._features(question))
        counts = self._answers[question.type]
        return max(sorted(counts), key=lambda answer: self._score(question.type, answer, features))

    def _score(self, kind: str, answer: str, features: Sequence[Hashable]) -> float:
        """Log-probability of answer and features; one is added to each count."""
        count = self._answers[kind][answer]
        seen = (self._seen[kind, answer, feature] for feature in features)
        return math.log(count) + sum(math.log((n + 1) / (count + 2)) for n in seen)


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values)
