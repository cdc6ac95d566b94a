"""Reads a problem of a problems file as datagen --skip_broken does, and draws up its balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fuzzing.target import KEPT, PARTLY, REFUSED, check, refusal
from t2t_mm.data.generation.examples import ExampleEncoder, checked_samples, resolved_value
from t2t_mm.data.vocabularies.building import build
from t2t_mm.errors import UserError
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import Dropped, Problem, Split, VocabularySpec
from t2t_mm.problems_file.declaration import read_declaration
from t2t_mm.problems_file.problem import FileProblem

WORDS = ("the", "a", "red", "blue", "big", "small", "dog", "cat", "tree", "house", "sees", "likes",
         "runs", "sleeps", "and", "of", "in", "on")  # fmt: skip


@dataclass
class Wanted:
    """What a source holds, counted by whoever wrote it.

    Attributes:
      items: how many there are; None where the damage leaves that open.
      at_least: for then: no fewer.
      untouched: text of an input that nothing was done to -> its target, both as stored.
      count: of "kept" alone: notes tell the rest.
    """

    items: int | None = None
    at_least: int = 0
    untouched: Mapping[str, str] = field(default_factory=dict)


def vocabulary(folder: Path) -> Vocabulary:
    """A vocabulary of a few words."""
    lines = [" ".join((*WORDS[i:], *WORDS[:i])) for i in range(len(WORDS))]
    return build(VocabularySpec("vocab.fuzzing", 340, ()), lines, folder / "vocab.fuzzing.model")


def verdict_of_table(
    table: Mapping[str, Any], folder: Path, words: Vocabulary, wanted: Wanted
) -> str:
    """The verdict on a problem's table whose files lie in `folder`.

    Raises:
      Fault: if the balance is not even, or what nobody touched is lost or changed.
    """
    try:
        problem = FileProblem(read_declaration("fuzzed", table, "my.toml"), folder, None)
    except UserError as error:
        return refusal(error)
    return verdict(problem, folder, words, wanted)


def verdict(problem: Problem, folder: Path, words: Vocabulary, wanted: Wanted) -> str:
    """The verdict on a problem's training split."""
    kept: dict[str, list[str]] = {}
    counts = {"kept": 0, "dropped": 0, "broken": 0}
    try:
        problem.labels_at(folder) if isinstance(problem, FileProblem) else None
        texts = {n: words for n, kind in problem.kinds.items() if kind.decoded_by_tokens}
        encoder = ExampleEncoder(problem, Split.TRAIN, texts)
        samples = list(checked_samples(problem, Split.TRAIN, folder, 0))
        for sample, record in zip(samples, encoder.encode(list(enumerate(samples))), strict=True):
            if isinstance(record, bytes):
                counts["kept"] += 1
                kept.setdefault(_text(sample), []).append(str(sample["targets"]))
            elif isinstance(record, Dropped):
                counts["dropped"] += 1
            else:
                counts["broken"] += 1
                refusal(UserError(record.sentence))
    except UserError as error:
        return refusal(error)
    total = sum(counts.values())
    if wanted.items is not None:
        check(total == wanted.items, f"{wanted.items} items in the source, counted are {counts}")
    check(total >= wanted.at_least, f"{wanted.at_least} items or more, counted are {counts}")
    for text, target in wanted.untouched.items():
        check(text in kept, f"'{text}' was whole and is lost; counted are {counts}")
        check(target in kept[text], f"'{text}' has the targets {kept[text]}, not '{target}'")
    if counts["kept"] == 0:
        return REFUSED
    return PARTLY if counts["broken"] or counts["dropped"] else KEPT


def _text(sample: Mapping[str, Any]) -> str:
    """The inputs as text; of a file its path, if it tells."""
    value = sample["inputs"] if "inputs" in sample else next(iter(sample.values()))
    if not callable(value):
        return str(value)
    owner = getattr(value, "__self__", None) or next(iter(getattr(value, "args", ())), None)
    return Path(owner).name if isinstance(owner, Path) else repr(resolved_value(value))[:40]
