"""Language models: texts alone, which the model learns to predict; no inputs, as in T2T.

Scored by perplexity (evaluation/perplexity.py); each text by itself: the model does not know what
stands before it in its document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.data.sources.tfds_folder import Record
from t2t_mm.problem import Sample, Split, Text2SelfProblem
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance, RawFiles, TfdsData

_PUBLISHED, UNKNOWN = "<unk>", "UNK"


class LanguageModelProblem(NamedProblem, Text2SelfProblem):
    """The lines of text files.

    Attributes:
      chunk_words: a longer line is cut into pieces of at most this number of words.
      paths: the files of each split, globs allowed, below what RawFiles find.
    """

    chunk_words: ClassVar[int] = 256
    paths: ClassVar[Mapping[Split, str]]

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample]:
        yield from self._samples_of(record.text("text"))

    def samples_of_files(self, files: RawFiles, root: Path, split: Split) -> Iterator[Sample]:
        for path in sorted(root.glob(self.paths[split])):
            for _, line in numbered_lines(path):
                yield from self._samples_of(line)

    def _samples_of(self, text: str) -> Iterator[Sample]:
        for piece in pieces(text.replace(_PUBLISHED, UNKNOWN), self.chunk_words):
            yield {"inputs": "", "targets": piece}

    def describe_cleaning(self) -> str:
        return (
            f"a line a text, blank ones left out; lines over {self.chunk_words} words cut into "
            f"pieces of so many; {_PUBLISHED} written {UNKNOWN}; {super().describe_cleaning()}"
        )


def pieces(text: str, words: int) -> Iterator[str]:
    """The text in pieces of `words` words, the last one perhaps shorter; none of a blank text."""
    found = text.split()
    for start in range(0, len(found), words):
        yield " ".join(found[start : start + words])


_PTB = "simple-examples"


@registry.register_problem("languagemodel_ptb10k")
class LanguagemodelPtb10k(LanguageModelProblem):
    """Penn Treebank text as Mikolov prepared it: 10,000 words, lower case, N for numbers.

    A sentence is a text. The vocabulary has pieces of words, about as many as there are words, so
    compare perplexity_per_word with published figures; these mostly carry the state of the model
    from one sentence to the next, which lowers them.
    """

    vocabulary = vocabulary("languagemodel_ptb", 10_259, "languagemodel_ptb10k")
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 10, Split.DEV: 1, Split.TEST: 1}
    paths: ClassVar[Mapping[Split, str]] = {
        Split.TRAIN: f"{_PTB}/data/ptb.train.txt",
        Split.DEV: f"{_PTB}/data/ptb.valid.txt",
        Split.TEST: f"{_PTB}/data/ptb.test.txt",
    }
    provenance = Provenance(
        homepage="http://www.fit.vutbr.cz/~imikolov/rnnlm/",
        licence="text of the Penn Treebank: LDC's terms",
        examples={"train": 42_068, "dev": 3_370, "test": 3_761},
        download_bytes=34_869_662,
        files=(
            RawFiles("folder", tuple(paths.values())),
            RawFiles("archive", (f"{_PTB}.tgz",), unpack=((f"{_PTB}.tgz", _PTB),)),
        ),
        access="download simple-examples.tgz from there",
    )


_WIKITEXT, _WIKITEXT_ZIP = "wikitext-103", "wikitext-103-v1.zip"


@registry.register_problem("languagemodel_wikitext103")
class LanguagemodelWikitext103(LanguageModelProblem):
    """WikiText-103: good and featured articles of Wikipedia, tokenised, a paragraph a text.

    The published marks stay ("@-@", headings between "="). Published figures give a model the
    paragraphs before, which lowers them.
    """

    vocabulary = vocabulary("languagemodel_wikitext103", 32_768, "languagemodel_wikitext103")
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 100, Split.DEV: 1, Split.TEST: 1}
    paths: ClassVar[Mapping[Split, str]] = {
        Split.TRAIN: f"{_WIKITEXT}/wiki.train.tokens",
        Split.DEV: f"{_WIKITEXT}/wiki.valid.tokens",
        Split.TEST: f"{_WIKITEXT}/wiki.test.tokens",
    }
    provenance = Provenance(
        homepage="https://huggingface.co/datasets/Salesforce/wikitext",
        licence="CC BY-SA 3.0",
        examples={"train": 1_165_029, "dev": 2_461, "test": 2_891},
        download_bytes=190_229_076,
        files=(
            RawFiles("folder", tuple(paths.values())),
            RawFiles("archive", (_WIKITEXT_ZIP,), unpack=((_WIKITEXT_ZIP, _WIKITEXT),)),
        ),
        access=f"download {_WIKITEXT_ZIP} (TFDS has no such data set)",
    )


_LM1B = "1-billion-word-language-modeling-benchmark-r13output"


@registry.register_problem("languagemodel_lm1b32k")
class LanguagemodelLm1b32k(LanguageModelProblem):
    """One Billion Word Benchmark: shuffled sentences of the news, a vocabulary of 32k.

    Dev is the first of the fifty held-out files, as in T2T; of TFDS, which does not keep their
    order, as large a part.
    """

    vocabulary = vocabulary("languagemodel_lm1b", 32_768, "languagemodel_lm1b32k")
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 100, Split.DEV: 1}
    paths: ClassVar[Mapping[Split, str]] = {
        Split.TRAIN: f"{_LM1B}/training-monolingual.tokenized.shuffled/news.en-*",
        Split.DEV: f"{_LM1B}/heldout-monolingual.tokenized.shuffled/news.en.heldout-00000-of-00050",
    }
    provenance = Provenance(
        homepage="https://www.statmt.org/lm-benchmark/",
        licence="free for research: news of WMT11",
        examples={"train": 30_301_028, "dev": 6_075},
        download_bytes=1_792_209_805,
        tfds=(TfdsData("lm1b", {"train": "train", "dev": "test[:2%]"}, version="1."),),
        files=(
            RawFiles("folder", tuple(paths.values())),
            RawFiles("archive", (f"{_LM1B}.tar.gz",), unpack=((f"{_LM1B}.tar.gz", _LM1B),)),
        ),
    )
