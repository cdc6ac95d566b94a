"""Constituency parsing of English over the Penn Treebank, by Tensor2Tensor's names.

Inputs are the treebank's own words joined by spaces, traces left out; brackets stay -LRB- and
-RRB-. Targets are the tree without its words (tree_tags), cleaned as in Vinyals et al. (arXiv
1412.7449): no traces, no function tags, no outermost TOP, ROOT or S1 over one constituent. Words
and target give the cleaned tree back. Unlike T2T, words and symbols share one vocabulary, as the
paper has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources import holding_out
from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.data.sources.raw_data import LocatedData
from t2t_mm.data.sources.readers.treebank import items_of
from t2t_mm.errors import DataError
from t2t_mm.kinds import tree_tags, trees
from t2t_mm.problem import Broken, Dropped, Sample, Split, Text2TreeProblem
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance, RawFiles

_NAME = re.compile(r"wsj_(\d\d)\d\d\.mrg", re.IGNORECASE)
_SECTIONS = {
    Split.TRAIN: frozenset(range(2, 22)),
    Split.DEV: frozenset({22}),
    Split.TEST: frozenset({23}),
}
_ABOVE = ("", "combined/", "??/", "wsj/??/", "mrg/wsj/??/", "parsed/mrg/wsj/??/")
_FILE = "[wW][sS][jJ]_[0-9][0-9][0-9][0-9].[mM][rR][gG]"
_TOPS = frozenset({"TOP", "ROOT", "S1"})
_HOMEPAGE = "https://catalog.ldc.upenn.edu/LDC99T42"
_LICENCE = "LDC user agreement; NLTK's sample: non-commercial"


class ParsingProblem(NamedProblem, Text2TreeProblem):
    """Sentences to trees without their words.

    Attributes:
      tree_files: split -> a file of one tree a line, the first of them that is there.
    """

    tree_files: ClassVar[Mapping[Split, tuple[str, ...]]]

    def samples_of_files(
        self, files: RawFiles, root: Path, split: Split
    ) -> Iterator[Sample | Dropped | Broken]:
        paths = _section_files(root, split) if files.key == "mrg" else [self._file(root, split)]
        for path in paths:
            for item in items_of(path):
                if isinstance(item, Broken):
                    yield self.sample_of_item(item, split)
                else:
                    yield _sample(item[1])

    def _file(self, root: Path, split: Split) -> Path:
        places = [root / name for name in self.tree_files[split]]
        return next(path for path in places if path.exists())

    def describe_cleaning(self) -> str:
        """The cleaning of trees, and the rules."""
        return (
            f"traces, function tags and indices taken out of trees; {super().describe_cleaning()}"
        )

    def remark(self, found: LocatedData) -> str:
        """A note on the splits, where they are not the standard sections."""
        if found.files is None:
            return ""
        if found.files.key == "mrg":
            return _described_sections(found.path)
        dev = self._file(found.path, Split.DEV)
        if Split.TEST in self.splits and self._file(found.path, Split.TEST) == dev:
            return f"no test trees are there: test is {dev.name} again"
        return ""


def _sample(tree: trees.ParseTree) -> Sample | Dropped:
    cleaned = trees.clean(tree)
    if cleaned is None:
        return Dropped("nothing but traces")
    only = cleaned.children[0]
    if cleaned.label in _TOPS and len(cleaned.children) == 1 and isinstance(only, trees.ParseTree):
        cleaned = only
    try:
        return {"inputs": " ".join(trees.words(cleaned)), "targets": tree_tags.write(cleaned)}
    except DataError:
        return Dropped("a tree that cannot be written without its words")


def _treebank_files(root: Path) -> dict[str, Path]:
    """Name, lower case -> file, sorted by name; a file that is there twice is read once."""
    found = {path.name.lower(): path for above in _ABOVE for path in root.glob(f"{above}{_FILE}")}
    return dict(sorted(found.items()))


def _section(name: str) -> int:
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else -1


def _is_whole(files: Mapping[str, Path]) -> bool:
    sections = {_section(name) for name in files}
    return all(wanted <= sections for wanted in _SECTIONS.values())


def _section_files(root: Path, split: Split) -> list[Path]:
    files = _treebank_files(root)
    if _is_whole(files):
        return [path for name, path in files.items() if _section(name) in _SECTIONS[split]]
    return list(holding_out.split_by_tenths(list(files.values()), split, f"files below {root}"))


def _described_sections(root: Path) -> str:
    files = _treebank_files(root)
    if _is_whole(files):
        return "train is sections 02 to 21, dev 22, test 23"
    sections = sorted({_section(name) for name in files})
    there = ", ".join(f"{section:02d}" for section in sections)
    return (
        f"the standard sections are not all there (only {there}): of the {len(files)} files in the "
        f"order of their names {holding_out.DESCRIPTION}"
    )


class ParsingEnglishPtb(ParsingProblem):
    """The Penn Treebank's standard sections, or T2T's parsing_{train,dev}.trees."""

    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 10, Split.DEV: 1, Split.TEST: 1}
    tree_files: ClassVar[Mapping[Split, tuple[str, ...]]] = {
        Split.TRAIN: ("parsing_train.trees",),
        Split.DEV: ("parsing_dev.trees",),
        Split.TEST: ("parsing_test.trees", "parsing_dev.trees"),
    }
    provenance = Provenance(
        homepage=_HOMEPAGE,
        licence=_LICENCE,
        examples={"train": 39_832, "dev": 1_700, "test": 2_416},
        files=(
            RawFiles("mrg", ("|".join(("wsj_*.mrg", *(f"{above}{_FILE}" for above in _ABOVE))),)),
            RawFiles("trees", ("parsing_train.trees", "parsing_dev.trees")),
        ),
        access="the folder parsed/mrg of LDC99T42 (Treebank-3), by membership or a fee; NLTK's "
        "sample of 199 files, nltk.download('treebank'), is read too",
    )


@registry.register_problem("parsing_english_ptb8k")
class ParsingEnglishPtb8k(ParsingEnglishPtb):
    """English sentences to constituency trees, Penn Treebank, a vocabulary of 8k; the paper's."""

    vocabulary = vocabulary("parsing_english_ptb", 8192, "parsing_english_ptb8k")


@registry.register_problem("parsing_english_ptb16k")
class ParsingEnglishPtb16k(ParsingEnglishPtb):
    """English sentences to constituency trees, Penn Treebank, a vocabulary of 16k."""

    vocabulary = vocabulary("parsing_english_ptb", 16_384, "parsing_english_ptb16k")


@registry.register_problem("wsj_parsing")
class WsjParsing(ParsingProblem):
    """English sentences to constituency trees, T2T's files wsjTrain.trees and wsjEval.trees."""

    vocabulary = vocabulary("wsj_parsing", 8192, "wsj_parsing")
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 10, Split.DEV: 1}
    tree_files: ClassVar[Mapping[Split, tuple[str, ...]]] = {
        Split.TRAIN: ("wsjTrain.trees",),
        Split.DEV: ("wsjEval.trees",),
    }
    provenance = Provenance(
        homepage=_HOMEPAGE,
        licence=_LICENCE,
        examples={"train": 39_832, "dev": 1_700},
        files=(RawFiles("trees", ("wsjTrain.trees", "wsjEval.trees")),),
        access="write one bracketed tree a line from LDC99T42 (Treebank-3), by membership or a fee",
    )
