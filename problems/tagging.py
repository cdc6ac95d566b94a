"""A tag for each word of a sentence: named entities.

A sentence is its words with single spaces between them, as the data sets part them, and its tags
are those of the scheme IOB2: B-X begins an entity of the type X, I-X goes on with it, O is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.data.sources.tfds_folder import Record
from t2t_mm.errors import DataError
from t2t_mm.problem import Sample, Split, Text2TagsProblem
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance, RawFiles, TfdsData

_PARTS = {"train": "train", "dev": "dev", "test": "test"}
_FILES = {
    Split.TRAIN: ("eng.train", "train.txt"),
    Split.DEV: ("eng.testa", "valid.txt"),
    Split.TEST: ("eng.testb", "test.txt"),
}
_DOCUMENT = "-DOCSTART-"  # stands in a line of its own between documents


@registry.register_problem("ner_conll2003")
class NerConll2003(NamedProblem, Text2TagsProblem):
    """CoNLL-2003, English: the words of news to persons, organizations, places and others."""

    labels = (
        "O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC",
    )  # fmt: skip
    vocabulary = vocabulary("ner_conll2003", 8192, "ner_conll2003")
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 10, Split.DEV: 1, Split.TEST: 1}
    provenance = Provenance(
        homepage="https://www.clips.uantwerpen.be/conll2003/ner/",
        licence="Reuters Corpus terms: research; cite Tjong Kim Sang and De Meulder 2003",
        examples={"train": 14_041, "dev": 3_250, "test": 3_453},
        download_bytes=982_975,
        tfds=(TfdsData("conll2003", _PARTS, "conll2003"),),
        files=(RawFiles("columns", tuple("|".join(names) for names in _FILES.values())),),
    )

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample]:
        tags = [self.labels[int(number)] for number in record.numbers("ner")]
        yield _sample(record.texts("tokens"), tags)

    def samples_of_files(self, files: RawFiles, root: Path, split: Split) -> Iterator[Sample]:
        path = next(p for p in (root / name for name in _FILES[split]) if p.is_file())
        for words, tags in sentences(path):
            yield _sample(words, iob2(tags))


def _sample(words: Sequence[str], tags: Sequence[str]) -> Sample:
    return {"inputs": " ".join(words), "targets": " ".join(tags)}


def sentences(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Yields (words, tags) of a file in the columns of CoNLL.

    A word a line, the word first and its tag last; an empty line ends a sentence.

    Raises:
      DataError: for a line of one column.
    """
    words: list[str] = []
    tags: list[str] = []
    for number, line in numbered_lines(path):
        columns = line.split()
        if not columns or columns[0] == _DOCUMENT:
            if words:
                yield words, tags
            words, tags = [], []
            continue
        if len(columns) < 2:
            raise DataError(f"{path}, line {number} has one column; give a word and its tag.")
        words.append(columns[0])
        tags.append(columns[-1])
    if words:
        yield words, tags


def iob2(tags: Sequence[str]) -> list[str]:
    """Tags of the scheme IOB1, whose entities begin with I-X unless one of X stands before."""
    found: list[str] = []
    for place, tag in enumerate(tags):
        kind = tag.partition("-")[2]
        before = tags[place - 1].partition("-")[2] if place else ""
        found.append(f"B-{kind}" if tag.startswith("I-") and before != kind else tag)
    return found
