"""The base of the translation problems: pairs of languages, and their names.

A problem is from English; `_rev` is to English. Text is stored as it is published, untokenised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from t2t_mm.data.sources.cleaning import TextRules
from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.data.sources.readers.parallel import pairs
from t2t_mm.data.sources.tfds_folder import Record
from t2t_mm.errors import DataError
from t2t_mm.problem import Broken, Dropped, Sample, Split, Text2TextProblem
from t2t_mm.provenance import RawFiles


class TranslateProblem(NamedProblem, Text2TextProblem):
    """From English to another language.

    Attributes:
      language: its code.
      corpora: RawFiles.key -> split -> pairs of paths, globs allowed: English, the other language.
    """

    language: str
    reversed_command = "to_english"
    reversed_language = "en"
    rules = TextRules(max_words=250, max_ratio=9.0)
    corpora: ClassVar[Mapping[str, Mapping[Split, tuple[tuple[str, str], ...]]]] = {}

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample | Dropped]:
        yield {
            "inputs": record.text("en"),
            "targets": record.text(type(self).language),
        }  # also of `_rev`

    def samples_of_files(
        self, files: RawFiles, root: Path, split: Split
    ) -> Iterator[Sample | Broken]:
        for left, right in self.corpora[files.key][split]:
            for pair in pairs(one_file(root, left), one_file(root, right)):
                if isinstance(pair, Broken):
                    yield self.sample_of_item(pair, split)
                else:
                    yield {"inputs": pair[0], "targets": pair[1]}


def one_file(root: Path, pattern: str) -> Path:
    """The first file below `root` that matches, plain before gzipped.

    Raises:
      DataError: if there is none.
    """
    found = sorted(root.glob(pattern)) or sorted(root.glob(f"{pattern}.gz"))
    if not found:
        raise DataError(f"{root / pattern} is missing.")
    return found[0]


def needs(corpora: Mapping[Split, tuple[tuple[str, str], ...]]) -> tuple[str, ...]:
    """All paths of the corpora, plain or gzipped, for RawFiles."""
    return tuple(
        f"{path}|{path}.gz" for splits in corpora.values() for pair in splits for path in pair
    )
